package ingest_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/store"
)

var errInjected = errors.New("injected")

// failing is a store of which one call fails: the one before which left is 1.
type failing struct {
	*store.Writer
	left atomic.Int64
}

func (f *failing) next() error {
	if f.left.Add(-1) == 0 {
		return errInjected
	}
	return nil
}

func (f *failing) Info(ctx context.Context) (engine.Info, error) {
	if err := f.next(); err != nil {
		return engine.Info{}, err
	}
	return f.Writer.Info(ctx)
}

func (f *failing) SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	return f.Writer.SourcesByKey(ctx, keys)
}

func (f *failing) SourceByName(ctx context.Context, name string) (engine.Source, bool, error) {
	if err := f.next(); err != nil {
		return engine.Source{}, false, err
	}
	return f.Writer.SourceByName(ctx, name)
}

func (f *failing) AllSources(ctx context.Context) iter.Seq2[engine.Source, error] {
	return func(yield func(engine.Source, error) bool) {
		for src, err := range f.Writer.AllSources(ctx) {
			if err == nil {
				err = f.next()
			}
			if !yield(src, err) || err != nil {
				return
			}
		}
	}
}

func (f *failing) Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	return f.Writer.Match(ctx, src, docs)
}

func (f *failing) Replace(ctx context.Context, src engine.Source) (engine.Replacement, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	r, err := f.Writer.Replace(ctx, src)
	return failingReplacement{r, f}, err
}

func (f *failing) Forget(ctx context.Context, src engine.Source) error {
	return errors.Join(f.next(), f.Writer.Forget(ctx, src))
}

func (f *failing) VectorOf(ctx context.Context, text string) ([]float32, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	return f.Writer.VectorOf(ctx, text)
}

func (f *failing) SetSettings(ctx context.Context, settings string) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Writer.SetSettings(ctx, settings)
}

func (f *failing) Commit(ctx context.Context) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Writer.Commit(ctx)
}

// Failed is true once a call failed, as it is of a store.
func (f *failing) Failed() bool { return f.fired() || f.Writer.Failed() }

func (f *failing) fired() bool { return f.left.Load() <= 0 }

type failingReplacement struct {
	engine.Replacement
	f *failing
}

func (r failingReplacement) Keep(m engine.Match, d engine.Document) error {
	if err := r.f.next(); err != nil {
		return err
	}
	return r.Replacement.Keep(m, d)
}

func (r failingReplacement) Check(ctx context.Context, id string) error {
	if err := r.f.next(); err != nil {
		return err
	}
	return r.Replacement.Check(ctx, id)
}

func (r failingReplacement) Add(ctx context.Context, d engine.Document, vector []float32, origin engine.Origin) error {
	if err := r.f.next(); err != nil {
		return err
	}
	return r.Replacement.Add(ctx, d, vector, origin)
}

// changed makes a project that was ingested, and changed in each way since.
func changed(t *testing.T) (project string) {
	t.Helper()
	p := t.TempDir()
	for _, name := range []string{"same.txt", "touched.txt", "changed.txt", "gone.txt", "moved.txt"} {
		text(t, p, name, "text of "+name)
	}
	text(t, p, "records.jsonl", `{"id": "1", "text": "one"}`+"\n"+`{"id": "2", "text": "two"}`+"\n")
	for _, name := range []string{"same.txt", "touched.txt"} {
		age(t, p, name)
	}
	ingestHere(t, p)
	text(t, p, "touched.txt", "text of touched.txt")
	text(t, p, "changed.txt", "another text")
	text(t, p, "new.txt", "a new text")
	text(t, p, "twice.txt", "a new text")
	text(t, p, "records.jsonl", `{"id": "1", "text": "one", "page": 1}`+"\n"+`{"id": "3", "text": "three"}`+"\n")
	must(t, os.Remove(filepath.Join(p, "text", "gone.txt")))
	must(t, os.Rename(filepath.Join(p, "text", "moved.txt"), filepath.Join(p, "text", "there.txt")))
	return p
}

// TestErrorsOfAStoreAnywhere has each call of a store fail alone. The run ends with that error, and
// the next one makes the store that a run which nothing disturbed makes.
func TestErrorsOfAStoreAnywhere(t *testing.T) {
	t.Parallel()
	start := changed(t)
	o := ingest.Options{Prune: true, BatchSize: 128, Workers: 1}
	runs := func(p string, n int64) (fired bool, _ error) {
		dir := filepath.Join(p, ".sheaf")
		w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
		must(t, err)
		f := &failing{Writer: w}
		f.left.Store(n)
		o := o
		o.Roots = []string{filepath.Join(p, "text")}
		_, err = ingest.Run(t.Context(), f, hashed{}, storeOptions(o, dir))
		return f.fired(), errors.Join(err, w.Close())
	}
	copied := func() string {
		p := t.TempDir()
		must(t, os.CopyFS(p, os.DirFS(start)))
		return p
	}
	// whole is what a project's store has once a run was not disturbed.
	whole := func(p string) string {
		t.Helper()
		if _, err := runs(p, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(strings.Join(documents(t, p), "\n"), p, "PROJECT")
	}
	want := whole(copied())
	tried := 0
	for n := int64(1); ; n++ {
		p := copied()
		fired, err := runs(p, n)
		if !fired {
			break
		}
		tried++
		if !errors.Is(err, errInjected) {
			t.Errorf("call %d fails: %v", n, err)
		}
		if diff := cmp.Diff(want, whole(p)); diff != "" {
			t.Errorf("after call %d failed: %s", n, diff)
		}
	}
	if tried < 30 {
		t.Errorf("only %d calls were tried", tried)
	}
}
