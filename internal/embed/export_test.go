package embed

import (
	"context"
	"time"
)

// SetClock gives an openai embedder a time of the test's own.
func SetClock(e Embedder, now func() time.Time, sleep func(context.Context, time.Duration) error) {
	e.(*openAI).setClock(clock{now: now, sleep: sleep})
}

// FirstTokens is firstTokens.
func FirstTokens(text string, limit int) string { return firstTokens(text, limit) }
