package embed

import (
	"context"
	"crypto/sha256"
	"iter"
)

// Outcome is the vector of a text, or the reason why it has none.
type Outcome struct {
	Vector []float32 // nil where there is an Err; others may have it too
	Cut    bool      // only the beginning of the text was embedded
	Err    error
}

// recentTexts is the number of different texts that are remembered to find equal ones.
const recentTexts = 4096

// Each embeds the text of each item, with so many workers and at most batchSize texts in a call
// of e, and calls done for each item in order. A text that is equal to one of the last few
// thousand is not embedded again. A text that e refuses is an Outcome; other errors end the run
// as in [Run].
func Each[T any](
	ctx context.Context, e Embedder, workers, batchSize int, items iter.Seq2[T, error],
	text func(T) string, done func(T, Outcome) error,
) error {
	var recent [recentTexts]Outcome
	return Run(ctx, e, workers, group(items, text, batchSize), func(b *Batch[[]member[T]]) error {
		for _, m := range b.Carry {
			got := &recent[m.number%recentTexts]
			if m.at >= 0 {
				_, cut := b.Cut[m.at]
				*got = Outcome{b.Vectors[m.at], cut, b.Errs[m.at]}
			}
			if err := done(m.item, *got); err != nil {
				return err
			}
		}
		return nil
	})
}

// member is an item in a batch.
type member[T any] struct {
	item   T
	number int // of its text among the different ones
	at     int // index of its text in the batch; -1: an earlier text is equal
}

// group groups items, with at most size different texts in a batch.
func group[T any](items iter.Seq2[T, error], text func(T) string, size int) iter.Seq2[*Batch[[]member[T]], error] {
	return func(yield func(*Batch[[]member[T]], error) bool) {
		numbers := map[[sha256.Size]byte]int{} // of the texts with the hashes in recent
		var recent [recentTexts][sha256.Size]byte
		different := 0
		b := &Batch[[]member[T]]{}
		for item, err := range items {
			if err != nil {
				yield(nil, err)
				return
			}
			m := member[T]{item, different, len(b.Texts)}
			hash := sha256.Sum256([]byte(text(item)))
			if number, again := numbers[hash]; again {
				m.number, m.at = number, -1
			} else {
				oldest := &recent[different%recentTexts]
				delete(numbers, *oldest)
				*oldest, numbers[hash] = hash, different
				b.Texts = append(b.Texts, text(item))
				different++
			}
			if b.Carry = append(b.Carry, m); len(b.Texts) == size || len(b.Carry) == 4*size {
				if !yield(b, nil) {
					return
				}
				b = &Batch[[]member[T]]{}
			}
		}
		if len(b.Carry) > 0 {
			yield(b, nil)
		}
	}
}
