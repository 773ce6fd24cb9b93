package engine

import (
	"context"
	"errors"
	"time"
)

// pauses are those before something is tried again that the server of a store did not answer.
var pauses = []time.Duration{200 * time.Millisecond, time.Second}

// Again calls f until its error is another one than *[UnavailableError], a few times. What f does
// twice must come to the same as what it does once.
func Again(ctx context.Context, f func() error) error {
	for try := 0; ; try++ {
		err := f()
		var unavailable *UnavailableError
		if !errors.As(err, &unavailable) || try == len(pauses) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pauses[try]):
		}
	}
}
