package codes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sheaf/internal/vector"
)

// shapes make sets of rows that bounds may be wrong for.
var shapes = map[string]func(rng *rand.Rand, row, dim int) float32{
	"normal":   func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64()) },
	"far off":  func(rng *rand.Rand, _, _ int) float32 { return 1000 + float32(rng.NormFloat64()) },
	"sparse":   func(rng *rand.Rand, _, dim int) float32 { return float32(rng.IntN(dim+3) / (dim + 2)) },
	"integers": func(rng *rand.Rand, _, _ int) float32 { return float32(rng.IntN(3) - 1) },
	"zeros":    func(_ *rand.Rand, _, _ int) float32 { return 0 },
	"equal":    func(_ *rand.Rand, _, _ int) float32 { return 0.1 },
	"huge":     func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64()) * 1e37 },
	"large":    func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64()) * 1e13 },
	"tiny":     func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64()) * 1e-12 },
	"denormal": func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64()) * 1e-40 },
	"mixed": func(rng *rand.Rand, row, _ int) float32 {
		return float32(rng.NormFloat64() * math.Pow(10, float64(row%60-30)))
	},
	"a giant": func(rng *rand.Rand, row, _ int) float32 {
		return float32(rng.NormFloat64()) * (1 + 1e9*float32(max(0, 1-row)))
	},
}

// The interval of a row holds the key as float32 gives it, in whatever order and at the
// level of precision that a kernel adds, for 4 and for 8 bits; and the kernels pass the row
// at a limit that is this key.
func TestInterval(t *testing.T) {
	t.Parallel()
	for name, number := range shapes {
		for _, dim := range []int{1, 2, 3, 5, 8, 31, 64, 100, 384, 768, 1025, 2000} {
			rng := rand.New(rand.NewPCG(uint64(dim), 3))
			const rows = 32
			x, queries := make([]float32, rows*dim), make([]float32, 4*dim)
			for i := range x {
				x[i] = number(rng, i/dim, dim)
			}
			for i := range queries {
				queries[i] = number(rng, 1+i/dim, dim)
			}
			copy(queries, x[:dim])
			for _, l := range levels() {
				f, b := encoded(l, dim, rows, x)
				for q := range 4 {
					for _, l2 := range []bool{false, true} {
						holds(t, fmt.Sprintf("%s, dim %d, level %d, l2 %v", name, dim, l, l2), f, b, l, x, queries[q*dim:][:dim], l2)
					}
				}
			}
		}
	}
}

func holds(t *testing.T, name string, f *frame, b block, l level, x, asked []float32, l2 bool) {
	t.Helper()
	q, ok := f.prepare(asked, l2)
	if !ok {
		return
	}
	for _, fine := range []bool{false, true} {
		hits := make([]hit, group)
		for r := range len(b.length) {
			for _, key := range keys(x[r*len(asked):][:len(asked)], asked, l2) {
				if key != key {
					continue
				}
				g, product := r/group, float32(0)
				passed := false
				for _, h := range b.sift(l, g, g+1, fine, q, key, hits) {
					if int(h.row) == r {
						passed, product = true, h.product
					}
				}
				if !passed {
					t.Fatalf("%s, fine %v: row %d with key %v does not pass", name, fine, r, key)
				}
				lengths, residuals := b.head(fine)
				if low, high := q.interval(lengths[r], residuals[r], product); low > key || high < key {
					t.Fatalf("%s, fine %v: row %d has key %v, not in %v to %v", name, fine, r, key, low, high)
				}
			}
		}
	}
}

// keys are the key in float32, added in three ways, and the true one.
func keys(x, q []float32, l2 bool) []float32 {
	term := func(i int) float32 {
		if l2 {
			return (x[i] - q[i]) * (x[i] - q[i])
		}
		return -x[i] * q[i]
	}
	var forth, back float32
	var lanes [16]float32
	for i := range x {
		forth += term(i)
		back += term(len(x) - 1 - i)
		lanes[i%16] += term(i)
	}
	var sum float32
	for _, lane := range lanes {
		sum += lane
	}
	exact := -vector.Dot(x, q)
	if l2 {
		exact = 0
		for i := range x {
			d := float64(x[i]) - float64(q[i])
			exact += d * d
		}
	}
	return []float32{forth, back, sum, float32(exact)}
}

// Infinite bounds would hold as well, but exclude nothing: those of normally distributed
// numbers are not wider than their codes are coarse.
func TestIntervalIsTight(t *testing.T) {
	t.Parallel()
	const dim, rows = 384, 64
	x := normal(1, rows, dim)
	asked := normal(2, 1, dim)
	f, b := encoded(chosen(), dim, rows, x)
	for _, l2 := range []bool{false, true} {
		q, _ := f.prepare(asked, l2)
		scale := vector.Length(asked) * vector.Length(x[:dim]) * q.times
		for fine, most := range map[bool]float64{false: 0.35, true: 0.04} {
			lengths, residuals := b.head(fine)
			for _, h := range b.sift(chosen(), 0, rows/group, fine, q, float32(math.Inf(1)), make([]hit, rows)) {
				low, high := q.interval(lengths[h.row], residuals[h.row], h.product)
				if got := float64(high-low) / scale; got > most {
					t.Errorf("l2 %v, fine %v: an interval of %.3f of the lengths, at most %.3f expected", l2, fine, got, most)
				}
			}
		}
	}
}
