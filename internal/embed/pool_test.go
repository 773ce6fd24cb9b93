package embed_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"sheaf/internal/crash"
	"sheaf/internal/embed"
)

// numbered is an embedder of one-number vectors; it fails at failAt.
type numbered struct {
	failAt  string
	running atomic.Int32
	most    atomic.Int32
}

var errNumbered = errors.New("cannot embed")

func (n *numbered) Identity() embed.Identity { return embed.Identity{Provider: "numbered", Dim: 1} }

func (n *numbered) Embed(_ context.Context, texts []string) (embed.Result, error) {
	running := n.running.Add(1)
	defer n.running.Add(-1)
	for most := n.most.Load(); running > most && !n.most.CompareAndSwap(most, running); most = n.most.Load() {
	}
	var vectors [][]float32
	for _, text := range texts {
		if text == n.failAt {
			return embed.Result{}, errNumbered
		}
		var v float32
		fmt.Sscan(text, &v)
		vectors = append(vectors, []float32{v})
	}
	return embed.Result{Vectors: vectors}, nil
}

// numbers yields n batches of one text each, and every third without a text.
func numbers(n int) iter.Seq2[*embed.Batch[int], error] {
	return func(yield func(*embed.Batch[int], error) bool) {
		for i := range n {
			b := &embed.Batch[int]{Carry: i}
			if i%3 != 0 {
				b.Texts = []string{fmt.Sprint(i)}
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

func TestRunJoinsInOrder(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 1, 2, 8} {
		e, next := &numbered{}, 0
		err := embed.Run(t.Context(), e, workers, numbers(200), func(b *embed.Batch[int]) error {
			if b.Carry != next || len(b.Vectors) != len(b.Texts) || len(b.Texts) > 0 && b.Vectors[0][0] != float32(next) {
				t.Errorf("%d workers: batch %+v, want number %d", workers, b, next)
			}
			next++
			return nil
		})
		if err != nil || next != 200 {
			t.Errorf("%d workers: %d batches, %v", workers, next, err)
		}
		if most := int(e.most.Load()); most > max(workers, 1) {
			t.Errorf("%d workers: %d requests at once", workers, most)
		}
	}
}

func TestRunEndsAtTheFirstErrorInOrder(t *testing.T) {
	t.Parallel()
	errDone, errBatches := errors.New("done"), errors.New("batches")
	for _, workers := range []int{1, 4} {
		for name, c := range map[string]struct {
			failAt  string
			batches iter.Seq2[*embed.Batch[int], error]
			done    error
			want    error
		}{
			"embedder": {"50", numbers(100), nil, errNumbered},
			"done":     {"", numbers(100), errDone, errDone},
			"batches": {"", func(yield func(*embed.Batch[int], error) bool) {
				for b := range numbers(50) {
					if !yield(b, nil) {
						return
					}
				}
				yield(nil, errBatches)
			}, nil, errBatches},
		} {
			seen := 0
			err := embed.Run(t.Context(), &numbered{failAt: c.failAt}, workers, c.batches, func(*embed.Batch[int]) error {
				if seen++; seen > 50 {
					return c.done
				}
				return nil
			})
			if !errors.Is(err, c.want) || seen < 50 || seen > 51 {
				t.Errorf("%s, %d workers: %v after %d batches", name, workers, err, seen)
			}
		}
	}
}

func TestRunStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 4} {
		ctx, cancel := context.WithCancel(t.Context())
		err := embed.Run(ctx, &numbered{}, workers, numbers(1000), func(b *embed.Batch[int]) error {
			if b.Carry == 10 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d workers: %v", workers, err)
		}
	}
}

// short answers with a vector too few.
type short struct{ numbered }

func (s *short) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	r, err := s.numbered.Embed(ctx, texts)
	return embed.Result{Vectors: r.Vectors[1:]}, err
}

func TestRunRefusesTooFewVectors(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 3} {
		err := embed.Run(t.Context(), &short{}, workers, numbers(9), func(*embed.Batch[int]) error { return nil })
		if err == nil || err.Error() != "embedder numbered: 0 vectors for 1 texts" {
			t.Errorf("%d workers: %v", workers, err)
		}
	}
}

func TestRunBoundsTheBatches(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 3} {
		var drawn, finished, most atomic.Int32
		batches := func(yield func(*embed.Batch[int], error) bool) {
			for b := range numbers(300) {
				most.Store(max(most.Load(), drawn.Add(1)-finished.Load()))
				if !yield(b, nil) {
					return
				}
			}
		}
		err := embed.Run(t.Context(), &numbered{}, workers, batches, func(*embed.Batch[int]) error {
			finished.Add(1)
			return nil
		})
		if limit := int32(workers + 2); err != nil || most.Load() > limit {
			t.Errorf("%d workers: %d batches at once, limit %d; %v", workers, most.Load(), limit, err)
		}
	}
}

type panicking struct{ numbered }

func (*panicking) Embed(context.Context, []string) (embed.Result, error) { panic("odd text") }

// TestRunSurvivesPanics: one of the embedder or of what yields the batches is an error.
func TestRunSurvivesPanics(t *testing.T) {
	t.Parallel()
	odd := func(yield func(*embed.Batch[int], error) bool) {
		for b, err := range numbers(5) {
			if !yield(b, err) {
				return
			}
		}
		panic("odd input")
	}
	for _, test := range []struct {
		name    string
		workers int
		e       embed.Embedder
		batches iter.Seq2[*embed.Batch[int], error]
	}{
		{"embedder", 1, &panicking{}, numbers(5)},
		{"embedder beside others", 3, &panicking{}, numbers(5)},
		{"batches", 3, &numbered{}, odd},
	} {
		var crashed *crash.Error
		err := embed.Run(t.Context(), test.e, test.workers, test.batches, func(*embed.Batch[int]) error { return nil })
		if !errors.As(err, &crashed) {
			t.Errorf("%s: %v, want a crash", test.name, err)
		}
	}
}
