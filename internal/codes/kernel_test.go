package codes

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// levels are those that this processor has.
func levels() []level { return below(kernel.Best()) }

// The sums of all levels are those of plain arithmetic, at the largest and the smallest
// products too. As products of rows with scale 1 they are exact up to 2^24.
func TestSums(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 0))
	for octets := 1; octets <= 30; octets++ {
		for _, fill := range []func() (uint8, int8){
			func() (uint8, int8) { return uint8(rng.Uint32()), int8(rng.IntN(255) - 127) },
			func() (uint8, int8) { return 255, 127 },
			func() (uint8, int8) { return 255, -127 },
		} {
			lay := layoutOf(octets*octet, group, false)
			b, q := lay.block(make([]float32, lay.bytes()/vector.Size)), &query{numbers: make([]int8, octets*octet), factor: 1}
			for i := range b.high {
				b.high[i], q.numbers[i%len(q.numbers)] = fill()
				b.low[i], _ = fill()
			}
			var coarse, fine [group]float32
			for r := range group {
				b.scale4[r], b.scale8[r] = 1, 1
				for k, a := range q.numbers {
					at := (k/octet*group+r)*4 + k%4
					shift := k % octet / 4 * 4
					coarse[r] += 2 * float32(b.high[at]>>shift&15) * float32(a)
					fine[r] += 2 * float32(b.high[at]>>shift&15<<4+b.low[at]>>shift&15) * float32(a)
				}
			}
			for _, l := range levels() {
				hits := make([]hit, group)
				for r, h := range b.sift(l, 0, 1, false, q, float32(math.Inf(1)), hits) {
					if h.product != coarse[r] {
						t.Fatalf("level %d, %d octets, row %d: %v, want %v", l, octets, r, h.product, coarse[r])
					}
				}
				for r, h := range b.sift(l, 0, 1, true, q, float32(math.Inf(1)), hits) {
					if h.product != fine[r] {
						t.Fatalf("level %d, %d octets, row %d: %v, want %v by 8 bits", l, octets, r, h.product, fine[r])
					}
				}
			}
		}
	}
}

// encoded returns the block of random rows, at a level.
func encoded(l level, dim, rows int, x []float32) (*frame, block) {
	return encodedIn(layoutOf(dim, rows, false), l, dim, x)
}

func encodedIn(lay layout, l level, dim int, x []float32) (*frame, block) {
	f := newFrame(dim, x, [16]byte{byte(dim)})
	b := lay.block(make([]float32, lay.bytes()/vector.Size))
	b.encode(l, f, x, make([]float32, 2*(lay.octets*octet+group)))
	return f, b
}

// All levels find the same rows with the same products, where the limit is that of no row.
func TestSift(t *testing.T) {
	t.Parallel()
	for _, dim := range []int{1, 7, 8, 33, 256, 384, 2000} {
		const rows = 64
		x := normal(uint64(dim), rows, dim)
		f, b := encoded(generic, dim, rows, x)
		q, ok := f.prepare(normal(uint64(dim)+1, 1, dim), true)
		if !ok {
			t.Fatal("a query that is not quantized")
		}
		for _, fine := range []bool{false, true} {
			for _, limit := range []float32{float32(math.Inf(1)), float32(q.middle), 0} {
				want := slices.Clone(b.sift(generic, 0, rows/group, fine, q, limit, make([]hit, rows)))
				for _, l := range levels() {
					got := b.sift(l, 0, rows/group, fine, q, limit, make([]hit, rows))
					if !alike(got, want) {
						t.Errorf("level %d, dim %d, fine %v: %v, want %v", l, dim, fine, got, want)
					}
				}
			}
		}
	}
}

// alike reports whether the same rows were found, with products that differ by rounding.
func alike(a, b []hit) bool {
	return slices.EqualFunc(a, b, func(x, y hit) bool {
		return x.row == y.row && x.query == y.query && math.Abs(float64(x.product-y.product)) <= 1e-6*math.Abs(float64(x.product))
	})
}

// A tile finds what its queries find one by one.
func TestTile(t *testing.T) {
	t.Parallel()
	for _, l := range levels() {
		if l == generic {
			continue
		}
		for _, dim := range []int{1, 9, 384} {
			checkTile(t, l, dim)
		}
	}
}

func checkTile(t *testing.T, l level, dim int) {
	t.Helper()
	const rows = 48
	f, b := encoded(l, dim, rows, normal(uint64(dim), rows, dim))
	unpacked := make([]byte, rows*b.octets*octet)
	b.unpack(unpacked)
	var queries []*query
	for i := range tile {
		q, _ := f.prepare(normal(uint64(dim+i+1), 1, dim), i%2 == 0)
		queries = append(queries, q)
	}
	for used := 1; used <= tile; used++ {
		packed, bounds := pack(queries[:used], l.queryBytes()), tileBounds{}
		var want []hit
		for i, q := range queries[:used] {
			limit := float32(q.middle)
			bounds[i] = q.bound(true, limit)
			for _, h := range b.sift(l, 0, rows/group, true, q, limit, make([]hit, rows)) {
				want = append(want, hit{h.row, int32(i), h.product})
			}
		}
		got := slices.Clone(b.siftTile(l, unpacked, 0, rows/group, packed, bounds[:used], make([]hit, rows*tile)))
		order := func(x, y hit) int { return int(x.query-y.query)*rows + int(x.row-y.row) }
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if !alike(got, want) {
			t.Errorf("level %d, dim %d, %d queries: %v, want %v", l, dim, used, got, want)
		}
	}
}

// normal returns n vectors of normally distributed numbers.
func normal(seed uint64, n, dim int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n*dim)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}
