package faiss

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestIndexSearch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		metric    Metric
		class     string
		distances []float32
		labels    []int64
	}{
		{L2, "IndexFlatL2", []float32{0, 1, 4}, []int64{1, 0, 2}},
		{InnerProduct, "IndexFlatIP", []float32{3, 1, 0}, []int64{2, 1, 0}},
	} {
		idx := flatIndex(t, 2, c.metric, []float32{0, 0, 1, 0, 3, 0})
		if idx.Type() != c.class || idx.MetricType() != c.metric || idx.D() != 2 || idx.Ntotal() != 3 {
			t.Errorf("%v: type %s, metric %v, d %d, ntotal %d", c.metric, idx.Type(), idx.MetricType(), idx.D(), idx.Ntotal())
		}
		distances, labels, err := idx.Search([]float32{1, 0}, 4)
		if err != nil || !slices.Equal(distances[:3], c.distances) || !slices.Equal(labels, append(c.labels, -1)) {
			t.Errorf("%v: Search = %v, %v, %v, want %v, %v", c.metric, distances, labels, err, c.distances, c.labels)
		}
	}
}

func TestIndexSearchOfNothing(t *testing.T) {
	t.Parallel()
	for _, m := range metrics {
		for _, n := range []int{1, 30} {
			_, labels, err := flatIndex(t, 2, m, nil).Search(make([]float32, 2*n), 1)
			if err != nil || !slices.Equal(labels, slices.Repeat([]int64{-1}, n)) {
				t.Errorf("%v: labels in an empty index: %v, %v", m, labels, err)
			}
		}
	}
}

func TestIndexRoundTrip(t *testing.T) {
	t.Parallel()
	x := randomVectors(1, 10, 3)
	idx := flatIndex(t, 3, InnerProduct, x)
	path := filepath.Join(t.TempDir(), "index.faiss")
	if err := idx.WriteIndex(path); err != nil {
		t.Fatal(err)
	}
	fromFile, err := ReadIndex(path)
	if err != nil {
		t.Fatal(err)
	}
	defer fromFile.Close()
	b, err := fromFile.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	got, err := newIndex(t, b).ReconstructN(0, 10)
	if err != nil || !slices.Equal(got, x) {
		t.Errorf("read back %v, %v, want %v", got, err, x)
	}
}

func TestReadForeignIndex(t *testing.T) {
	t.Parallel()
	for name, class := range map[string]string{
		"sq8_l2":  "IndexScalarQuantizer",
		"hnsw_l1": "IndexHNSWFlat",
	} {
		idx := newIndex(t, readTestdata(t, name))
		if idx.Type() != class || idx.D() != 4 || idx.Ntotal() != 3 {
			t.Errorf("%s: type %s, d %d, ntotal %d", name, idx.Type(), idx.D(), idx.Ntotal())
		}
		row, err := idx.Reconstruct(1)
		if err != nil || len(row) != 4 || math.Abs(float64(row[0])-4) > 0.1 {
			t.Errorf("%s: row 1 is %v, %v", name, row, err)
		}
	}
	if m := newIndex(t, readTestdata(t, "hnsw_l1")).MetricType(); m.String() != "l1" {
		t.Errorf("metric of hnsw_l1 is %v", m)
	}
}

func TestReconstruct(t *testing.T) {
	t.Parallel()
	idx := flatIndex(t, 2, L2, []float32{0, 1, 2, 3, 4, 5})
	if got, err := idx.Reconstruct(1); err != nil || !slices.Equal(got, []float32{2, 3}) {
		t.Errorf("Reconstruct(1) = %v, %v", got, err)
	}
	if got, err := idx.ReconstructN(1, 2); err != nil || !slices.Equal(got, []float32{2, 3, 4, 5}) {
		t.Errorf("ReconstructN(1, 2) = %v, %v", got, err)
	}
	if got, err := idx.ReconstructN(3, 0); err != nil || len(got) != 0 {
		t.Errorf("ReconstructN(3, 0) = %v, %v", got, err)
	}
	for _, r := range [][2]int64{{-1, 1}, {3, 1}, {2, 2}, {0, -1}, {0, math.MaxInt64}, {math.MaxInt64, 1}} {
		_, err := idx.ReconstructN(r[0], r[1])
		checkError(t, err, "index holds 3")
	}
}

