package faiss

import (
	"math"
	"slices"
	"testing"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// Every alignment and every length of tail gives a key near the one in float64, and all of
// the ways to ask for it give the same bits.
func TestKeys(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		for d := 1; d <= 150; d++ {
			a := arithmetic{level: l, metric: m, d: d}
			x, queries := randomVectors(uint64(d), 2, d), randomVectors(uint64(d)+1, 3, d)
			off := d % 64
			rows := append(make([]byte, off, off+len(x)*vector.Size), vector.Bytes(x)...)[off:]
			all := make([]float32, 6)
			a.keys(rows, 2, queries, all)
			for j := range 3 {
				query, one := queries[j*d:(j+1)*d], make([]float32, 3)
				a.keysOf(rows, queries, []pair{{1, int32(j)}, {0, int32(j)}, {1, int32(j)}}, one)
				for i := range 2 {
					key, want := all[2*j+i], keyInFloat64(m, x[i*d:(i+1)*d], query)
					if math.Abs(float64(key)-want) > 1e-6*float64(d+8) {
						t.Fatalf("d %d: key %v, want %v", d, key, want)
					}
					if one[1-i] != key || one[2] != all[2*j+1] {
						t.Fatalf("d %d: keysOf gives %v where keys gives %v", d, one, all[2*j:2*j+2])
					}
				}
			}
		}
	})
}

func keyInFloat64(m Metric, x, q []float32) float64 {
	var key float64
	for i := range x {
		xi, qi := float64(x[i]), float64(q[i])
		if m == L2 {
			key += (xi - qi) * (xi - qi)
		} else {
			key -= xi * qi
		}
	}
	return key
}

// What a group of queries sifts out of packed rows is what the same sums in float64 say,
// whatever the numbers of rows and queries; NaN lets a pair through.
func TestSift(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	for l := kernel.Generic; l <= kernel.Best(); l++ {
		for _, d := range []int{1, 2, 3, 4, 7, 33} {
			for _, n := range []int{1, 3, 8, 31, 32, 33, 100} {
				a := arithmetic{level: l, metric: InnerProduct, d: d}
				used := 1 + (n+d)%a.group()
				x, queries := wholeNumbers(uint64(n), n*d), wholeNumbers(uint64(d), used*d)
				panels := make([]float32, roundUp(n, a.panel())*d)
				a.pack(vector.Bytes(x), n, a.panel(), panels)
				group := make([]float32, a.group()*d)
				a.pack(vector.Bytes(queries), used, a.group(), group)
				weights, scale, limit := make([]float32, roundUp(n, a.panel())), make([]float32, a.group()), make([]float32, a.group())
				for i := range n {
					weights[i] = float32(i % 5)
				}
				weights[n/2] = nan
				for j := range used {
					scale[j], limit[j] = float32(j), float32(j-3)
				}
				got := a.sift(panels, n, group, weights, scale[:used], limit[:used], make([]pair, n*a.group()))
				if want := siftSlowly(x, queries, d, weights, scale, limit[:used]); !slices.Equal(got, want) {
					t.Fatalf("%v, d %d, %d rows, %d queries: %v, want %v", l, d, n, used, got, want)
				}
			}
		}
	}
}

// wholeNumbers are small, so that sums are exact in any order.
func wholeNumbers(seed uint64, n int) []float32 {
	x := randomVectors(seed, 1, n)
	for i := range x {
		x[i] = float32(math.Round(4 * float64(x[i])))
	}
	return x
}

func siftSlowly(x, queries []float32, d int, weights, scale, limit []float32) (found []pair) {
	for i := range len(x) / d {
		for j := range limit {
			bound := weights[i] * scale[j]
			for k := range d {
				bound -= x[i*d+k] * queries[j*d+k]
			}
			if !(bound >= limit[j]) {
				found = append(found, pair{int32(i), int32(j)})
			}
		}
	}
	return found
}
