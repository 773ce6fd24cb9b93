package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/store"
	"sheaf/internal/words"
)

var errInjected = errors.New("injected")

// failsOnce is a context whose nth look at it finds it done, and those after it until the cause is
// asked for. Each statement and each row looks, so that any one of them can be made to fail.
type failsOnce struct {
	context.Context
	left atomic.Int64
	told atomic.Bool
}

func (c *failsOnce) fired() bool { return c.left.Load() <= 0 }

func (c *failsOnce) Err() error {
	if c.left.Add(-1) > 0 || c.told.Load() {
		return nil
	}
	return errInjected
}

// Value is called by context.Cause, after Err.
func (c *failsOnce) Value(any) any {
	c.told.Store(c.fired())
	return nil
}

// operation works on the store in dir and returns what it found.
type operation func(ctx context.Context, dir string) (found string, err error)

// reading opens the store for f.
func reading(f func(ctx context.Context, s *store.Store) (any, error)) operation {
	return func(ctx context.Context, dir string) (string, error) {
		s, err := store.Open(ctx, dir, engine.Options{})
		if err != nil {
			return "", err
		}
		found, err := f(ctx, s)
		return strings.ReplaceAll(fmt.Sprintf("%+v", found), filepath.Dir(dir), "DIR"), errors.Join(err, s.Close())
	}
}

// writing opens the store for f, which commits.
func writing(f func(ctx context.Context, w *store.Writer) error) operation {
	return func(ctx context.Context, dir string) (string, error) {
		w, err := store.OpenWriter(ctx, dir, engine.Options{})
		if err != nil {
			return "", err
		}
		err = f(ctx, w)
		return "", errors.Join(err, w.Close())
	}
}

// gathered are the items of a sequence.
func gathered[T any](all func(func(T, error) bool)) (any, error) {
	var found []T
	for item, err := range all {
		if err != nil {
			return nil, err
		}
		found = append(found, item)
	}
	return found, nil
}

// stages stages documents of a source as an ingest does, and commits.
func stages(ctx context.Context, w *store.Writer, name string, docs ...engine.Document) error {
	src, _, err := w.SourceByKey(ctx, name)
	if err != nil {
		return err
	}
	src.Key, src.Name = name, name
	r, err := w.Replace(ctx, src)
	if err != nil {
		return err
	}
	matches, err := w.Match(ctx, src, docs)
	if err != nil {
		return err
	}
	for i, m := range matches {
		switch {
		case m.Err != nil:
			err = m.Err
		case m.Kept:
			err = r.Keep(m, docs[i])
		default:
			err = r.Add(ctx, docs[i], vector(docs[i].Text), engine.Embedded)
		}
		if err != nil {
			return err
		}
	}
	r.Done(src)
	return w.Commit(ctx)
}

// contents are the documents of a store, its sources and its facts, or why they cannot be read.
func contents(dir string) string {
	found, err := reading(func(ctx context.Context, s *store.Store) (any, error) {
		docs, err := gathered(s.Documents(ctx, engine.ListOptions{WithVectors: true}))
		if err != nil {
			return nil, err
		}
		sources, err := gathered(s.Sources(ctx, nil))
		return fmt.Sprintf("%+v %+v %+v %s", docs, sources, s.Facts(), s.Settings()), err
	})(context.Background(), dir)
	return strings.ReplaceAll(fmt.Sprint(found, err), filepath.Dir(dir), "DIR")
}

