package embed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second

	// maxAnswerTries bounds the requests that may get an unusable answer: one can
	// be an accident, three in a row are how the service is.
	maxAnswerTries = 3

	// noticeWait is from where on people wonder why nothing happens.
	noticeWait = 5 * time.Second
)

// retry calls try until it succeeds, fails for good, or the service has been
// unavailable for RetryFor since its first failure. It waits between two tries
// for a jittered time that doubles up to maxBackoff, or longer where the service
// asks for it.
func (s *openAI) retry(ctx context.Context, try func() (failure, error)) error {
	var since time.Time
	badAnswers := 0
	for n := 0; ; n++ {
		cause, err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n == 0 {
			since = s.clock.now()
		}
		switch cause.kind {
		case final:
			return err
		case badAnswer:
			if badAnswers++; badAnswers == maxAnswerTries {
				return err
			}
		}
		wait, ok := s.wait(n, since, cause.retryAfter)
		if !ok {
			return &UnavailableError{Service: s.service, For: s.clock.now().Sub(since), RetryAfter: cause.retryAfter, Err: err}
		}
		if wait >= noticeWait {
			s.options.Notice(fmt.Sprintf("%s: %v; trying again in %s", s.service, err, wait.Round(time.Second)))
		}
		if err := s.clock.sleep(ctx, wait); err != nil {
			return err
		}
		s.options.Stats.AddRetry()
	}
}

// wait returns how long to wait after failure n of a request, which first failed
// at since, or false where RetryFor leaves no time for another try. The last
// backoff is cut so that the last try is at the end; a time that the service
// asked for is not.
func (s *openAI) wait(n int, since time.Time, asked time.Duration) (time.Duration, bool) {
	left := s.options.RetryFor - s.clock.now().Sub(since)
	if left <= 0 || asked > left {
		return 0, false
	}
	return max(asked, min(backoff(n), left)), true
}

// backoff returns between half and all of firstBackoff * 2^n, capped.
func backoff(n int) time.Duration {
	d := maxBackoff
	if n < 6 { // 2^6 half seconds are past the cap
		d = firstBackoff << n
	}
	return d/2 + rand.N(d/2)
}

// parseRetryAfter reads the header's two forms, seconds and an HTTP date (RFC
// 9110, 10.2.3), as a time from now; 0 where it says nothing usable.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		const day = 24 * 60 * 60 // longer than anyone waits, and safe to multiply
		return time.Duration(min(max(seconds, 0), day) * float64(time.Second))
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}
