package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// TestAWriteThatFailsIsTheLast: what it staged is gone, nothing more is written,
// and the store can be read and closed.
func TestAWriteThatFailsIsTheLast(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 4, Metric: engine.L2}, 3, rand.New(rand.NewPCG(1, 1)))
	boom := errors.New("boom")
	if err := s.write(t.Context(), func(*tx) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("the write: %v", err)
	}
	if err := s.SetSettings(t.Context(), "{}"); !errors.Is(err, boom) || !s.Failed() {
		t.Errorf("the next write: %v", err)
	}
	if _, err := s.Info(t.Context()); err != nil {
		t.Errorf("a read: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// TestAnInterruptIsNoFailure: a read that a context ended leaves the writer as it was.
func TestAnInterruptIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 4, Metric: engine.L2}, 3, rand.New(rand.NewPCG(1, 1)))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.view(ctx, func(t *tx) error {
		cancel()
		_, err := t.Int64(`WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r`)
		return err
	})
	if err == nil || s.Failed() {
		t.Errorf("%v, failed: %v", err, s.Failed())
	}
	if err := s.SetSettings(t.Context(), "{}"); err != nil {
		t.Errorf("a write after it: %v", err)
	}
}

// TestTheLastDocumentNumber holds the ends of what 32 bits count.
func TestTheLastDocumentNumber(t *testing.T) {
	t.Parallel()
	s := memoryStore(t, []string{"{}"})
	defer s.Close()
	all := roaring.BitmapOf(5, 1<<pageBits-1, 1<<pageBits, math.MaxUint32)
	if err := s.savePages(kindUnswept, all, all); err != nil {
		t.Fatal(err)
	}
	if got, err := s.bitmap(kindUnswept); err != nil || !got.Equals(all) {
		t.Errorf("%v, %v; want %v", got, err, all)
	}
	w := newSample(t, engine.Facts{Dim: 4, Metric: engine.L2}, 3, rand.New(rand.NewPCG(1, 1)))
	r, err := w.Replace(t.Context(), engine.Source{Key: "k", Name: "k"})
	if err != nil {
		t.Fatal(err)
	}
	w.next = math.MaxUint32 + 1
	if err := r.Add(t.Context(), engine.Document{ID: "one more"}, []float32{1, 2, 3, 4}, engine.Given); !errors.Is(err, errFull) {
		t.Errorf("one more: %v", err)
	}
	w.next = w.base.count
}

// TestFactsThatCannotBe are refused, whatever their checksum says.
func TestFactsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*engine.Facts){
		"dim":       func(f *engine.Facts) { f.Dim = 0 },
		"large dim": func(f *engine.Facts) { f.Dim = 1 << 30 },
		"metric":    func(f *engine.Facts) { f.Metric = "hamming" },
	} {
		s := newSample(t, engine.Facts{Dim: 4, Metric: engine.L2}, 3, rand.New(rand.NewPCG(1, 1)))
		if err := s.update(t.Context(), func(t *tx) error { change(&t.facts); return t.saveState(t.state) }); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		var format *engine.FormatError
		if _, err := Open(t.Context(), s.Dir(), engine.Options{}); !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFewAreMatchedOneByOne has metadata of which too many values would be looked at.
func TestFewAreMatchedOneByOne(t *testing.T) {
	t.Parallel()
	var objects []string
	for i := range 100 {
		objects = append(objects, fmt.Sprintf(`{"n":%d}`, i))
	}
	s := memoryStore(t, objects)
	defer s.Close()
	for expr, want := range map[string]*roaring.Bitmap{"n>=0": roaring.BitmapOf(1, 2), "n!=2": roaring.BitmapOf(1), `{"n": {"$exists": false}}`: roaring.New()} {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.matchingAmong(roaring.BitmapOf(1, 2), f, 1000); err != nil || !got.Equals(want) {
			t.Errorf("%s: %v, %v; want %v", expr, got, err, want)
		}
		if got, err := s.matchingAmong(roaring.BitmapOf(1, 2), f, filter.ObjectCost); err == nil && !got.Equals(want) || err != nil && !errors.Is(err, filter.ErrLimit) {
			t.Errorf("%s, where one may be looked at: %v, %v", expr, got, err)
		}
	}
}

// TestACopyHasNoName: nothing is left of a database that is being copied, however
// the process ends.
func TestACopyHasNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := copyDatabase(t.Context(), from, time.Second)
		ended <- err
	}()
	// More than a pipe holds: some of it was copied when it is written.
	if _, err := to.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || left != nil {
		t.Errorf("%q, %v", left, err)
	}
	if err := errors.Join(to.Close(), <-ended, from.Close()); err == nil {
		t.Error("zeros are a database")
	}
}
