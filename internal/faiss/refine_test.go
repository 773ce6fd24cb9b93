package faiss

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"sheaf/internal/codes"
	"sheaf/internal/vector"
)

// numbers make vectors for which bounds may be wrong, or exclude nothing.
var numbers = []func(rng *rand.Rand, row int) float32{
	func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) },
	func(rng *rand.Rand, row int) float32 { return float32(row%5) + 0.1*float32(rng.NormFloat64()) }, // clusters
	func(rng *rand.Rand, _ int) float32 { return 1000 + float32(rng.NormFloat64()) },
	func(rng *rand.Rand, _ int) float32 { return float32(rng.IntN(3) - 1) }, // many equal keys
	func(_ *rand.Rand, row int) float32 { return float32(row % 3) },         // equal rows, and zeros
	func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) * 1e37 },
	func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) * 1e-40 },
	func(rng *rand.Rand, row int) float32 {
		return float32(rng.NormFloat64() * math.Pow(10, float64(row%60-30)))
	},
	func(rng *rand.Rand, row int) float32 { // one giant among small ones
		return float32(rng.NormFloat64()) * (1 + 1e9*float32(max(0, 1-row)))
	},
}

// trial is one set of rows, with queries of which some are rows.
type trial struct {
	dim, rows, queries int
	vectors, asked     []float32
	metric             Metric
	search             Search
	order              []int     // of the codes of the rows, where it is not that of the rows
	ordered            int64     // blocks of codes in an order of their own; 0: none
	blocks             [][]int64 // to look at, of each query; nil: all
}

// blockRows is how many rows a block of the codes of a trial has.
const blockRows = 16

func randomTrial(seed uint64, dims, rows, queries int) trial {
	rng := rand.New(rand.NewPCG(seed, 11))
	t := trial{dim: 1 + rng.IntN(dims), rows: 16 + rng.IntN(rows), queries: queries, metric: Metric(rng.IntN(2))}
	number := numbers[rng.IntN(len(numbers))]
	t.vectors, t.asked = make([]float32, t.rows*t.dim), make([]float32, t.queries*t.dim)
	for i := range t.vectors {
		t.vectors[i] = number(rng, i/t.dim)
	}
	for i := range t.asked {
		t.asked[i] = number(rng, rng.IntN(t.rows))
	}
	copy(t.asked, t.vectors[rng.IntN(t.rows)*t.dim:])
	t.search = Search{K: 1 + rng.IntN(20), Threads: 1 + rng.IntN(2)}
	if rng.IntN(2) == 0 {
		t.search.Skip = make([]uint64, rng.IntN(t.rows/64+1))
		for i := range t.search.Skip {
			t.search.Skip[i] = rng.Uint64() & rng.Uint64()
		}
	}
	if rng.IntN(2) == 0 {
		t.order = rng.Perm(t.rows / blockRows * blockRows)
		t.ordered = 1 + rng.Int64N(int64(t.rows/blockRows))
	}
	if rng.IntN(4) == 0 {
		for range queries {
			var some []int64
			for _, b := range rng.Perm(t.rows / blockRows)[:rng.IntN(t.rows/blockRows+1)] {
				some = append(some, int64(b))
			}
			t.blocks = append(t.blocks, some)
		}
	}
	return t
}

// codesOf makes the codes of the trial's rows, as far as they fill blocks.
func (c trial) codesOf(t *testing.T, dir string) *codes.File {
	t.Helper()
	known := c.rows / blockRows * blockRows
	path := filepath.Join(dir, "codes")
	origin := codes.Origin{Dim: c.dim}
	made, err := codes.Create(path, origin, c.vectors, codes.Shape{Rows: blockRows, Ordered: c.ordered})
	must(t, err)
	var vectors []float32
	var numbers []int64
	for i := range known {
		row := i
		if c.order != nil {
			row = c.order[i]
		}
		vectors, numbers = append(vectors, c.vectors[row*c.dim:][:c.dim]...), append(numbers, int64(row))
	}
	must(t, made.Append(0, numbers, vectors))
	must(t, made.Close())
	coded, err := codes.Open(path, origin, int64(known), os.O_RDONLY)
	must(t, err)
	return coded
}