// anywhere makes the stores that TestErrorsAnywhere begins with, by name.
func anywhere(t *testing.T) map[string]string {
	t.Helper()
	w, plain := create(t, facts)
	for i, name := range []string{"a.txt", "b.txt", "c.txt"} {
		replace(t, w, name, numbered(4*i, 4*i+4)...)
		commit(t, w)
	}
	set, _, err := w.SelectIDs(t.Context(), []string{"1", "6"})
	must(t, err)
	must(t, w.Delete(t.Context(), set))
	must(t, w.Close())
	w, other := create(t, facts)
	replace(t, w, "d.txt", numbered(20, 23)...)
	commit(t, w)
	must(t, w.Close())
	w, empty := create(t, facts)
	must(t, w.Close())
	w, unbound := create(t, engine.Facts{Dim: 3, Metric: engine.L2})
	must(t, w.Close())
	orphans := filepath.Join(t.TempDir(), "orphans")
	must(t, os.CopyFS(orphans, os.DirFS(plain)))
	execute(t, orphans, `DELETE FROM source WHERE name = 'a.txt'`)
	return map[string]string{"plain": plain, "other": other, "empty": empty, "unbound": unbound, "orphans": orphans, "coded": codedStore(t, 40), "old": frozen(t, 1)}
}

func check(ctx context.Context, dir string) (string, error) {
	problems, err := store.Check(ctx, dir, engine.Options{AllWords: true})
	return fmt.Sprintf("%+v", problems), err
}

var documents = reading(func(ctx context.Context, s *store.Store) (any, error) {
	return gathered(s.Documents(ctx, engine.ListOptions{WithVectors: true}))
})

// readings are the ways to read a store of numbered documents.
func readings(t *testing.T) map[string]operation {
	t.Helper()
	odd, query := parse(t, `{"odd": true}`), [][]float32{vector("document 3")}
	byText := engine.SearchOptions{K: 3, Texts: []string{"text 3"}, Conditions: []*words.Condition{nil}}
	search := func(o engine.SearchOptions) operation {
		return reading(func(ctx context.Context, s *store.Store) (any, error) {
			hits, err := s.Search(ctx, query, o)
			text, _ := json.Marshal(hits) // an explanation is a pointer
			return string(text), err
		})
	}
	inWords, inBoth := byText, byText
	inWords.Mode, inBoth.Mode, inBoth.Explain = engine.ByWords, engine.Hybrid, true
	return map[string]operation{
		"ids": reading(func(ctx context.Context, s *store.Store) (any, error) {
			set, missing, err := s.SelectIDs(ctx, []string{"1", "2", "5", "30", "no"})
			if err != nil {
				return nil, err
			}
			all, err := gathered(s.IDs(ctx, set))
			return fmt.Sprint(all, missing), err
		}),
		"selected": reading(func(ctx context.Context, s *store.Store) (any, error) {
			set, err := s.Select(ctx, engine.Selection{Filter: odd})
			if err != nil {
				return nil, err
			}
			return gathered(s.IDs(ctx, set))
		}),
		"get": reading(func(ctx context.Context, s *store.Store) (any, error) {
			docs, missing, err := s.Get(ctx, []string{"1", "2", "5", "30", "no"}, true)
			return fmt.Sprintf("%+v %q", docs, missing), err
		}),
		"documents": documents,
		"documents by a filter": reading(func(ctx context.Context, s *store.Store) (any, error) {
			return gathered(s.Documents(ctx, engine.ListOptions{Filter: odd, Limit: 4}))
		}),
		"sources": reading(func(ctx context.Context, s *store.Store) (any, error) { return gathered(s.Sources(ctx, nil)) }),
		"sources by a filter": reading(func(ctx context.Context, s *store.Store) (any, error) {
			return gathered(s.Sources(ctx, odd))
		}),
		"all sources": reading(func(ctx context.Context, s *store.Store) (any, error) { return gathered(s.AllSources(ctx)) }),
		"sources by key": reading(func(ctx context.Context, s *store.Store) (any, error) {
			return s.SourcesByKey(ctx, []string{"a.txt", "c.txt", "no"})
		}),
		"source by name": reading(func(ctx context.Context, s *store.Store) (any, error) {
			src, found, err := s.SourceByName(ctx, "b.txt")
			return fmt.Sprintf("%+v %t", src, found), err
		}),
		"info": reading(func(ctx context.Context, s *store.Store) (any, error) { return s.Info(ctx) }),
		"snapshot": reading(func(ctx context.Context, s *store.Store) (any, error) {
			snap, err := s.Snapshot(ctx)
			if err != nil {
				return nil, err
			}
			return gathered(snap.Transfers)
		}),
		"search":             search(engine.SearchOptions{K: 3, WithVectors: true}),
		"search by a filter": search(engine.SearchOptions{K: 3, Filter: odd}),
		"search fetch-k":     search(engine.SearchOptions{K: 3, Filter: odd, FetchK: 5}),
		"search words":       search(inWords),
		"search hybrid":      search(inBoth),
	}
}

