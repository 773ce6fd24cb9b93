package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/ingest"
	"sheaf/internal/vector"
)

var (
	// errNoVector says that a document came without the vector it needs.
	errNoVector = errors.New("it has no vector")
	// errStopped ends a run whose results nobody takes any more.
	errStopped = errors.New("stopped")
)

// transfers are the documents as the store takes them: with an id, a source and
// a vector.
func (i *importing) transfers() iter.Seq2[engine.Transfer, error] {
	docs := i.named(i.in.documents)
	switch {
	case i.o.reembed:
		return i.embedded(docs)
	case i.o.verify:
		return i.verified(docs)
	}
	return docs
}

// named gives documents that lack them an id and a source: what their metadata
// says, else what is imported.
func (i *importing) named(docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		var ids ingest.IDs
		var last engine.Source
		for t, err := range docs {
			if err == nil && t.From.Key == "" {
				name := i.sourceOf(t.Document)
				if name != last.Name || last.Key == "" {
					last = engine.Source{Name: name}
					last.Key, err = i.w.Key(name)
				}
				t.From = last
			}
			if t.ID == "" {
				t.ID = ids.Derive(t.From.Name, t.Text, t.Metadata)
			}
			if t.Origin != engine.Given && !i.same() {
				t.Origin = engine.Given
			}
			if err == nil && t.Vector == nil && !i.o.reembed {
				err = fmt.Errorf("document %q: %w", t.ID, errNoVector)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// same tells whether the store that documents come from has the embedder of the
// one that they go to: then vectors that it made can be used again.
func (i *importing) same() bool {
	from, to := i.in.facts, i.w.Facts()
	return from.Embedder == to.Embedder && from.Fingerprint == to.Fingerprint
}

func (i *importing) sourceOf(d engine.Document) string {
	if d.Source != "" {
		return d.Source
	}
	var fields map[string]json.RawMessage
	var name string
	if json.Unmarshal(d.Metadata, &fields) == nil && json.Unmarshal(fields["source"], &name) == nil && name != "" {
		return name
	}
	return i.in.name
}

// verifyTexts is how many texts --verify embeds, and verifyCosine how much
// alike their vectors must be.
const (
	verifyTexts  = 3
	verifyCosine = 0.99
)

// verified passes documents on, and compares the vectors of the first texts
// with those that the embedder makes.
func (i *importing) verified(docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		var sample []engine.Transfer
		for t, err := range docs {
			if err == nil && t.Text != "" && len(sample) < verifyTexts {
				if sample = append(sample, t); len(sample) == verifyTexts {
					err = i.compare(sample)
				}
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
		if len(sample) < verifyTexts {
			if err := i.compare(sample); err != nil {
				yield(engine.Transfer{}, err)
			}
		}
	}
}

func (i *importing) compare(sample []engine.Transfer) error {
	texts := make([]string, len(sample))
	for n, t := range sample {
		texts[n] = t.Text
	}
	if len(texts) == 0 {
		return nil
	}
	vectors, err := embed.Vectors(i.ctx, i.e, texts)
	if err != nil {
		return err
	}
	for n, t := range sample {
		v := vectors[n]
		if c := vector.Cosine(v, t.Vector, vector.Length(v), vector.Length(t.Vector)); c < verifyCosine {
			err := fmt.Errorf("document %q: its vector is not one of %s: their cosine is %.2f", t.ID, i.e.Identity(), c)
			return hint.With(err, "name the embedder that made the vectors, or make them anew with --reembed")
		}
	}
	return nil
}

// embedded gives each document the vector that the embedder makes of its text.
func (i *importing) embedded(docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	workers, batchSize := i.env.pool(i.e, i.o.embedder)
	return func(yield func(engine.Transfer, error) bool) {
		ctx, cancel := context.WithCancel(i.ctx)
		defer cancel()
		err := embed.Run(ctx, i.e, workers, documentBatches(docs, batchSize), func(b *embed.Batch[[]engine.Transfer]) error {
			for n, t := range b.Carry {
				if b.Errs[n] != nil {
					return fmt.Errorf("document %q: %w", t.ID, b.Errs[n])
				}
				t.Vector, t.Origin = b.Vectors[n], engine.Embedded
				if _, cut := b.Cut[n]; cut {
					t.Origin = engine.Truncated
				}
				if !yield(t, nil) {
					return errStopped
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(engine.Transfer{}, err)
		}
	}
}

func documentBatches(docs iter.Seq2[engine.Transfer, error], size int) iter.Seq2[*embed.Batch[[]engine.Transfer], error] {
	return func(yield func(*embed.Batch[[]engine.Transfer], error) bool) {
		b := &embed.Batch[[]engine.Transfer]{}
		for t, err := range docs {
			if err != nil {
				yield(nil, err)
				return
			}
			b.Texts, b.Carry = append(b.Texts, t.Text), append(b.Carry, t)
			if len(b.Texts) == size {
				if !yield(b, nil) {
					return
				}
				b = &embed.Batch[[]engine.Transfer]{}
			}
		}
		if len(b.Texts) > 0 {
			yield(b, nil)
		}
	}
}
