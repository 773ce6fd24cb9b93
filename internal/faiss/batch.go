//go:build cgo

package faiss

import (
	"slices"

	"sheaf/internal/vector"
)

// Measured with 100,000 rows of dim 384: from minBatch queries on a batch is faster, and a
// block of batchBlock with its packed copy stays in the cache of one core.
const (
	minBatch   = 6
	batchBlock = 384 << 10 // bytes of rows
)

// batch is the scorer for many queries. Matrix products, in tiles of rows and queries whose
// sums stay in registers, give a lower bound of each row's key (see probe). Where the bound
// is below the limit of a query's heap, the kernel that answers a single query computes the
// key, and only this key is compared and reported. So a batch returns the same bits as its
// queries do one by one, however loose the bound is.
type batch struct {
	math    arithmetic
	queries []float32
	packed  []float32 // the queries in groups
	probes  []probe
	skip    []uint64

	panels  []float32 // the rows of a block
	weights []float32 // one a row
	scale   []float32 // one a query of a group
	limit   []float32
	pairs   []pair
	keys    []float32
}

// newBatch prepares the queries once and returns the function that makes a scorer for a
// goroutine.
func newBatch(a arithmetic, queries []float32, skip []uint64) func() scorer {
	n := len(queries) / a.d
	packed := make([]float32, roundUp(n, a.group())*a.d)
	a.pack(vector.Bytes(queries), n, a.group(), packed)
	probes := a.probes(queries)
	return func() scorer {
		return &batch{
			math: a, queries: queries, packed: packed, probes: probes, skip: skip,
			scale: make([]float32, a.group()), limit: make([]float32, a.group()),
		}
	}
}

// minRefine is how many rows of the first block are scored without bounds, so that the heaps
// have a limit: few beside a block, and enough that most of the others stay above the limit.
const minRefine = 64

func (s *batch) score(b block, best []topK) {
	if first := &best[0]; len(first.heap) < first.k {
		n := min(b.n, max(first.k, minRefine))
		(&direct{math: s.math, queries: s.queries, skip: s.skip}).score(b.part(0, n, s.math), best)
		b = b.part(n, b.n, s.math)
	}
	if b.n == 0 {
		return
	}
	s.prepare(b)
	group := s.math.group()
	for first := 0; first < len(best); first += group {
		s.scoreGroup(b, first, best[first:min(first+group, len(best))])
	}
}

// prepare packs the rows of a block and computes their weights.
func (s *batch) prepare(b block) {
	padded := roundUp(b.n, s.math.panel())
	s.panels = resize(s.panels, padded*s.math.d)
	s.math.pack(b.data, b.n, s.math.panel(), s.panels)
	s.weights = resize(s.weights, padded)
	clear(s.weights[b.n:])
	s.math.norms(b.data, b.n, s.weights)
	s.math.weigh(s.weights[:b.n])
	s.pairs = resize(s.pairs, b.n*s.math.group())
}

// scoreGroup scores the prepared block for one group of queries, whose heaps are best: those
// from number first on.
func (s *batch) scoreGroup(b block, first int, best []topK) {
	s.scale, s.limit = s.scale[:len(best)], s.limit[:len(best)]
	for j := range best {
		p := s.probes[first+j]
		s.scale[j], s.limit[j] = p.scale, p.bound(best[j].limit())
	}
	d := s.math.d
	pairs := s.math.sift(s.panels, b.n, s.packed[first*d:], s.weights, s.scale, s.limit, s.pairs)
	s.keys = resize(s.keys, len(pairs))
	s.math.keysOf(b.data, s.queries[first*d:], pairs, s.keys)
	for i, p := range pairs {
		if row := b.row(int(p.row)); !skipped(s.skip, row) {
			best[p.query].offer(candidate{s.keys[i], row})
		}
	}
}

func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
