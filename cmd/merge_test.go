package cmd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// onALine makes a store of n documents on a line, from the first point on.
func onALine(t *testing.T, dir, source string, first, n int) {
	t.Helper()
	ctx := t.Context()
	w, err := store.Create(ctx, dir, engine.Facts{Dim: 2, Metric: engine.L2}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	docs := func(yield func(engine.Transfer, error) bool) {
		for i := first; i < first+n; i++ {
			d := engine.Document{ID: fmt.Sprint(i), Text: fmt.Sprint("point ", i), Vector: []float32{float32(i), 0}}
			if !yield(engine.Transfer{Document: d, From: engine.Source{Key: source, Name: source}}, nil) {
				return
			}
		}
	}
	if _, err := w.Merge(ctx, []engine.Snapshot{{Transfers: docs}}, engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// interruptedAfter is a context that is cancelled, as by a signal, at a given number
// of calls of Done and Err.
type interruptedAfter struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelCauseFunc
}

func newInterruptedAfter(parent context.Context, n int64) *interruptedAfter {
	c := &interruptedAfter{}
	c.Context, c.cancel = context.WithCancelCause(parent)
	c.left.Store(n)
	return c
}

func (c *interruptedAfter) Done() <-chan struct{} {
	c.asked()
	return c.Context.Done()
}

func (c *interruptedAfter) Err() error {
	c.asked()
	return c.Context.Err()
}

func (c *interruptedAfter) asked() {
	if c.left.Add(-1) == 0 {
		c.cancel(interrupted{syscall.SIGINT})
	}
}

// An interrupt at any moment leaves the store as before or with the whole merge. A
// store that did not exist is not left.
func TestMergeInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	into, other, made := filepath.Join(root, "into"), filepath.Join(root, "other"), filepath.Join(root, "new", "store")
	onALine(t, into, "a", 0, 3)
	onALine(t, other, "b", 3, 3)
	list := func() string { return sheaf(t, "list", "--jsonl", "--with-vectors", "--store", into) }
	for _, target := range []string{made, into} {
		before, stopped := list(), 0
		for n := int64(1); ; n++ {
			ctx := newInterruptedAfter(t.Context(), n)
			s, _, errs := recorded("")
			code := Main(ctx, []string{"merge", "--config", os.DevNull, "--store", target, other}, s)
			if code == exitOK {
				break
			}
			stopped++
			if code != exitInterrupted {
				t.Fatalf("after %d steps: exit code %d: %s", n, code, errs)
			}
			if diff := cmp.Diff(before, list()); diff != "" {
				t.Fatalf("after %d steps: %s", n, diff)
			}
			if _, err := os.Stat(filepath.Dir(made)); err == nil && target == made {
				t.Fatalf("after %d steps: a new store is left", n)
			}
		}
		if stopped < 5 {
			t.Errorf("%s: only %d moments were tried", target, stopped)
		}
	}
	if got := sheaf(t, "list", "--ids", "--store", into); got != "0\n1\n2\n3\n4\n5\n" {
		t.Errorf("merged: %q", got)
	}
	if got := sheaf(t, "list", "--ids", "--store", made); got != "3\n4\n5\n" {
		t.Errorf("made: %q", got)
	}
}

// While another process merges, each search is answered from the store as it
// was before or as it is after.
func TestSearchesDuringAMerge(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	into, other := filepath.Join(root, "into"), filepath.Join(root, "other")
	onALine(t, into, "a", 0, 1000)
	onALine(t, other, "b", 1000, 10000)
	c := exec.CommandContext(t.Context(), "sheaf", "merge", "--store", into, other)
	c.Env = append(os.Environ(), scrubbed(root)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	merged := make(chan error, 1)
	go func() { merged <- c.Wait() }()
	kept, err := store.Open(t.Context(), into, engine.Options{LockTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	after := false
	for running := true; running; {
		select {
		case err := <-merged:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
		ids := nearest(t, kept)
		switch {
		case slices.Equal(ids, []string{"5000", "4999"}):
			after = true
		case after || !slices.Equal(ids, []string{"999", "998"}):
			t.Fatalf("a search found %q", ids)
		}
	}
	if !after {
		t.Error("the merge cannot be seen")
	}
}

func nearest(t *testing.T, s *store.Store) (ids []string) {
	t.Helper()
	hits, err := s.Search(t.Context(), [][]float32{{4999.9, 0}}, engine.SearchOptions{K: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits[0] {
		ids = append(ids, h.ID)
	}
	return ids
}