// scan is the answer by the vectors of the rows that the trial looks at.
func (c trial) scan(t *testing.T, flat *Flat, coded *codes.File) (hits [][]Hit) {
	t.Helper()
	if c.blocks == nil {
		hits, err := flat.Search(t.Context(), c.asked, c.search)
		must(t, err)
		return hits
	}
	for q := range c.queries {
		s := c.search
		s.Skip = slices.Concat(s.Skip, make([]uint64, c.rows/64+1-len(s.Skip)))
		for at := int64(0); at < coded.Rows(); at += blockRows {
			if slices.Contains(c.blocks[q], at/blockRows) {
				continue
			}
			numbers, err := coded.Numbers(at)
			must(t, err)
			for _, row := range numbers {
				s.Skip[row/64] |= 1 << (row % 64)
			}
		}
		found, err := flat.Search(t.Context(), c.asked[q*c.dim:][:c.dim], s)
		must(t, err)
		hits = append(hits, found...)
	}
	return hits
}

// check holds the answer by codes against that of the scan, bit by bit. Where signs choose the
// candidates, it returns how many of the scan's hits are missing, of how many.
func (c trial) check(t *testing.T, dir string) (missing, of int) {
	t.Helper()
	flat := flatOf(t, dir, c.vectors, c.dim, c.metric)
	defer flat.file.Close()
	coded := c.codesOf(t, dir)
	defer coded.Close()
	candidates, err := coded.Candidates(t.Context(), c.asked, codes.Search{
		L2: c.metric == L2, K: c.search.K, Skip: c.search.Skip, Threads: c.search.Threads, Most: math.MaxInt32, Blocks: c.blocks,
	})
	if errors.Is(err, codes.ErrLoose) {
		return 0, 0 // a query that is too short or too long
	}
	must(t, err)
	got, err := flat.Refine(t.Context(), c.asked, c.search, coded.Rows(), candidates)
	must(t, err)
	want := c.scan(t, flat, coded)
	if c.blocks != nil && coded.Ordered() {
		for q, hits := range want {
			of += len(hits)
			for _, hit := range hits {
				if !slices.Contains(got[q], hit) {
					missing++
				}
			}
		}
		return missing, of
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Fatalf("%d rows of dim %d, %v, k %d: %v, want %v", c.rows, c.dim, c.metric, c.search.K, got, want)
	}
	return 0, 0
}

// flatOf makes an index file of vectors in dir and opens it.
func flatOf(t *testing.T, dir string, vectors []float32, dim int, m Metric) *Flat {
	t.Helper()
	path, rows := filepath.Join(dir, "index"), int64(len(vectors)/dim)
	head := Header{D: dim, Ntotal: rows, Metric: m}.Append(nil)
	must(t, os.WriteFile(path, append(head, vector.Bytes(vectors)...), 0o600))
	file, err := os.Open(path)
	must(t, err)
	flat, err := NewFlat(file, dim, rows, m)
	must(t, err)
	return flat
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Rows, queries, k, threads, skipped rows, orders of the codes and blocks to look at at random:
// answers by codes are those of a scan, but for a few hits where signs choose the candidates. SHEAF_TEST_TRIALS asks for so many sets of rows and queries more, of which it
// reports the number.
func TestRefineIsExact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing, of := 0, 0
	count := func(m, n int) { missing, of = missing+m, of+n }
	for seed := range uint64(300) {
		count(randomTrial(seed, 300, 300, int(1+seed%9)).check(t, dir))
	}
	for seed := range uint64(8) {
		count(randomTrial(1000+seed, 2000, 100, 3).check(t, dir))
	}
	if of == 0 || missing*1000 > of {
		t.Errorf("by signs %d hits of %d are missing", missing, of)
	}
}

