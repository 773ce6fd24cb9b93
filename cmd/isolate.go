package cmd

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"

	"sheaf/internal/embed"
)

// isolating is an embedder for a batch of strangers' texts: a text that the
// service refuses for what it is (too long, say) gets no vector and costs the
// others nothing but a few more requests.
type isolating struct {
	embed.Embedder

	mu      sync.Mutex
	refused map[string]error // by text
}

// Embed returns a nil vector for a text that is refused.
func (e *isolating) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := e.Embedder.Embed(ctx, texts)
	var refused *embed.RefusedError
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		return vectors, err
	}
	if len(texts) == 1 {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.refused[texts[0]] = err
		return [][]float32{nil}, nil
	}
	half := len(texts) / 2
	first, err := e.Embed(ctx, texts[:half])
	if err != nil {
		return nil, err
	}
	second, err := e.Embed(ctx, texts[half:])
	return append(first, second...), err
}

// embedAll embeds texts with the workers and the batch size of the settings,
// and calls done for each in order, with its vector or why it has none.
func (env *environment) embedAll(
	ctx context.Context, e embed.Embedder, o embedderFlags, texts iter.Seq2[string, error],
	done func(text string, vector []float32, err error) error,
) error {
	lenient := &isolating{Embedder: e, refused: map[string]error{}}
	size := o.batchSize
	if size == 0 {
		size = embed.DefaultBatchSize
	}
	return embed.Run(ctx, lenient, env.workers(), batches(texts, size), func(b *embed.Batch[struct{}]) error {
		for i, text := range b.Texts {
			var err error
			if b.Vectors[i] == nil {
				lenient.mu.Lock()
				err = lenient.refused[text]
				lenient.mu.Unlock()
			}
			if err := done(text, b.Vectors[i], err); err != nil {
				return err
			}
		}
		return nil
	})
}

func batches(texts iter.Seq2[string, error], size int) iter.Seq2[*embed.Batch[struct{}], error] {
	return func(yield func(*embed.Batch[struct{}], error) bool) {
		b := &embed.Batch[struct{}]{}
		for text, err := range texts {
			if err != nil {
				yield(nil, err)
				return
			}
			if b.Texts = append(b.Texts, text); len(b.Texts) == size {
				if !yield(b, nil) {
					return
				}
				b = &embed.Batch[struct{}]{}
			}
		}
		if len(b.Texts) > 0 {
			yield(b, nil)
		}
	}
}
