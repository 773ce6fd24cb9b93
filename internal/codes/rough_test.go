package codes

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"sheaf/internal/vector"
)

// signed is encoded for a block of a file with an order of its own.
func signed(l level, dim, rows int, x []float32) (*frame, block) {
	return encodedIn(layoutOf(dim, rows, true), l, dim, x)
}

// The sums of all levels are those of plain arithmetic, also where they are the largest.
func TestSumsOfSigns(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, dim := range []int{1, 7, 8, 9, 16, 17, 384, 2000, 4000} {
		p := make([]float64, dim)
		for name, number := range map[string]func() float64{"at random": rng.NormFloat64, "alike": func() float64 { return -1 }} {
			for i := range p {
				p[i] = number()
			}
			q := (&query{rotated: p, times: 1}).rough()
			lay := layoutOf(dim, group, true)
			b := lay.block(make([]float32, lay.bytes()/vector.Size))
			for i := range b.rough.signs {
				b.rough.signs[i] = byte(rng.Uint32())
			}
			var want [group]float32
			step := float64(q.factor) * 2
			for r := range group {
				b.rough.scale[r] = 1 / q.factor
				for i, v := range p {
					a := float32(math.RoundToEven(v / step))
					if b.rough.signs[i/octet*group+r]>>(i%octet)&1 == 0 {
						a = -a
					}
					want[r] += a
				}
			}
			for _, l := range levels() {
				for r, h := range b.siftSigns(l, 1, q, float32(math.Inf(1)), make([]hit, group)) {
					if math.Abs(float64(h.product-want[r])) > 1e-3*math.Abs(float64(want[r])) {
						t.Errorf("%s, dim %d, level %d, row %d: %v, want %v", name, dim, l, r, h.product, want[r])
					}
				}
			}
		}
	}
}

// The bounds by signs hold for nearly all rows, whatever their numbers are like, and for
// all of few numbers; and the kernels pass a row at a limit that is its key.
func TestRoughInterval(t *testing.T) {
	t.Parallel()
	const rows, queries = 256, 8
	for name, number := range shapes {
		for _, dim := range []int{1, 2, 5, 16, 64, 100, 384, 1025} {
			wrong := 0
			rng := rand.New(rand.NewPCG(uint64(dim), 5))
			x := make([]float32, (rows+queries)*dim)
			for i := range x {
				x[i] = number(rng, i/dim, dim)
			}
			x, asked := x[:rows*dim], x[rows*dim:]
			copy(asked, x[:dim])
			f, b := signed(chosen(), dim, rows, x)
			for q := range queries {
				for _, l2 := range []bool{false, true} {
					wrong += outside(f, b, x, asked[q*dim:][:dim], l2)
				}
			}
			if wrong > queries*rows/50 || dim < 10 && wrong > 0 {
				t.Errorf("%s, dim %d: the bounds of %d rows of %d are wrong", name, dim, wrong, 2*queries*rows)
			}
		}
	}
}

// outside is how many rows have keys outside of their intervals, or do not pass at these.
func outside(f *frame, b block, x, asked []float32, l2 bool) (wrong int) {
	q, ok := f.prepare(asked, l2)
	if !ok {
		return 0
	}
	r, dim := q.rough(), len(asked)
	hits := make([]hit, len(b.length))
	all := slices.Clone(b.siftSigns(chosen(), len(b.length)/group, r, float32(math.Inf(1)), hits))
	for i, h := range all {
		key := keys(x[i*dim:][:dim], asked, l2)[3]
		if key != key {
			continue
		}
		low, high := r.interval(b.rough.length[i], b.rough.spread[i], h.product)
		passed := slices.ContainsFunc(b.siftSigns(chosen(), len(b.length)/group, r, key, hits), func(h hit) bool { return int(h.row) == i })
		if int(h.row) != i || low > key || high < key || !passed {
			wrong++
		}
	}
	return wrong
}

// Candidates by signs have the nearest rows, and are few; of a file that has none, and where all
// blocks are looked at, they are those by codes.
func TestScreen(t *testing.T) {
	t.Parallel()
	const dim, rows = 128, 8192
	x := normal(4, rows, dim)
	for i := range x { // in lists, of which each begins with a block that lies near to another query
		if i/dim%256 < 32 {
			x[i] = 3*x[i/dim/256*256*dim+i%dim] + 0.2*x[i]
		}
	}
	o, numbers := Origin{Dim: dim}, make([]int64, rows)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	all := numbers[:rows/32] // blocks
	f, err := Open(madeOf(t, o, Shape{32, rows / 32}, numbers, x), o, rows, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, near := range []int{0, 256, 1000, rows - 1} {
		q := normal(uint64(near)+5, 1, dim)
		for i := range q {
			q[i] = x[near*dim+i] + 0.3*q[i]
		}
		found, err := f.Candidates(t.Context(), q, Search{L2: true, K: 1, Blocks: [][]int64{all}})
		if err != nil {
			t.Fatal(err)
		}
		n, best := 0, -1
		key := func(row int) float32 { return keys(x[row*dim:][:dim], q, true)[3] }
		for row := range found[0] {
			if n++; best < 0 || key(int(row)) < key(best) {
				best = int(row)
			}
		}
		nearest := 0
		for row := range rows {
			if key(row) < key(nearest) {
				nearest = row
			}
		}
		if best != nearest || n > rows/16 {
			t.Errorf("the best of %d candidates is row %d, and the nearest is %d", n, best, nearest)
		}
	}
}
