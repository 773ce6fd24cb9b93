package faiss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"sheaf/internal/faiss/faisstest"
	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

var metrics = []Metric{L2, InnerProduct}

// eachKernel runs a test for both metrics with every kernel that this CPU has.
func eachKernel(t *testing.T, test func(t *testing.T, l kernel.Level, m Metric)) {
	for l := kernel.Generic; l <= kernel.Best(); l++ {
		for _, m := range metrics {
			t.Run(fmt.Sprintf("%v/%v", l, m), func(t *testing.T) {
				t.Parallel()
				test(t, l, m)
			})
		}
	}
}

// On small integers float32 is exact however the sums are added up, and rows repeat: the
// scores must be Faiss's to the bit, and the rows those of a plain sort.
func TestSearchFindsWhatFaissFinds(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		path := filepath.Join(t.TempDir(), "index.faiss")
		rapid.Check(t, func(t *rapid.T) {
			d := rapid.SampledFrom([]int{1, 3, 4, 7, 16, 17, 64, 65, 384, 1536}).Draw(t, "d")
			rows := rapid.IntRange(0, 1+400_000/(d+1000)).Draw(t, "rows")
			n := rapid.SampledFrom([]int{1, 2, minBatch - 1, minBatch, 2 * minBatch}).Draw(t, "n")
			k := rapid.IntRange(1, 20).Draw(t, "k")
			rng := rapid.Uint64().Draw(t, "seed")
			x, queries := smallIntegers(rng, rows, d), smallIntegers(rng+1, n, d)
			f := flatFile(t, path, d, m, x)
			f.math.level = l
			s := Search{K: k, Threads: rapid.IntRange(1, 3).Draw(t, "threads")}
			if rapid.Bool().Draw(t, "skipping") {
				s.Skip = rapid.SliceOfN(rapid.Uint64(), 0, rows/64+2).Draw(t, "skip")
			}
			if rapid.Bool().Draw(t, "gathering") {
				every := rapid.IntRange(1, 3*gatherRatio).Draw(t, "every")
				s.Skip = skipBut(rows, func(row int) bool { return row%every == every/2 })
			}
			got, err := f.Search(context.Background(), queries, s)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range faissHits(t, f, x, queries, s) {
				if !slices.Equal(got[i], want) {
					t.Fatalf("query %d: %v, want %v", i, got[i], want)
				}
			}
		})
	})
}

// faissHits asks Faiss for the scores of all rows, and sorts and picks them here.
func faissHits(t *rapid.T, f *Flat, x, queries []float32, s Search) [][]Hit {
	all := max(1, int(f.rows))
	scores, labels := faisstest.NewFlat(t, f.math.d, int(f.math.metric), x).Search(queries, all)
	hits := make([][]Hit, len(queries)/f.math.d)
	for i := range hits {
		for j := i * all; j < (i+1)*all; j++ {
			if labels[j] >= 0 && !skipped(s.Skip, labels[j]) {
				hits[i] = append(hits[i], Hit{labels[j], scores[j]})
			}
		}
		slices.SortFunc(hits[i], func(a, b Hit) int {
			return candidate{f.math.score(a.Score), a.Row}.compare(candidate{f.math.score(b.Score), b.Row})
		})
		hits[i] = hits[i][:min(s.K, len(hits[i]))]
	}
	return hits
}

// Real numbers are rounded differently by Faiss, but not by much.
func TestScoresAreNearFaiss(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		for _, d := range []int{1, 3, 17, 384, 1536} {
			x, queries := randomVectors(1, 200, d), randomVectors(2, 3, d)
			f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), d, m, x)
			f.math.level = l
			hits := search(t, f, queries, Search{K: 200})
			scores, _ := faisstest.NewFlat(t, d, int(m), x).Search(queries, 200)
			for i, want := range scores {
				got := hits[i/200][i%200].Score
				if math.Abs(float64(got-want)) > 1e-5*float64(d) {
					t.Fatalf("d %d: score %d is %v, Faiss has %v", d, i, got, want)
				}
			}
		}
	})
}

