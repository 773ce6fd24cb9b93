package exchange

import (
	"encoding/json"
	"fmt"
	"iter"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
)

// Target is the store that documents are on their way to.
type Target interface {
	Facts() engine.Facts
	// Key returns the key of the source with a name.
	Key(name string) (string, error)
}

// Transfers yields the documents as the target takes them, in order and once: with an id, a source
// and, unless only texts are wanted, a vector. Without an id in the file they get the one that an
// ingest derives; without a source, the one that their metadata name, else the input's name.
func (in *Input) Transfers(to Target) iter.Seq2[engine.Transfer, error] {
	c := completer{in: in, to: to}
	facts := to.Facts()
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
	to       Target
	reusable bool // both stores have one embedder, so its vectors may be used again for equal texts
	ids      ingest.IDs
	source   engine.Source // of the last document that had none: the next one often shares it
}

func (c *completer) complete(t *engine.Transfer) (err error) {
	if t.From.Key == "" {
		if name := c.in.sourceOf(t.Document); name != c.source.Name || c.source.Key == "" {
			c.source = engine.Source{Name: name}
			if c.source.Key, err = c.to.Key(name); err != nil {
				return err
			}
		}
		t.From = c.source
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
	var fields map[string]json.RawMessage
	var name string
	if json.Unmarshal(d.Metadata, &fields) == nil && json.Unmarshal(fields["source"], &name) == nil && name != "" {
		return name
	}
	return in.Name
}
