package faiss

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// Rows of all sizes, some nearly equal, some beside overflow and underflow: whatever the
// bounds let through, a batch must answer as its queries one by one do.
func TestBatchIsSingleQueries(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		path := filepath.Join(t.TempDir(), "index.faiss")
		rapid.Check(t, func(rt *rapid.T) {
			d := rapid.SampledFrom([]int{1, 5, 33, 384}).Draw(rt, "d")
			rows := rapid.IntRange(1, 800).Draw(rt, "rows")
			seed := rapid.Uint64().Draw(rt, "seed")
			size := rapid.SampledFrom([]float64{1e-40, 1e-23, 1e-18, 1e-3, 1, 1e17, 1e19, 1e38})
			x := randomVectors(seed, rows, d)
			spoil(x, d, size.Draw(rt, "size"), size.Draw(rt, "other size"))
			queries := randomVectors(seed+1, minBatch, d)
			spoil(queries, d, size.Draw(rt, "query size"), size.Draw(rt, "other query size"))
			f := flatFile(rt, path, d, m, x)
			f.math.level = l
			s := Search{K: rapid.IntRange(1, 12).Draw(rt, "k"), Threads: rapid.IntRange(1, 2).Draw(rt, "threads")}
			batch := search(rt, f, queries, s)
			for i, hits := range batch {
				single := search(rt, f, queries[i*d:(i+1)*d], s)[0]
				if !slices.Equal(hits, single) {
					rt.Fatalf("query %d: in a batch %v, alone %v", i, hits, single)
				}
			}
		})
	})
}

// spoil multiplies all vectors by size, moves every third next to its neighbour and
// multiplies every seventh by other.
func spoil(x []float32, d int, size, other float64) {
	for i := range x {
		factor := size
		if i/d%7 == 6 {
			factor = other
		}
		x[i] = float32(math.Max(-math.MaxFloat32, math.Min(math.MaxFloat32, float64(x[i])*factor)))
		if i/d%3 == 2 {
			x[i] = math.Nextafter32(x[i-d], 0)
		}
	}
}

// The bounds hold beside underflow and overflow too, and in between are near enough to
// spare nearly every row its key.
func TestBounds(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		for _, d := range []int{1, 3, 384, 1536} {
			for _, size := range []float32{1e-38, 1e-23, 3e-23, 1e-22, 1e-20, 1, 1e16, 1e18, 5e18, 1e19, 1e37} {
				checkBounds(t, arithmetic{level: l, metric: m, d: d}, size)
			}
		}
	})
}

func checkBounds(t *testing.T, a arithmetic, size float32) {
	const rows = 300
	x, query := randomVectors(1, rows, a.d), randomVectors(2, 1, a.d)
	copy(x, query)
	for i := range x {
		x[i] *= size
	}
	for i := range query {
		query[i] *= size
	}
	keys := make([]float32, rows)
	a.keys(vector.Bytes(x), rows, query, keys)
	s := newBatch(a, query, nil)().(*batch)
	s.prepare(block{data: vector.Bytes(x), n: rows})
	passes := func(limit float32) map[int]bool {
		s.scale[0], s.limit[0] = s.probes[0].scale, s.probes[0].bound(limit)
		found := map[int]bool{}
		for _, p := range a.sift(s.panels, rows, s.packed, s.weights, s.scale[:1], s.limit[:1], s.pairs) {
			found[int(p.row)] = true
		}
		return found
	}
	for i, key := range keys {
		above := math.Nextafter32(key, float32(math.Inf(1)))
		if above > key && !passes(above)[i] {
			t.Fatalf("d %d, size %v: row %d with key %v is lost", a.d, size, i, key)
		}
		if margin := 1e-3 * float32(a.d); size == 1 && passes(key - margin)[i] {
			t.Fatalf("d %d: row %d with key %v passes for one below %v", a.d, i, key, key-margin)
		}
	}
}

// A squared norm may overflow where the distance does not.
func TestBatchBesideOverflow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ query, far, near float32 }{
		{1e18, -1.72e19, 1.9e19},
		{1.9e19, 0.8e18, 1e18},
	} {
		x := append(slices.Repeat([]float32{c.far}, minRefine), c.near)
		f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 1, L2, x)
		for _, hits := range search(t, f, slices.Repeat([]float32{c.query}, minBatch), Search{K: 1}) {
			if hits[0].Row != minRefine || math.IsInf(float64(hits[0].Score), 0) {
				t.Errorf("query %v: found %v, want row %d", c.query, hits, minRefine)
			}
		}
	}
}

func TestBatchSkipsRowsOutOfReach(t *testing.T) {
	t.Parallel()
	const d = 32
	a := arithmetic{level: kernel.Best(), metric: L2, d: d}
	near, far := randomVectors(1, 100, d), randomVectors(2, 1000, d)
	for i := range far {
		far[i] += 100
	}
	query := near[:d]
	s := newBatch(a, query, nil)().(*batch)
	best := []topK{{k: 3}}
	s.score(block{data: vector.Bytes(near), n: 100}, best)
	s.score(block{data: vector.Bytes(far), n: 1000, first: 100}, best)
	if len(s.keys) != 0 {
		t.Errorf("keys were computed for rows that are too far: %v", s.keys)
	}
	if len(best[0].heap) != 3 || best[0].limit() > 100 {
		t.Errorf("the near rows are lost: %v", best[0].heap)
	}
}
