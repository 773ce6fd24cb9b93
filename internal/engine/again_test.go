package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sheaf/internal/engine"
)

// TestAgain: what a server does not answer is tried three times, and anything else once.
func TestAgain(t *testing.T) {
	t.Parallel()
	away, wrong := &engine.UnavailableError{Store: "s", Err: errors.New("away")}, errors.New("wrong")
	for _, test := range []struct {
		answers []error
		want    error
		took    time.Duration
	}{
		{[]error{nil}, nil, 0},
		{[]error{wrong}, wrong, 0},
		{[]error{away, nil}, nil, 200 * time.Millisecond},
		{[]error{away, away, wrong}, wrong, 1200 * time.Millisecond},
		{[]error{away, away, away}, away, 1200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			start, tries := time.Now(), 0
			err := engine.Again(t.Context(), func() error { tries++; return test.answers[tries-1] })
			if !errors.Is(err, test.want) || tries != len(test.answers) || time.Since(start) != test.took {
				t.Errorf("%v: %v after %d tries and %s", test.answers, err, tries, time.Since(start))
			}
			ctx, stop := context.WithCancelCause(t.Context())
			err = engine.Again(ctx, func() error { stop(wrong); return away })
			if !errors.Is(err, wrong) {
				t.Errorf("stopped: %v", err)
			}
		})
	}
}