// TestErrorsAnywhere has each statement of an operation and each row that it reads fail alone. The
// error is handed on, or the operation did what it does without; the store is the old or the new one.
func TestErrorsAnywhere(t *testing.T) {
	t.Parallel()
	starts := anywhere(t)
	merged := func(from string) operation {
		return writing(func(ctx context.Context, w *store.Writer) error {
			s, err := store.Open(ctx, starts[from], engine.Options{})
			if err == nil {
				_, err = mergeStores(ctx, w, []*store.Store{s}, engine.OnConflictFail)
				err = errors.Join(err, s.Close())
			}
			return err
		})
	}
	compact := writing(func(ctx context.Context, w *store.Writer) error {
		w.ForceCodes()
		_, err := w.Compact(ctx)
		return err
	})
	tests := []struct {
		name, start string
		writes      bool
		do          operation
	}{
		{"check", "plain", false, check},
		{"documents", "old", false, documents},
		{"search", "coded", false, reading(func(ctx context.Context, s *store.Store) (any, error) {
			s.PreferCodes()
			return s.Search(ctx, [][]float32{codedRows(1000, 1001)[0].Vector}, engine.SearchOptions{K: 5})
		})},
		{"check", "coded", false, check},
		{"check", "old", false, check},
		{"repair", "orphans", true, func(ctx context.Context, dir string) (string, error) {
			_, err := store.Repair(ctx, dir, engine.Options{})
			return "", err
		}},
		{"upgrade", "old", true, writing(func(context.Context, *store.Writer) error { return nil })},
		{"replace", "plain", true, writing(func(ctx context.Context, w *store.Writer) error {
			return stages(ctx, w, "b.txt", append(numbered(5, 7), numbered(30, 32)...)...)
		})},
		{"forget", "plain", true, writing(func(ctx context.Context, w *store.Writer) error {
			src, _, err := w.SourceByName(ctx, "c.txt")
			if err == nil {
				err = w.Forget(ctx, src)
			}
			if err == nil {
				err = w.Commit(ctx)
			}
			return err
		})},
		{"delete", "plain", true, writing(func(ctx context.Context, w *store.Writer) error {
			set, _, err := w.SelectIDs(ctx, []string{"3", "5", "7"})
			if err == nil {
				err = w.Delete(ctx, set)
			}
			return err
		})},
		{"compact", "plain", true, compact},
		{"compact", "coded", true, compact},
		{"merge", "plain", true, merged("other")},
		{"merge", "empty", true, merged("plain")},
		{"encode", "coded", true, writing(func(ctx context.Context, w *store.Writer) error {
			w.ForceCodes()
			_, err := importInto(ctx, w, transfers(codedRows(100, 120)...), engine.OnConflictFail)
			return err
		})},
		{"bind", "unbound", true, writing(func(ctx context.Context, w *store.Writer) error { return w.Bind(ctx, "test", "1") })},
		{"settings", "plain", true, writing(func(ctx context.Context, w *store.Writer) error { return w.SetSettings(ctx, `{"k":"v"}`) })},
	}
	for name, do := range readings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			errorsAnywhere(t, starts["plain"], false, do)
		})
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.start, func(t *testing.T) {
			t.Parallel()
			errorsAnywhere(t, starts[tt.start], tt.writes, tt.do)
		})
	}
}

