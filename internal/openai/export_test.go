package openai

import (
	"context"
	"time"

	"sheaf/internal/embed"
)

// SetClock gives an embedder another clock.
func SetClock(e embed.Embedder, now func() time.Time, sleep func(context.Context, time.Duration) error) {
	e.(*service).setClock(clock{now: now, sleep: sleep})
}

// FirstTokens is firstTokens.
func FirstTokens(text string, limit int) string { return firstTokens(text, limit) }