func TestRefineIsExactManyTimes(t *testing.T) {
	t.Parallel()
	more, err := strconv.ParseUint(os.Getenv("SHEAF_TEST_TRIALS"), 10, 64)
	if err != nil {
		t.Skip("SHEAF_TEST_TRIALS=10000000 asks for ten million")
	}
	const queries = 500
	first := rand.Uint64() >> 1
	t.Logf("seeds from %d on", first)
	var done atomic.Uint64
	for worker := range 2 {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for n := done.Add(queries); n <= more; n = done.Add(queries) {
				if missing, of := randomTrial(first+n, 1+int(n/queries%64), 200, queries).check(t, dir); missing*1000 > of {
					t.Errorf("seed %d: by signs %d hits of %d are missing", first+n, missing, of)
				}
			}
		})
	}
}

// Goroutines that share the candidates of a query find what one does, and a scan.
func TestRefineByManyGoroutines(t *testing.T) {
	t.Parallel()
	const rows = 1500
	flat := flatOf(t, t.TempDir(), randomVectors(1, rows, 8), 8, L2)
	defer flat.file.Close()
	query := randomVectors(2, 1, 8)
	want, err := flat.Search(t.Context(), query, Search{K: 700})
	if err != nil {
		t.Fatal(err)
	}
	for threads := range 5 {
		all := []iter.Seq2[int64, float32]{func(yield func(int64, float32) bool) {
			for i := int64(0); i < rows && yield(i*7%rows, float32(math.Inf(-1))); i++ {
			}
		}}
		got, err := flat.Refine(t.Context(), query, Search{K: 700, Threads: 1 + threads}, rows, all)
		if err != nil || !slices.Equal(got[0], want[0]) {
			t.Errorf("%d goroutines find other rows, %v", 1+threads, err)
		}
	}
}

// What Refine is given is checked as for Search, and its context ends it.
func TestRefineRefuses(t *testing.T) {
	t.Parallel()
	flat := flatOf(t, t.TempDir(), randomVectors(1, 100, 8), 8, InnerProduct)
	defer flat.file.Close()
	none := []iter.Seq2[int64, float32]{func(func(int64, float32) bool) {}}
	endless := []iter.Seq2[int64, float32]{func(yield func(int64, float32) bool) {
		for yield(3, 0) {
		}
	}}
	query := randomVectors(2, 1, 8)
	if _, err := flat.Refine(t.Context(), query, Search{}, 10, none); err == nil {
		t.Error("no error for k 0")
	}
	if _, err := flat.Refine(t.Context(), query, Search{K: 1}, 10, nil); err == nil {
		t.Error("no error without candidates")
	}
	if _, err := flat.Refine(t.Context(), query, Search{K: 1}, 101, none); err == nil {
		t.Error("no error for more known rows than there are")
	}
	if _, err := flat.Refine(t.Context(), query, Search{K: 1}, -1, none); err == nil {
		t.Error("no error for fewer known rows than none")
	}
	if hits, err := flat.Refine(t.Context(), query, Search{K: 1}, 100, none); err != nil || len(hits[0]) != 0 {
		t.Errorf("%v, %v where nothing is a candidate", hits, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := flat.Refine(ctx, query, Search{K: 1}, 100, endless); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context ended", err)
	}
	// A candidate past the end of the file cannot be read, alone or among many.
	for _, n := range []int{1, fewCandidates} {
		if hits, err := flat.Refine(t.Context(), query, Search{K: 1}, 100, []iter.Seq2[int64, float32]{func(yield func(int64, float32) bool) {
			for i := 0; i < n && yield(1<<30, float32(math.Inf(-1))); i++ {
			}
		}}); err == nil {
			t.Errorf("%d candidates past the end: %v", n, hits)
		}
	}
	// The context ends while the last candidates are named.
	ctx, cancel = context.WithCancel(t.Context())
	if _, err := flat.Refine(ctx, query, Search{K: 1}, 100, []iter.Seq2[int64, float32]{func(yield func(int64, float32) bool) {
		yield(1, float32(math.Inf(-1)))
		cancel()
	}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context ended at last", err)
	}
}