func errorsAnywhere(t *testing.T, start string, writes bool, do operation) {
	t.Helper()
	copied := func() string {
		dir := filepath.Join(t.TempDir(), "store")
		must(t, os.CopyFS(dir, os.DirFS(start)))
		return dir
	}
	dir := copied()
	before := contents(dir)
	want, err := do(context.Background(), dir)
	must(t, err)
	after := contents(dir)
	sound := kinds(t, copied())
	handedOn := 0
	for n := int64(1); ; n++ {
		if writes {
			dir = copied()
		}
		ctx := &failsOnce{Context: context.Background()}
		ctx.left.Store(n)
		got, err := do(ctx, dir)
		if !ctx.fired() {
			break
		}
		state := contents(dir)
		switch {
		case err == nil && (got != want || state != after):
			t.Fatalf("error %d is not handed on: %s\n%s\nwant\n%s\n%s", n, got, state, want, after)
		case err != nil && !errors.Is(err, errInjected):
			t.Fatalf("error %d became another: %v", n, err)
		case state != before && state != after:
			t.Fatalf("error %d left\n%s", n, state)
		case err != nil:
			handedOn++
		}
		if !writes {
			continue
		}
		for _, kind := range kinds(t, dir) {
			if kind != store.ProblemLeftover && !slices.Contains(sound, kind) {
				t.Fatalf("error %d left a problem of the kind %q", n, kind)
			}
		}
	}
	if handedOn < 4 {
		t.Errorf("%d errors were handed on", handedOn)
	}
}

// TestTheDeadAreSeenByNobody: the rows of deleted documents and of those that were never committed
// stay until a writer sweeps them. Until then each way to read finds what it finds afterwards.
func TestTheDeadAreSeenByNobody(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 8)...)
	replace(t, w, "b.txt", numbered(8, 60)...)
	commit(t, w)
	var gone []string
	for n := 4; n < 50; n++ { // the last of a.txt, and more than one statement passes over
		gone = append(gone, fmt.Sprint(n))
	}
	set, _, err := w.SelectIDs(t.Context(), append(gone, "1"))
	must(t, err)
	must(t, w.Delete(t.Context(), set))
	left, swept := filepath.Join(t.TempDir(), "left"), filepath.Join(t.TempDir(), "swept")
	must(t, os.CopyFS(left, os.DirFS(dir)))
	execute(t, left, `INSERT INTO document SELECT 100, '30', source, meta, origin, 0, 0, 0, text_hash, hash, text FROM document WHERE n = 2`)
	must(t, os.CopyFS(swept, os.DirFS(left)))
	again, err := store.OpenWriter(t.Context(), swept, engine.Options{})
	must(t, errors.Join(err, again.Close()))
	if got := kinds(t, left); !slices.Equal(got, []string{store.ProblemLeftover}) {
		t.Fatalf("problems of the kinds %q", got)
	}
	if got := kinds(t, swept); got != nil {
		t.Fatalf("swept, and problems of the kinds %q", got)
	}
	for name, do := range readings(t) {
		if name == "info" { // the size
			continue
		}
		want, err := do(t.Context(), swept)
		must(t, err)
		if got, err := do(t.Context(), left); err != nil || got != want {
			t.Errorf("%s: %s, %v; want\n%s", name, got, err, want)
		}
	}

	// The writer that deleted them has them yet.
	src := engine.Source{Key: "c.txt", Name: "c.txt"}
	matches, err := w.Match(t.Context(), src, numbered(1, 5))
	must(t, err)
	for i, m := range matches {
		known := i == 1 || i == 2 // 2 and 3 are alive
		if m.Kept || m.Taken != known || (m.Vector != nil) != known {
			t.Errorf("document %d: %+v", i+1, m)
		}
	}
	if v, err := w.VectorOf(t.Context(), "text 5"); err != nil || v != nil {
		t.Errorf("the vector of a text that is gone: %v, %v", v, err)
	}
	replace(t, w, "c.txt", numbered(4, 6)...)
	commit(t, w)
	if got, err := importInto(t.Context(), w, transfers(transfer("6", "text 6", "d.txt", []float32{1, 2, 3})), engine.OnConflictFail); err != nil || got.Added != 1 {
		t.Errorf("an import of what is gone: %+v, %v", got, err)
	}
	if got := ids(t, w.Store); !slices.Equal(got, []string{"0", "2", "3", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "4", "5", "6"}) {
		t.Errorf("the store has %q", got)
	}
}
