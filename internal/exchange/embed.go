package exchange

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/vector"
)

// Verify embeds the first texts again and accepts vectors by their cosine.
const (
	verifyTexts  = 3
	verifyCosine = 0.99
)

// Verify passes documents on and fails where the vectors of the first texts are not those that e
// makes of them.
func Verify(ctx context.Context, e embed.Embedder, docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		var sample []engine.Transfer
		for t, err := range docs {
			if err == nil && t.Text != "" && len(sample) < verifyTexts {
				first := t
				first.Vector = slices.Clone(t.Vector) // it is valid only until the next document
				if sample = append(sample, first); len(sample) == verifyTexts {
					err = compare(ctx, e, sample)
				}
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
		if len(sample) < verifyTexts {
			if err := compare(ctx, e, sample); err != nil {
				yield(engine.Transfer{}, err)
			}
		}
	}
}

func compare(ctx context.Context, e embed.Embedder, sample []engine.Transfer) error {
	texts := make([]string, len(sample))
	for n, t := range sample {
		texts[n] = t.Text
	}
	if len(texts) == 0 {
		return nil
	}
	vectors, err := embed.Vectors(ctx, e, texts)
	if err != nil {
		return err
	}
	for n, t := range sample {
		v := vectors[n]
		if c := vector.Cosine(v, t.Vector, vector.Length(v), vector.Length(t.Vector)); c < verifyCosine {
			err := fmt.Errorf("document %q: its vector is not one of %s: their cosine is %.2f", t.ID, e.Identity(), c)
			return hint.With(err, "name the embedder that made the vectors, or make them anew with --reembed")
		}
	}
	return nil
}

// errStopped ends an embed.Each whose results are not wanted any more.
var errStopped = errors.New("stopped")

// Embed gives each document the vector that e makes of its text, with so many workers and texts
// in each call of e. The first text that is refused ends it.
func Embed(ctx context.Context, e embed.Embedder, workers, batchSize int, docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err := embed.Each(ctx, e, workers, batchSize, docs, textOf, func(t engine.Transfer, o embed.Outcome) error {
			if o.Err != nil {
				return fmt.Errorf("document %q: %w", t.ID, o.Err)
			}
			t.Vector, t.Origin = o.Vector, engine.Embedded
			if o.Cut {
				t.Origin = engine.Truncated
			}
			if !yield(t, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(engine.Transfer{}, err)
		}
	}
}

func textOf(t engine.Transfer) string { return t.Text }
