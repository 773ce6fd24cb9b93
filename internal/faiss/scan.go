//go:build cgo

package faiss

import (
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
)

// MaxQueries is how many queries share one pass over the file. It bounds the memory of their
// heaps.
const MaxQueries = 1024

// scorer offers the rows of a block to the heaps of all queries. Each goroutine has its own.
type scorer interface {
	score(b block, best []topK)
}

// searchGroup answers at most MaxQueries queries by one pass over the file.
func (f *Flat) searchGroup(ctx context.Context, queries []float32, p pass) ([][]Hit, error) {
	best, err := f.scanGroup(ctx, queries, p)
	if err != nil {
		return nil, err
	}
	hits := make([][]Hit, len(queries)/f.math.d)
	for i := range hits {
		hits[i] = f.hits(f.all(best, i), p.k)
	}
	return hits, nil
}

// scanGroup is the pass. Its goroutines take the numbers of blocks from a counter and share
// nothing else: each has its own buffer and heaps, which it returns. The first error stops
// the others, and so does ctx, between two blocks.
func (f *Flat) scanGroup(ctx context.Context, queries []float32, p pass) ([][]topK, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := len(queries) / f.math.d
	newScorer, blockBytes := f.math.scorer(queries, p.skip)
	r := newReader(f, p, blockBytes)
	best := make([][]topK, min(int64(p.threads), r.blocks()))
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for t := range best {
		best[t] = slices.Repeat([]topK{{k: p.k}}, n)
		g.Go(func() error { return scan(ctx, r, &next, newScorer(), best[t]) })
	}
	return best, g.Wait()
}

func scan(ctx context.Context, r *reader, next *atomic.Int64, sc scorer, best []topK) (err error) {
	defer crash.Catch(&err)
	buf := make([]byte, r.bufferSize())
	for i := next.Add(1) - 1; i < r.blocks(); i = next.Add(1) - 1 {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := r.read(i, buf)
		if err != nil {
			return err
		}
		sc.score(b, best)
	}
	return nil
}

// all returns what is in the heaps that the goroutines have for query i.
func (f *Flat) all(best [][]topK, i int) (all []candidate) {
	for _, heaps := range best {
		all = append(all, heaps[i].heap...)
	}
	return all
}

// hits returns the k best of all candidates, which it sorts.
func (f *Flat) hits(all []candidate, k int) []Hit {
	slices.SortFunc(all, candidate.compare)
	hits := make([]Hit, min(k, len(all)))
	for j := range hits {
		hits[j] = Hit{Row: all[j].row, Score: f.math.score(all[j].key)}
	}
	return hits
}

// scorer returns the function that makes a scorer for a goroutine, and the size of the blocks
// for it.
func (a arithmetic) scorer(queries []float32, skip []uint64) (newScorer func() scorer, blockBytes int) {
	if len(queries) < minBatch*a.d || a.d > maxBatchDim {
		return func() scorer { return &direct{math: a, queries: queries, skip: skip} }, directBlock
	}
	return newBatch(a, queries, skip), batchBlock
}

// directBlock is a size at which what pread has copied is still in the core's own cache when
// the kernel reads it.
const directBlock = 256 << 10

// direct computes the key of every row for every query.
type direct struct {
	math    arithmetic
	queries []float32
	skip    []uint64
	keys    []float32
}

func (s *direct) score(b block, best []topK) {
	s.keys = resize(s.keys, b.n*len(best))
	s.math.keys(b.data, b.n, s.queries, s.keys)
	for j := range best {
		offerBelow(&best[j], b, s.keys[j*b.n:(j+1)*b.n], s.skip)
	}
}

// offerBelow offers the rows of b, whose keys are given, to t, those alone that are below its
// limit.
func offerBelow(t *topK, b block, keys []float32, skip []uint64) {
	limit := t.limit()
	for i, key := range keys {
		if key >= limit {
			continue
		}
		if row := b.row(i); !skipped(skip, row) {
			t.offer(candidate{key, row})
			limit = t.limit()
		}
	}
}

func skipped(skip []uint64, row int64) bool {
	word := row / 64
	return word < int64(len(skip)) && skip[word]>>(row%64)&1 != 0
}
