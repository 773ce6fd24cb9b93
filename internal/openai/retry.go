package openai

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
)

const (
	maxBackoff = 30 * time.Second

	// maxFirstTries bounds the unusable answers of a service that never had a good one.
	maxFirstTries = 3

	// A request that fails in a way that may be its own fault has maxSuspectTries, the
	// part of a request of which that is known maxPartTries. After probeTries the service
	// is asked for a harmless text. If it embeds that, the further tries only make sure,
	// with waits of Backoff / shortWait.
	maxSuspectTries = 6
	maxPartTries    = 3
	probeTries      = 2
	shortWait       = 4

	// minPatience is how long a pause is waited for at least: limits are for a minute.
	minPatience = time.Minute

	// noticeWait is the shortest wait of which people are told.
	noticeWait = 5 * time.Second
)

// suspicion is what is known about a request that fails in a way that may be its own
// fault.
type suspicion struct {
	failures  int
	confirmed bool // the service embedded a harmless text meanwhile
}

// retry sends a request until it succeeds, fails for good, or no request to the
// service had a good answer for RetryFor. Between two tries it waits for a jittered
// time that doubles up to maxBackoff, or for longer where the service asks for it.
func (s *service) retry(ctx context.Context, r request) ([][]float32, error) {
	suspect := suspicion{confirmed: r.part}
	for n := 0; ; n++ {
		vectors, pause, halved, fail := s.sendPaced(ctx, &r)
		if fail == nil {
			s.succeeded(r)
			return vectors, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		since := s.failed()
		if s.adapt(ctx, &r, fail) {
			continue
		}
		if err := s.giveUp(ctx, r, fail, &suspect); err != nil {
			return nil, err
		}
		wait, ok := s.wait(n, since, pause)
		if !ok {
			return nil, &embed.UnavailableError{Service: s.name, For: s.clock.now().Sub(since), RetryAfter: pause, Err: fail.err}
		}
		if fail.suspect() && suspect.confirmed {
			wait = max(pause, s.options.Backoff/shortWait)
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

// sendPaced sends a request when the pace allows it, with the fields that the service
// takes. It reports whether the pace was halved.
func (s *service) sendPaced(ctx context.Context, r *request) (vectors [][]float32, pause time.Duration, halved bool, fail *failure) {
	ticket, err := s.pace.enter(ctx, r.tokens)
	var long *pauseError
	if errors.As(err, &long) {
		err = &embed.UnavailableError{Service: s.name, RetryAfter: long.left, Err: long}
	}
	if err != nil {
		return nil, 0, false, &failure{err: err}
	}
	r.base64, r.dimensions = !s.ranks() && !r.floats && !s.noBase64.Load(), s.options.Dimensions
	if r.anyDim || s.noDimensions.Load() {
		r.dimensions = 0
	}
	vectors, pause, fail = s.send(ctx, *r)
	halved = s.pace.leave(ticket, fail == nil, fail != nil && fail.overload)
	s.pace.pause(pause)
	return vectors, pause, halved, fail
}

// adapt changes a request that failed because of a field that the service does not take,
// and reports whether it is worth another try at once. A field that the service refuses in
// words is left out of all later requests.
func (s *service) adapt(ctx context.Context, r *request, fail *failure) bool {
	mayRefuseBase64 := r.base64 && !s.official && !s.answered.Load()
	r.floats = false
	switch {
	case r.base64 && refuses(fail.err, "encoding_format", "base64"):
		s.noBase64.Store(true)
	case r.dimensions > 0 && refuses(fail.err, "dimensions", "matryoshka") && s.hasDim(ctx):
		s.noDimensions.Store(true)
	case s.ranks() && refuses(fail.err, "`texts`") && !s.texts.Swap(true): // Text Embeddings Inference
	case mayRefuseBase64 && fail.unexplained:
		r.floats = true
	default:
		r.floats = mayRefuseBase64 && fail.suspect() // in the next try
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

// probeRequest is for a text that is beyond suspicion.
var probeRequest = request{query: embed.Probe, texts: []string{embed.Probe}, tokens: 1}

// embedsProbe reports whether the service embeds a harmless text, if need be after some
// time.
func (s *service) embedsProbe(ctx context.Context) bool {
	_, err := s.retry(ctx, probeRequest)
	return err == nil
}

// giveUp returns the error of a request that is not worth another try, or nil. A
// request that keeps failing while the service embeds a harmless text is itself the
// reason.
func (s *service) giveUp(ctx context.Context, r request, fail *failure, suspect *suspicion) error {
	switch {
	case fail.class == final:
		return fail.err
	case !fail.suspect():
		return nil
	}
	suspect.failures++
	if !s.answered.Load() {
		if suspect.failures < maxFirstTries || fail.class == serverError && s.probes(ctx, r) {
			return nil
		}
		return s.neverWorked(fail)
	}
	if suspect.failures == probeTries && !suspect.confirmed {
		suspect.confirmed = s.probes(ctx, r)
	}
	tries := maxSuspectTries
	if r.part {
		tries = maxPartTries
	}
	switch {
	case suspect.failures%tries != 0:
		return nil
	case s.probes(ctx, r):
		return &TextError{fail.err}
	case fail.class == badAnswer && suspect.failures > tries:
		return fail.err
	}
	suspect.confirmed = false // the service fails for everything now
	return nil
}

// probes reports whether the service embeds a harmless text now, while it fails for r.
func (s *service) probes(ctx context.Context, r request) bool {
	if r.texts[0] == embed.Probe {
		return false
	}
	probe := probeRequest
	_, _, _, fail := s.sendPaced(ctx, &probe)
	return fail == nil
}

// neverWorked returns the error of a service that had no good answer yet.
func (s *service) neverWorked(fail *failure) error {
	if fail.class == badAnswer {
		return hint.With(fail.err, "check the model that %s names and %s, which ends in /v1 for most servers", s.form.model, s.form.url)
	}
	err := &AnswerError{Service: s.name, Problem: fail.err.Error()}
	return hint.With(err, "check the model that %s names and %s; the service's log says why it fails", s.form.model, s.form.url)
}

// succeeded notes a good answer to r.
func (s *service) succeeded(r request) {
	if r.floats {
		s.noBase64.Store(true)
	}
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