// Blocks, threads, k, lists and neighbours in a batch leave a score's bits alone.
func TestScoresDependOnNothingElse(t *testing.T) {
	t.Parallel()
	const d, rows = 67, 9000
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		x, query := randomVectors(1, rows, d), randomVectors(2, 1, d)
		f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), d, m, x)
		f.math.level = l
		want := make([]float32, rows)
		for _, h := range search(t, f, query, Search{K: rows, Threads: 1})[0] {
			want[h.Row] = h.Score
		}
		odd := skipBut(rows, func(row int) bool { return row%2 == 1 })
		few := skipBut(rows, func(row int) bool { return row%100 == 1 })
		last := skipBut(rows, func(row int) bool { return row == rows-1 })
		for _, s := range []Search{{K: 7}, {K: rows, Threads: 3}, {K: 100, Skip: odd}, {K: 100, Skip: few}, {K: 1, Skip: last}} {
			for _, queries := range [][]float32{query, slices.Repeat(query, 2), slices.Repeat(query, minBatch)} {
				for _, hits := range search(t, f, queries, s) {
					for _, h := range hits {
						if h.Score != want[h.Row] {
							t.Fatalf("%d queries, k %d: row %d has %v, alone %v", len(queries)/d, s.K, h.Row, h.Score, want[h.Row])
						}
					}
				}
			}
		}
	})
}

func TestNewFlatRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index.faiss")
	file := flatFile(t, path, 4, L2, randomVectors(1, 3, 4)).file
	for _, c := range []struct {
		d    int
		rows int64
		m    Metric
		want string
	}{
		{4, 4, L2, "93 bytes, need 109 for 4 rows of dim 4"},
		{5, 3, L2, "93 bytes, need 105 for 3 rows of dim 5"},
		{0, 3, L2, "3 rows of dim 0"},
		{4, -1, L2, "-1 rows of dim 4"},
		{4, math.MaxInt64 / 4, L2, "rows of dim 4"},
		{math.MaxInt32 + 1, 0, L2, "0 rows of dim 2147483648"},
		{4, 3, 9, "metric 9 is neither"},
	} {
		_, err := NewFlat(file, c.d, c.rows, c.m)
		checkError(t, err, c.want)
		checkError(t, err, path)
	}
	file.Close()
	_, err := NewFlat(file, 4, 3, L2)
	checkError(t, err, path)
}

func TestSearchRefuses(t *testing.T) {
	t.Parallel()
	f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 2, L2, make([]float32, 6))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		queries []float32
		s       Search
		want    string
	}{
		{[]float32{1, 2, 3}, Search{K: 1}, "3 numbers are not whole vectors of dim 2"},
		{[]float32{1, 2, nan, 4}, Search{K: 1}, "vector 2: number 1 is NaN"},
		{[]float32{1, inf}, Search{K: 1}, "vector 1: number 2 is +Inf"},
		{[]float32{1, 2}, Search{}, "k is 0"},
		{[]float32{1, 2}, Search{K: 1, Threads: -1}, "threads is -1"},
	} {
		_, err := f.Search(context.Background(), c.queries, c.s)
		checkError(t, err, c.want)
	}
}

func TestSearchOfNothing(t *testing.T) {
	t.Parallel()
	for _, m := range metrics {
		f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 2, m, nil)
		if hits := search(t, f, make([]float32, 4), Search{K: math.MaxInt}); len(hits) != 2 || len(hits[0])+len(hits[1]) != 0 {
			t.Errorf("%v: hits in an empty index: %v", m, hits)
		}
		f = flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 2, m, make([]float32, 4))
		if hits := search(t, f, nil, Search{K: 1}); len(hits) != 0 {
			t.Errorf("%v: hits without a query: %v", m, hits)
		}
		if hits := search(t, f, make([]float32, 2), Search{K: 1, Skip: []uint64{3}}); len(hits[0]) != 0 {
			t.Errorf("%v: hits where all rows are skipped: %v", m, hits)
		}
	}
}

