package lists

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sheaf/internal/faiss"
)

// clustered are rows of dim numbers around one of n centres each, row i around centre i mod n.
func clustered(seed uint64, rows, dim, n int) []float32 {
	centres := make([]float32, n*dim)
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range centres {
		centres[i] = 10 * float32(random.NormFloat64())
	}
	x := make([]float32, rows*dim)
	for i := range x {
		x[i] = centres[i/dim%n*dim+i%dim] + 0.1*float32(random.NormFloat64())
	}
	return x
}

// Rows of one cluster come into one list, whichever rows the centroids begin with.
func TestTrainFindsClusters(t *testing.T) {
	t.Parallel()
	const rows, dim, n = 700, 20, 7
	x := clustered(1, rows, dim, n)
	centroids, err := Train(t.Context(), x, dim, 2*n)
	if err != nil {
		t.Fatal(err)
	}
	nearest, err := Nearest(t.Context(), x, centroids, dim)
	if err != nil {
		t.Fatal(err)
	}
	of := map[int32]int{}
	for i, list := range nearest {
		if cluster, known := of[list]; known && cluster != i%n {
			t.Fatalf("list %d has rows of the clusters %d and %d", list, cluster, i%n)
		}
		of[list] = i % n
	}
	again, err := Train(t.Context(), x, dim, 2*n)
	if err != nil || !slices.Equal(again, centroids) {
		t.Errorf("the same sample gives other centroids, %v", err)
	}
	if few, err := Train(t.Context(), x[:3*dim], dim, n); err != nil || len(few) != 3*dim {
		t.Errorf("%d numbers of centroids for three rows, %v", len(few), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, x, dim, n); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context ended", err)
	}
}

// A centroid that no row is nearest to becomes one of the rows.
func TestMoveFillsEmptyLists(t *testing.T) {
	t.Parallel()
	x := []float32{1, 2, 3, 4}
	centroids := []float32{2, 1000}
	move(centroids, x, []int32{0, 0, 0, 0}, 1, rand.New(rand.NewPCG(1, 2)))
	if centroids[0] != 2.5 || !slices.Contains(x, centroids[1]) {
		t.Errorf("centroids %v", centroids)
	}
}

// Group puts each row into its list, and what a query reads after so many lists are the
// blocks in which these have rows, and those behind all lists.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		n, rows := 1+random.IntN(9), 1+random.IntN(200)
		list := make([]int32, rows)
		for i := range list {
			list[i] = int32(random.IntN(n))
		}
		order, ends := Group(list, n)
		l := Lists{Ends: ends}
		if l.Rows() != int64(rows) {
			t.Fatalf("%d rows in lists, of %d", l.Rows(), rows)
		}
		var near []int32
		for _, i := range random.Perm(n) {
			near = append(near, int32(i))
		}
		const blockRows = 8
		blocks := int64((rows+blockRows-1)/blockRows + random.IntN(4))
		needs := l.Needs(near, blockRows, blocks)
		for looked := range n + 1 {
			read := l.Blocks(near, looked, blockRows, blocks)
			inLists := slices.DeleteFunc(slices.Clone(read), func(b int64) bool { return needs[b] == 0 })
			if !slices.IsSortedFunc(inLists, func(a, b int64) int { return int(needs[a] - needs[b]) }) {
				t.Fatalf("seed %d: blocks %v are read in turn, of which each needs so many lists: %v", seed, read, needs)
			}
			slices.Sort(read)
			if len(slices.Compact(read)) != len(read) {
				t.Fatalf("seed %d: blocks %v are read", seed, read)
			}
			for b := range blocks {
				want := (b+1)*blockRows > int64(rows)
				for place := b * blockRows; place < min((b+1)*blockRows, int64(rows)); place++ {
					want = want || slices.Contains(near[:looked], list[order[place]])
				}
				if is := slices.Contains(read, b); is != want || is != (int(needs[b]) <= looked) {
					t.Fatalf("seed %d: block %d of %d is read: %v, after %d lists", seed, b, blocks, is, looked)
				}
			}
		}
	}
}

// The lists that a query looks at first are those with the nearest centroids, by the metric.
func TestNear(t *testing.T) {
	t.Parallel()
	l := Lists{Centroids: []float32{1, 0, 3, 0, 0, 1}}
	for m, want := range map[faiss.Metric][]int32{faiss.L2: {0, 2, 1}, faiss.InnerProduct: {1, 0, 2}} {
		if got := l.Near([]float32{0.9, 0}, m); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", m, got, want)
		}
	}
}

// Each half counts by itself, the choosing one with a margin for its size.
func TestMeasure(t *testing.T) {
	t.Parallel()
	near := func(x, want float64) bool { return math.Abs(x-want) < 1e-9 }
	var questions []Question
	for i := range 400 {
		q := Question{Needs: slices.Repeat([]int32{1}, 10), Reads: []int32{0, 1, 4, 4, 9}}
		if i%2 == 1 {
			q.Needs[9] = 5 // the reporting half needs more
		} else if i%20 == 0 {
			q.Needs[0] = 3
		}
		questions = append(questions, q)
	}
	curves := Measure(questions, 16)
	p, ok := Choose(curves, 10, 0.98)
	if !ok || p.Lists != 5 || !near(p.Recall, 1) || !near(p.Low, 1) || !near(p.High, 1) || !near(p.Read, 0.8) {
		t.Errorf("what the reporting half refutes: %+v, %v", p, ok)
	}
	if p := curves[0][0]; p.Lists != 1 || !(p.Sure > 0.98 && p.Sure < 0.995) || !near(p.Recall, 0.9) {
		t.Errorf("one list: %+v", p)
	}
	if p, ok = Choose(curves, 1, 0.895); !ok || p.Lists != 1 {
		t.Errorf("what both halves hold: %+v, %v", p, ok)
	}
	for _, k := range []int{1, 256} {
		if _, ok := Choose(curves, k, 1); ok {
			t.Errorf("k %d: a recall of 1 is promised for some lists", k)
		}
	}
	if _, ok := Choose(curves, 257, 0.5); ok {
		t.Error("something is promised for more rows than were looked for")
	}
	never := Measure([]Question{{Needs: []int32{16}}, {Needs: []int32{16}}}, 16)
	if _, ok := Choose(never, 10, 0.5); ok {
		t.Error("rows that only all lists have are promised for fewer")
	}
}

// normal are numbers at random.
func normal(seed uint64, n int) []float32 {
	random := rand.New(rand.NewPCG(seed, 4))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}
