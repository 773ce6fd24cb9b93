package exchange

import (
	"fmt"
	"iter"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
)

// Transfers yields the documents as a store with the facts takes them, in order and once: with an id, a source
// and, unless only texts are wanted, a vector. Without an id in the file they get the one that an
// ingest derives; without a source, the one that their metadata name, else the input's name.
func (in *Input) Transfers(facts engine.Facts) iter.Seq2[engine.Transfer, error] {
	c := completer{in: in}
	c.reusable = in.Facts.Embedder == facts.Embedder && in.Facts.Fingerprint == facts.Fingerprint
	return func(yield func(engine.Transfer, error) bool) {
		for t, err := range in.documents {
			if err == nil {
				err = c.complete(&t)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// completer adds what documents lack.
type completer struct {
	in       *Input
	reusable bool // both stores have one embedder, so its vectors may be used again for equal texts
	ids      ingest.IDs
}

func (c *completer) complete(t *engine.Transfer) error {
	if t.From.Key == "" {
		var err error
		if t.Metadata, err = t.Metadata.Read(); err != nil {
			return fmt.Errorf("document %q: %w", t.ID, err)
		}
		name := c.in.sourceOf(t.Document)
		t.From = engine.Source{Key: name, Name: name}
	}
	if t.ID == "" {
		t.ID = c.ids.Derive(t.From.Name, t.Text, t.Metadata)
	}
	if !c.reusable {
		t.Origin = engine.Given
	}
	if t.Vector == nil && !c.in.textsOnly {
		return fmt.Errorf("document %q: %w", t.ID, ErrNoVector)
	}
	return nil
}

func (in *Input) sourceOf(d engine.Document) string {
	if d.Source != "" {
		return d.Source
	}
	if name := d.Metadata.Text("source"); name != "" {
		return name
	}
	return in.Name
}
