//go:build cgo

package faiss

import "slices"

// Measured with 100,000 rows of dim 384: from minBatch queries on products pay, and these
// sizes of a product keep OpenBLAS near its peak.
const (
	minBatch     = 12
	batchBlock   = 1 << 20 // bytes of rows
	batchQueries = 512
)

// batch answers many queries with matrix products. They give a lower bound of each row's
// key (see probe); where that is under the limit the key is computed, by the kernel that
// answers a single query, and only this key is ever compared or reported. So a batch finds
// what its queries find one by one, bit for bit, however loose the bound is.
type batch struct {
	math    arithmetic
	queries []float32
	probes  []probe
	skip    []uint64

	weights  []float32 // one a row
	products []float32 // up to batchQueries for each row
	at       []int32
	keys     []float32
}

func (s *batch) score(b block, best []topK) {
	s.weights = resize(s.weights, b.n)
	s.math.norms(b.data, b.n, s.weights)
	s.math.weigh(s.weights)
	s.products = resize(s.products, b.n*min(len(best), batchQueries))
	s.at, s.keys = resize(s.at, b.n), resize(s.keys, b.n)
	d := s.math.d
	for first := 0; first < len(best); first += batchQueries {
		end := min(first+batchQueries, len(best))
		s.math.products(b.data, b.n, s.queries[first*d:end*d], s.math.alpha(), s.products)
		for j := first; j < end; j++ {
			s.refine(b, j, s.products[(j-first)*b.n:][:b.n], &best[j])
		}
	}
}

// refine offers to t, query j's heap, the rows of b that may get in. While t is not full
// every row may; so few are taken at first, to have a limit for the rest.
func (s *batch) refine(b block, j int, products []float32, t *topK) {
	p, query := s.probes[j], s.queries[j*s.math.d:(j+1)*s.math.d]
	for first, end := 0, 0; first < b.n; first = end {
		end = b.n
		if len(t.heap) < t.k {
			end = min(b.n, first+max(t.k, minRefine))
		}
		at := s.math.below(products[first:end], s.weights[first:end], p.scale, p.bound(t.limit()), s.at)
		for i := range at {
			at[i] += int32(first)
		}
		s.math.keysAt(b.data, at, query, s.keys)
		for i, k := range at {
			if row := b.row(int(k)); !skipped(s.skip, row) {
				t.offer(candidate{s.keys[i], row})
			}
		}
	}
}

// minRefine is large beside one call into C, small beside a block.
const minRefine = 64

func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