func TestRowsThatAreNotFinite(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	want := map[Metric][]Hit{
		L2:           {{2, 0}, {4, 1}, {1, inf}, {3, inf}},
		InnerProduct: {{1, inf}, {4, 2}, {2, 1}, {3, -inf}},
	}
	eachKernel(t, func(t *testing.T, l kernel.Level, m Metric) {
		f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 1, m, []float32{nan, inf, 1, -inf, 2})
		f.math.level = l
		for _, n := range []int{1, minBatch} {
			for i, got := range search(t, f, slices.Repeat([]float32{1}, n), Search{K: 5}) {
				if !slices.Equal(got, want[m]) {
					t.Errorf("query %d of %d: %v, want %v", i, n, got, want[m])
				}
			}
		}
	})
}

func TestFileIsCut(t *testing.T) {
	t.Parallel()
	const d, rows = 384, 1000
	path := filepath.Join(t.TempDir(), "index.faiss")
	f := flatFile(t, path, d, L2, randomVectors(1, rows, d))
	if err := os.Truncate(path, HeaderSize+d*vector.Size*700+5); err != nil {
		t.Fatal(err)
	}
	_, scan := f.Search(context.Background(), make([]float32, d), Search{K: 1})
	_, gather := f.Search(context.Background(), make([]float32, d), Search{K: 1, Skip: skipBut(rows, func(row int) bool { return row == 3 || row == 800 })})
	read := f.ReadRows([]int64{700}, make([]float32, d))
	for _, err := range []error{scan, gather, read} {
		checkError(t, err, path)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error is %v, want one that wraps %v", err, io.ErrUnexpectedEOF)
		}
	}
	if err := f.ReadRows([]int64{699}, make([]float32, d)); err != nil {
		t.Errorf("reading the last whole row: %v", err)
	}
}

// TestScores: rows in memory have the scores that a search gives those of a file.
func TestScores(t *testing.T) {
	t.Parallel()
	const d, rows = 13, 9
	x, query := randomVectors(1, rows, d), randomVectors(2, 1, d)
	for _, m := range metrics {
		f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), d, m, x)
		scores := Scores(m, query, x)
		if len(scores) != rows {
			t.Fatalf("%v: %d scores of %d rows", m, len(scores), rows)
		}
		for _, h := range search(t, f, query, Search{K: rows})[0] {
			if scores[h.Row] != h.Score {
				t.Errorf("%v: row %d has the score %v, in a file %v", m, h.Row, scores[h.Row], h.Score)
			}
		}
	}
}

func TestSearchIsCancelled(t *testing.T) {
	t.Parallel()
	f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 2, L2, make([]float32, 6))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Search(ctx, make([]float32, 2), Search{K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
}

func TestScanStopsBetweenBlocks(t *testing.T) {
	t.Parallel()
	const d, rows = 384, 1000
	f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), d, L2, make([]float32, d*rows))
	ctx, cancel := context.WithCancel(context.Background())
	s := &cancelling{cancel: cancel}
	r := newReader(f, pass{k: 1, threads: 1}, directBlock)
	if err := scan(ctx, r, new(atomic.Int64), s, nil); !errors.Is(err, context.Canceled) || s.blocks != 1 {
		t.Errorf("stopped after %d blocks of %d with %v", s.blocks, r.blocks(), err)
	}
}

// cancelling is a scorer that cancels the search at the first block.
type cancelling struct {
	cancel context.CancelFunc
	blocks int
}

func (c *cancelling) score(block, []topK) {
	c.blocks++
	c.cancel()
}

