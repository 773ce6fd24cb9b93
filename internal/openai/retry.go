package openai

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"sheaf/internal/embed"
)

const (
	maxBackoff = 30 * time.Second

	// maxFirstTries bounds the unusable answers of a service that never had a good one.
	maxFirstTries = 3

	// maxSuspectTries is how often a request may fail in a way that may be its own
	// fault before the service is asked for a harmless text. The parts of a request of
	// which that is known have fewer tries.
	maxSuspectTries = 6
	maxPartTries    = 3

	// noticeWait is the shortest wait of which people are told.
	noticeWait = 5 * time.Second
)

// retry sends a request until it succeeds, fails for good, or no request to the
// service had a good answer for RetryFor. Between two tries it waits for a jittered
// time that doubles up to maxBackoff, or for longer where the service asks for it.
func (s *service) retry(ctx context.Context, r request) ([][]float32, error) {
	suspicious := 0
	for n := 0; ; n++ {
		ticket, err := s.pace.enter(ctx, r.tokens)
		if err != nil {
			return nil, err
		}
		r.base64, r.dimensions = !s.noBase64.Load(), s.options.Dimensions
		if r.anyDim || s.noDimensions.Load() {
			r.dimensions = 0
		}
		vectors, pause, fail := s.send(ctx, r)
		halved := s.pace.leave(ticket, fail == nil, fail != nil && fail.overload)
		s.pace.pause(pause)
		if fail == nil {
			s.succeeded()
			return vectors, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		since := s.failed()
		if s.leaveOut(ctx, r, fail.err) {
			continue
		}
		if fail.suspect() {
			suspicious++
		}
		if err := s.giveUp(ctx, r, fail, suspicious); err != nil {
			return nil, err
		}
		wait, ok := s.wait(n, since, pause)
		if !ok {
			return nil, &embed.UnavailableError{Service: s.name, For: s.clock.now().Sub(since), RetryAfter: pause, Err: fail.err}
		}
		if wait >= noticeWait && (halved || !fail.overload) {
			s.options.Notify("%s: %v; trying again in %s", s.name, fail.err, wait.Round(time.Second))
		}
		if err := s.clock.sleep(ctx, wait); err != nil {
			return nil, err
		}
		s.options.Stats.AddRetry()
	}
}

// leaveOut reports whether the service refused a field of the request that it can do
// without. No later request has the field.
func (s *service) leaveOut(ctx context.Context, r request, err error) bool {
	switch {
	case r.base64 && refuses(err, "encoding_format", "base64"):
		s.noBase64.Store(true)
	case r.dimensions > 0 && refuses(err, "dimensions", "matryoshka") && s.hasDim(ctx):
		s.noDimensions.Store(true)
	default:
		return false
	}
	return true
}

// refuses reports whether err is a refusal that has one of some words.
func refuses(err error, words ...string) bool {
	var refused *embed.RefusedError
	if !errors.As(err, &refused) {
		return false
	}
	for _, word := range words {
		if strings.Contains(refused.Message, word) {
			return true
		}
	}
	return false
}

// hasDim reports whether the service makes vectors of the wanted length although it
// is not asked for a length.
func (s *service) hasDim(ctx context.Context) bool {
	_, err := s.retry(ctx, request{texts: []string{embed.Probe}, tokens: 1, anyDim: true})
	return err == nil
}

// embedsProbe reports whether the service embeds a text that is beyond suspicion.
func (s *service) embedsProbe(ctx context.Context) bool {
	_, err := s.retry(ctx, request{texts: []string{embed.Probe}, tokens: 1})
	return err == nil
}

// giveUp returns the error of a request that is not worth another try, or nil. A
// request that keeps failing while the service embeds something else is itself the
// reason.
func (s *service) giveUp(ctx context.Context, r request, fail *failure, suspicious int) error {
	tries := maxSuspectTries
	switch {
	case fail.class == final:
		return fail.err
	case !fail.suspect():
		return nil
	case fail.class == badAnswer && !s.answered.Load():
		if suspicious >= maxFirstTries {
			return fail.err
		}
		return nil
	case r.part:
		tries = maxPartTries
	}
	switch {
	case suspicious%tries != 0:
		return nil
	case r.texts[0] != embed.Probe && s.embedsProbe(ctx):
		return &TextError{fail.err}
	case fail.class == badAnswer:
		return fail.err
	}
	return nil
}

// succeeded notes a good answer.
func (s *service) succeeded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failingSince = time.Time{}
}

// failed notes a failure, and returns the first one since the last good answer.
func (s *service) failed() (since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failingSince.IsZero() {
		s.failingSince = s.clock.now()
	}
	return s.failingSince
}

// wait returns how long to wait after failure n of a request, or false where RetryFor
// leaves no time for another try. asked is what the service asks for. The last
// backoff ends with RetryFor; a time that the service asked for is not cut.
func (s *service) wait(n int, since time.Time, asked time.Duration) (time.Duration, bool) {
	left := s.options.RetryFor - s.clock.now().Sub(since)
	if left <= 0 || asked > left {
		return 0, false
	}
	return max(asked, min(s.backoff(n), left)), true
}

// backoff returns between half and all of Backoff * 2^n, at most maxBackoff.
func (s *service) backoff(n int) time.Duration {
	d := min(s.options.Backoff<<min(n, 16), maxBackoff)
	return d/2 + rand.N(d/2+1)
}
