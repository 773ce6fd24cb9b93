package embed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	maxBackoff = 30 * time.Second

	// maxFirstTries bounds the unusable answers of a service that was never well:
	// one can be an accident, three in a row are how it is.
	maxFirstTries = 3

	// maxSuspectTries is how often a request may fail in a way that may be its own
	// fault, an unusable answer or a status 500, before the service is asked for
	// something harmless. The parts of a request of which that is known get fewer.
	maxSuspectTries = 6
	maxPartTries    = 3

	// noticeWait is from where on people wonder why nothing happens.
	noticeWait = 5 * time.Second
)

// inputs are what one request asks for: texts, none of them empty.
type inputs struct {
	texts  []string
	tokens int  // of them; only where they are counted
	part   bool // of a request that failed
	native bool // the length of the vectors is left to the service
}

// request embeds inputs and tries again what may succeed, until it does, fails
// for good, or no request at all had a good answer for RetryFor. Between two
// tries it waits for a jittered time that doubles up to maxBackoff, or longer
// where the service asks for it.
func (s *openAI) request(ctx context.Context, in inputs) ([][]float32, error) {
	suspicious := 0
	for n := 0; ; n++ {
		cuts, err := s.pace.enter(ctx, in.tokens)
		if err != nil {
			return nil, err
		}
		vectors, cause, err := s.try(ctx, in)
		cut := s.pace.leave(cuts, err == nil, cause.crowded)
		s.pace.pause(cause.idle)
		if err == nil {
			s.well()
			return vectors, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		since := s.unwell()
		if cause.suspect() {
			suspicious++
		}
		if over, err := s.verdict(ctx, in, cause, suspicious, err); over {
			return nil, err
		}
		wait, ok := s.wait(n, since, cause.idle)
		if !ok {
			return nil, &UnavailableError{Service: s.service, For: s.clock.now().Sub(since), RetryAfter: cause.idle, Err: err}
		}
		if wait >= noticeWait && (cut || !cause.crowded) {
			s.options.Notice(fmt.Sprintf("%s: %v; trying again in %s", s.service, err, wait.Round(time.Second)))
		}
		if err := s.clock.sleep(ctx, wait); err != nil {
			return nil, err
		}
		s.options.Stats.AddRetry()
	}
}

// probe is a text that no service has a reason to refuse.
const probe = "dimension"

// alive tells whether the service embeds a text that is beyond suspicion.
func (s *openAI) alive(ctx context.Context) bool {
	_, err := s.request(ctx, inputs{texts: []string{probe}, tokens: 1})
	return err == nil
}

// verdict tells whether a failure ends a request, and with which error. One that
// keeps failing while the service embeds something else is itself the cause.
func (s *openAI) verdict(ctx context.Context, in inputs, cause failure, suspicious int, err error) (over bool, _ error) {
	tries := maxSuspectTries
	switch {
	case cause.kind == final:
		return true, err
	case !cause.suspect():
		return false, nil
	case cause.kind == badAnswer && !s.answered.Load():
		return suspicious >= maxFirstTries, err
	case in.part:
		tries = maxPartTries
	}
	switch {
	case suspicious%tries != 0:
		return false, nil
	case in.texts[0] != probe && s.alive(ctx):
		return true, &InputError{err}
	}
	return cause.kind == badAnswer, err
}

// well notes a good answer, unwell the lack of one. It returns since when there
// was none.
func (s *openAI) well() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sick = time.Time{}
}

func (s *openAI) unwell() (since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sick.IsZero() {
		s.sick = s.clock.now()
	}
	return s.sick
}

// wait returns how long to wait after failure n of a request when no answer was
// good since a time, or false where RetryFor leaves no time for another try. The
// last backoff is cut so that the last try is at the end; a time that the service
// asked for is not.
func (s *openAI) wait(n int, since time.Time, asked time.Duration) (time.Duration, bool) {
	left := s.options.RetryFor - s.clock.now().Sub(since)
	if left <= 0 || asked > left {
		return 0, false
	}
	return max(asked, min(s.backoff(n), left)), true
}

// backoff returns between half and all of Backoff * 2^n, capped.
func (s *openAI) backoff(n int) time.Duration {
	d := min(s.options.Backoff<<min(n, 16), maxBackoff)
	return d/2 + rand.N(d/2+1)
}