func TestSearchConcurrently(t *testing.T) {
	t.Parallel()
	const d, rows = 384, 600
	f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), d, L2, randomVectors(1, rows, d))
	queries := randomVectors(2, minBatch, d)
	want := search(t, f, queries, Search{K: 3})
	var wg sync.WaitGroup
	for i := range 8 {
		n := 1 + i%2*(minBatch-1)
		wg.Go(func() {
			got, err := f.Search(context.Background(), queries[:n*d], Search{K: 3, Threads: 2})
			if err != nil || !slices.EqualFunc(got, want[:n], slices.Equal[[]Hit]) {
				t.Errorf("%v, %v, want %v", got, err, want[:n])
			}
		})
	}
	wg.Wait()
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), 2, L2, []float32{0, 1, 10, 11, 20, 21, 30, 31})
	rows := []int64{3, 0, 1, 2, 2, 1}
	got := make([]float32, 2*len(rows))
	if err := f.ReadRows(rows, got); err != nil {
		t.Fatal(err)
	}
	if want := []float32{30, 31, 0, 1, 10, 11, 20, 21, 20, 21, 10, 11}; !slices.Equal(got, want) {
		t.Errorf("ReadRows = %v, want %v", got, want)
	}
	checkError(t, f.ReadRows(rows, got[1:]), "11 floats for 6 rows of dim 2")
	checkError(t, f.ReadRows([]int64{4}, got[:2]), "row 4 of 4")
	checkError(t, f.ReadRows([]int64{-1}, got[:2]), "row -1 of 4")
}

// skipBut returns the bitmap that skips all rows but the wanted ones.
func skipBut(rows int, wanted func(row int) bool) []uint64 {
	skip := make([]uint64, (rows+63)/64)
	for row := range rows {
		if !wanted(row) {
			skip[row/64] |= 1 << (row % 64)
		}
	}
	return skip
}

func TestPlan(t *testing.T) {
	t.Parallel()
	f := &Flat{rows: 200}
	even := func(row int) bool { return row%2 == 0 }
	for _, c := range []struct {
		name string
		s    Search
		want pass
	}{
		{"all rows", Search{K: 500, Threads: 1}, pass{k: 200, threads: 1}},
		{"half of the rows", Search{K: 500, Threads: 1, Skip: skipBut(200, even)}, pass{k: 100, threads: 1, skip: skipBut(200, even)}},
		{"the rows past the end of the bitmap", Search{K: 7, Threads: 1, Skip: []uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64}},
			pass{k: 7, threads: 1, list: []int64{192, 193, 194, 195, 196, 197, 198, 199}}},
		{"one row, and bits past the last row", Search{K: 7, Threads: 1, Skip: []uint64{^uint64(4), math.MaxUint64, math.MaxUint64, math.MaxUint64, 0}},
			pass{k: 1, threads: 1, list: []int64{2}}},
		{"no row", Search{K: 7, Threads: 1, Skip: skipBut(200, func(int) bool { return false })}, pass{threads: 1, list: []int64{}}},
	} {
		if got := f.plan(c.s); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func search(t rapid.TB, f *Flat, queries []float32, s Search) [][]Hit {
	t.Helper()
	hits, err := f.Search(context.Background(), queries, s)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// flatFile writes x to an index file at path and views
// it until the test ends.
func flatFile(t interface {
	rapid.TB
	Cleanup(func())
}, path string, d int, m Metric, x []float32) *Flat {
	t.Helper()
	rows := int64(len(x) / d)
	b := append(Header{D: d, Ntotal: rows, Metric: m}.Append(nil), vector.Bytes(x)...)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	f, err := NewFlat(file, d, rows, m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Nearest finds the row of the lowest distance, the lower one of equal ones, whether the
// queries are compared one by one or in tiles.
func TestNearest(t *testing.T) {
	t.Parallel()
	for _, d := range []int{3, 100, 600} {
		rows := slices.Concat(smallIntegers(1, 700, d), []float32{float32(math.NaN())}, make([]float32, d-1))
		for _, n := range []int{1, 50} {
			queries := smallIntegers(2, n, d)
			for i, got := range Nearest(queries, rows, d) {
				scores := Scores(L2, queries[i*d:][:d], rows)
				want := 0
				for row, score := range scores {
					if score < scores[want] {
						want = row
					}
				}
				if int(got) != want {
					t.Errorf("dim %d, query %d of %d: row %d at %v, want %d at %v", d, i, n, got, scores[got], want, scores[want])
				}
			}
		}
	}
	if got := Nearest([]float32{1}, []float32{float32(math.NaN())}, 1); got[0] != 0 {
		t.Errorf("row %d where no distance is a number", got[0])
	}
}
