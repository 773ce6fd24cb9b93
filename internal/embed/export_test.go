package embed

import (
	"context"
	"time"
)

// SetClock gives an openai embedder a time of the test's own.
func SetClock(e Embedder, now func() time.Time, sleep func(context.Context, time.Duration) error) {
	e.(*openAI).clock = clock{now: now, sleep: sleep}
}
