package embed

import (
	"testing"
	"time"
)

// Tokens are the ids that a BERT embedder computes for a text.
func Tokens(e Embedder, text string) []int32 {
	ids, _ := e.(*bert).tokens(text)
	return ids
}

// TakeWorkspace occupies one thread of a BERT embedder until the function is called.
func TakeWorkspace(e Embedder) (giveBack func()) {
	b := e.(*bert)
	w := <-b.workspaces
	return func() { b.workspaces <- w }
}

// SetStallNotice changes after what time people are told that a program does not answer.
func SetStallNotice(_ *testing.T, e Embedder, d time.Duration) { e.(*command).stall = d }
