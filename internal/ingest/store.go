package ingest

import (
	"context"
	"iter"

	"sheaf/internal/engine"
)

// Reader is what a run reads from a store.
type Reader interface {
	Facts() engine.Facts
	Info(ctx context.Context) (engine.Info, error)
	// Settings are those that SetSettings kept, "" before.
	Settings() string
	// SourcesByKey returns those sources that have one of the keys, by key.
	SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error)
	SourceByName(ctx context.Context, name string) (engine.Source, bool, error)
	// AllSources yields the sources in the order in which they came.
	AllSources(ctx context.Context) iter.Seq2[engine.Source, error]
	// Match looks documents up that src is about to get. A document's Vector,
	// where set, came with it and must equal the stored one.
	Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error)
}

// Writer is what a run changes a store with. Changes are staged until Commit, and
// the methods of Reader answer from what was committed.
type Writer interface {
	Reader
	// Replace starts to replace what src holds. One replacement is open at a
	// time. A Commit before it is Done shows what was added so far beside what
	// the source had, and leaves the source to be read again: its Hash is empty.
	Replace(ctx context.Context, src engine.Source) (engine.Replacement, error)
	// Touch stages that a source was found unchanged, under a new time or key.
	Touch(src engine.Source)
	// Forget stages the end of a source and of its documents.
	Forget(ctx context.Context, src engine.Source) error
	// VectorOf returns the vector that the store's embedder made of a whole
	// text, staged or committed; nil where there is none.
	VectorOf(ctx context.Context, text string) ([]float32, error)
	// SetSettings keeps settings for the sources to come.
	SetSettings(ctx context.Context, settings string) error
	// Pending is how many documents wait for the next commit.
	Pending() int64
	// Commit makes visible what was staged: all of it or, on an error, nothing.
	Commit(ctx context.Context) error
	// Failed reports whether a read or a write failed, after which only Close may
	// follow.
	Failed() bool
}
