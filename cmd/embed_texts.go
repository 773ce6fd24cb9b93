package cmd

import (
	"context"
	"iter"

	"sheaf/internal/embed"
)

// recentTexts is the number of different texts that are remembered to find equal ones.
const recentTexts = 4096

// embedded is the vector of a text, or why it has none.
type embedded struct {
	vector []float32
	err    error
}

// asked is a text that is being embedded.
type asked struct {
	text  string
	first int // number of the text among the different ones
	at    int // index in the batch; -1: an earlier text is equal
}

// embedAll embeds texts and calls done for each in order, with its vector or why it has none.
// Equal texts are embedded once.
func (env *environment) embedAll(
	ctx context.Context, e embed.Embedder, o embedderFlags, texts iter.Seq2[string, error],
	done func(text string, vector []float32, err error) error,
) error {
	workers, batchSize := env.pool(e, o)
	var recent [recentTexts]embedded
	return embed.Run(ctx, e, workers, batches(texts, batchSize), func(b *embed.Batch[[]asked]) error {
		for _, a := range b.Carry {
			got := &recent[a.first%recentTexts]
			if a.at >= 0 {
				*got = embedded{b.Vectors[a.at], b.Errs[a.at]}
			}
			if err := done(a.text, got.vector, got.err); err != nil {
				return err
			}
		}
		return nil
	})
}

// batches groups texts, at most size different ones at a time.
func batches(texts iter.Seq2[string, error], size int) iter.Seq2[*embed.Batch[[]asked], error] {
	return func(yield func(*embed.Batch[[]asked], error) bool) {
		known := map[string]int{} // numbers of the texts in recent
		var recent [recentTexts]string
		different := 0
		b := &embed.Batch[[]asked]{}
		for text, err := range texts {
			if err != nil {
				yield(nil, err)
				return
			}
			a := asked{text, different, len(b.Texts)}
			if first, again := known[text]; again {
				a.first, a.at = first, -1
			} else {
				delete(known, recent[different%recentTexts])
				recent[different%recentTexts], known[text] = text, different
				b.Texts = append(b.Texts, text)
				different++
			}
			if b.Carry = append(b.Carry, a); len(b.Texts) == size || len(b.Carry) == 4*size {
				if !yield(b, nil) {
					return
				}
				b = &embed.Batch[[]asked]{}
			}
		}
		if len(b.Carry) > 0 {
			yield(b, nil)
		}
	}
}
