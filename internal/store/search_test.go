package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
)

// TestTheThirdTryHoldsTheStore: a search that keeps meeting deletions ends
// with one that writers wait for.
func TestTheThirdTryHoldsTheStore(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 5, rand.New(rand.NewPCG(7, 8)))
	var held []bool
	err := s.try(t.Context(), func(snap *snapshot) error {
		held = append(held, snap.open != nil)
		snap.state = &state{generation: snap.state.generation - 1} // as if something had gone meanwhile
		return snap.read(t.Context(), func(*tx) error { return nil })
	})
	if err != nil || fmt.Sprint(held) != "[false false true]" {
		t.Errorf("tries that held the store: %v, %v", held, err)
	}
	broken := errors.New("broken")
	if err := s.try(t.Context(), func(*snapshot) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("another error: %v", err)
	}
}

func TestHugeNumbersOfHits(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 60, rand.New(rand.NewPCG(9, 10)))
	f := parseFilter(t, "{}")
	for _, o := range []engine.SearchOptions{
		{K: math.MaxInt}, {K: math.MaxInt, Filter: f}, {K: math.MaxInt, Filter: f, FetchK: math.MaxInt}, {K: math.MaxInt, FetchK: math.MaxInt},
	} {
		for name, search := range map[string]func() ([][]engine.Hit, error){
			"search": func() ([][]engine.Hit, error) { return s.Search(t.Context(), [][]float32{{1, 2}}, o) },
			"mmr": func() ([][]engine.Hit, error) {
				return engine.MMR(t.Context(), s, [][]float32{{1, 2}}, engine.MMROptions{SearchOptions: o, Lambda: 0.5})
			},
		} {
			if hits, err := search(); err != nil || len(hits[0]) != len(s.docs) {
				t.Errorf("%s, %+v: %d hits, %v", name, o, len(hits), err)
			}
		}
	}
}

// TestAllDead: a store whose documents are all deleted has rows, but no hits.
func TestAllDead(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 9, rand.New(rand.NewPCG(11, 12)))
	var ids []string
	for _, d := range s.docs {
		ids = append(ids, d.ID)
	}
	s.remove(t, ids)
	for _, f := range []*filter.Filter{nil, parseFilter(t, "a>=0")} {
		hits, err := s.Search(t.Context(), [][]float32{{1, 2}, {3, 4}}, engine.SearchOptions{K: 3, Filter: f})
		if err != nil || len(hits) != 2 || len(hits[0])+len(hits[1]) != 0 {
			t.Errorf("%v, %v", hits, err)
		}
	}
}

func parseFilter(t *testing.T, exprs ...string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(exprs...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFilteredReadersSeeWholeStates searches with filters all the while a
// writer replaces a source: what matches and what is shown is of one state.
func TestFilteredReadersSeeWholeStates(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), ".sheaf")
	w, err := Create(t.Context(), dir, engine.Facts{Dim: 2, Metric: engine.L2}, engine.Options{LockTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	writeVersion(t, w, 0)
	ctx, stop := context.WithCancel(t.Context())
	read := make(chan error, 2)
	for range cap(read) {
		go func() { read <- readFiltered(ctx, dir, parseFilter(t, "odd=true")) }()
	}
	for v := 1; v <= 30; v++ {
		writeVersion(t, w, v)
	}
	stop()
	for range cap(read) {
		if err := <-read; err != nil {
			t.Error(err)
		}
	}
}

const versionDocuments = 20

// writeVersion replaces all documents. With each version the odd ones change
// places with the even ones.
func writeVersion(t *testing.T, w *Writer, version int) {
	t.Helper()
	src, _, err := w.SourceByKey(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	src.Key, src.Name = "s", "s"
	r, err := w.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	for i := range versionDocuments {
		odd := (i+version)%2 == 1
		d := engine.Document{ID: fmt.Sprint(i), Text: fmt.Sprint(version, odd), Metadata: metadata.Raw(fmt.Appendf(nil, `{"odd":%t}`, odd))}
		if err := r.Add(t.Context(), d, []float32{float32(i), 0}, engine.Given); err != nil {
			t.Fatal(err)
		}
	}
	r.Done(src)
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func readFiltered(ctx context.Context, dir string, f *filter.Filter) error {
	s, err := Open(context.Background(), dir, engine.Options{LockTimeout: time.Minute})
	if err != nil {
		return err
	}
	defer s.Close()
	for n := 0; ctx.Err() == nil || n == 0; n++ {
		o := engine.SearchOptions{K: 30, Filter: f}
		if n%2 == 1 {
			o.FetchK = 30
		}
		hits, err := s.Search(context.Background(), [][]float32{{0, 0}}, o)
		if err != nil {
			return err
		}
		if len(hits[0]) != versionDocuments/2 {
			return fmt.Errorf("%d documents of %d", len(hits[0]), versionDocuments/2)
		}
		for i, h := range hits[0] {
			if h.Text != hits[0][0].Text || h.Metadata.String() != `{"odd":true}` || int(h.Score) != i*i*4 && int(h.Score) != (2*i+1)*(2*i+1) {
				return fmt.Errorf("hit %d is %q with score %v, beside %q", i, h.Text, h.Score, hits[0][0].Text)
			}
		}
	}
	return nil
}
