package exchange

import (
	"cmp"
	"fmt"
	"iter"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
)

// Transfers yields the documents, in order and once, as a store with the facts takes them: with an
// id, a source and, unless only texts are wanted, a vector. A document without an id gets the one
// that an ingest derives; one without a source that which its metadata name, or else the input.
func (in *Input) Transfers(facts engine.Facts) iter.Seq2[engine.Transfer, error] {
	// Vectors of the store's own embedder may be used again for equal texts.
	reusable := in.Facts.Embedder == facts.Embedder && in.Facts.Fingerprint == facts.Fingerprint
	return func(yield func(engine.Transfer, error) bool) {
		var ids ingest.IDs
		for t, err := range in.documents {
			if err == nil {
				err = in.complete(&t, &ids)
			}
			if !reusable {
				t.Origin = engine.Given
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// complete adds what a document lacks.
func (in *Input) complete(t *engine.Transfer, ids *ingest.IDs) error {
	if t.From.Key == "" {
		var err error
		if t.Metadata, err = t.Metadata.Read(); err != nil {
			return fmt.Errorf("document %q: %w", t.ID, err)
		}
		name := cmp.Or(t.Source, t.Metadata.Text("source"), in.Name)
		if t.Source == "" && name != in.Name {
			t.StartLine, t.EndLine = 0, 0 // they are lines of the input
		}
		t.From = engine.Source{Key: name, Name: name}
	}
	if t.ID == "" {
		t.ID = ids.Derive(t.From.Name, t.Text, t.Metadata)
	}
	if t.Vector == nil && !in.textsOnly {
		return fmt.Errorf("document %q: %w", t.ID, ErrNoVector)
	}
	return nil
}