func TestIndexRefuses(t *testing.T) {
	t.Parallel()
	_, err := NewIndexFlat(0, L2)
	checkError(t, err, "dim 0")
	_, err = NewIndexFlat(math.MaxInt32+1, L2)
	checkError(t, err, "dim 2147483648")
	_, err = NewIndexFlat(2, 7)
	checkError(t, err, "metric 7 is neither")

	idx := flatIndex(t, 2, L2, []float32{0, 1})
	checkError(t, idx.Add(make([]float32, 3)), "adding: 3 numbers are not whole vectors of dim 2")
	checkError(t, idx.Add([]float32{1, 2, 3, float32(math.NaN())}), "vector 2: number 2 is NaN")
	checkError(t, idx.Add([]float32{float32(math.Inf(-1)), 0}), "vector 1: number 1 is -Inf")
	_, _, err = idx.Search(make([]float32, 3), 1)
	checkError(t, err, "searching: 3 numbers")
	_, _, err = idx.Search(make([]float32, 2), 0)
	checkError(t, err, "k is 0 with 1 queries")
	_, _, err = idx.Search(make([]float32, 4), maxAnswer)
	checkError(t, err, "k is 1073741824 with 2 queries")
	if idx.Add(nil) != nil || idx.Ntotal() != 1 {
		t.Errorf("after adding nothing there are %d vectors", idx.Ntotal())
	}
	if d, l, err := idx.Search(nil, 1); len(d)+len(l) != 0 || err != nil {
		t.Errorf("no queries: %v, %v, %v", d, l, err)
	}
}

func TestReadIndexRefuses(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := ReadIndex(missing)
	checkError(t, err, missing)
	_, err = ReadIndex("a\x00b")
	checkError(t, err, "NUL")
	for _, b := range []string{"", "IxF", "nonsense, and enough of it"} {
		_, err = ReadIndexBytes([]byte(b))
		checkError(t, err, "reading index: Error in")
	}
	whole := readTestdata(t, "flat_l2")
	for n := range whole {
		_, err = ReadIndexBytes(whole[:n])
		checkError(t, err, "reading index: ")
	}
	huge := Header{D: 1, Ntotal: 1 << 50, Metric: L2}
	_, err = ReadIndexBytes(huge.Append(nil))
	checkError(t, err, "reading index: ")
}

func TestWriteIndexRefuses(t *testing.T) {
	t.Parallel()
	idx := flatIndex(t, 2, L2, nil)
	path := filepath.Join(t.TempDir(), "missing", "index.faiss")
	checkError(t, idx.WriteIndex(path), path)
	checkError(t, idx.WriteIndex("a\x00b"), "NUL")
}

func TestIndexClose(t *testing.T) {
	t.Parallel()
	idx := flatIndex(t, 2, L2, []float32{0, 1})
	for range 2 {
		if err := idx.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, search := idx.Search([]float32{0, 1}, 1)
	_, reconstruct := idx.Reconstruct(0)
	_, write := idx.Bytes()
	for _, err := range []error{idx.Add([]float32{0, 1}), search, reconstruct, write, idx.WriteIndex("x")} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if idx.Ntotal() != 0 || idx.D() != 2 || idx.Type() != "IndexFlatL2" {
		t.Errorf("after Close: ntotal %d, d %d, type %s", idx.Ntotal(), idx.D(), idx.Type())
	}
}

func TestIndexConcurrently(t *testing.T) {
	t.Parallel()
	idx := flatIndex(t, 2, L2, []float32{0, 1})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if err := idx.Add([]float32{5, 5}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 50 {
				if _, labels, err := idx.Search([]float32{0, 1}, 1); err != nil || labels[0] != 0 {
					t.Error(labels, err)
				}
			}
		})
	}
	wg.Wait()
	if idx.Ntotal() != 201 {
		t.Errorf("ntotal = %d, want 201", idx.Ntotal())
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if v := Version(); strings.Count(v, ".") != 2 || strings.Contains(v, "FAISS") {
		t.Errorf("Version() = %q", v)
	}
}

func flatIndex(t testing.TB, d int, m Metric, x []float32) *Index {
	t.Helper()
	idx, err := NewIndexFlat(d, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { idx.Close() })
	if err := idx.Add(x); err != nil {
		t.Fatal(err)
	}
	return idx
}

func newIndex(t testing.TB, b []byte) *Index {
	t.Helper()
	idx, err := ReadIndexBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { idx.Close() })
	return idx
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want one with %q", err, want)
	}
}
