package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
)

// Documents enough for several flushes, and a text so long that the transaction
// of an import into an empty store outgrows its cache.
const bulky = 2500

var longText = strings.Repeat("long ", 40<<20/5)

// many yields bulky documents, every third with the metadata of another, and
// then those that follow.
func many(then ...engine.Transfer) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		for i := range bulky {
			if !yield(nth(i), nil) {
				return
			}
		}
		transfers(then...)(yield)
	}
}

func nth(i int) engine.Transfer {
	k := i % (bulky/3 + 1)
	t := transfer(fmt.Sprintf("id-%d", i*7919%bulky), fmt.Sprint("text ", i), fmt.Sprint("source ", i/1000), []float32{float32(i), 1, 2})
	t.Metadata = metadata.Raw(fmt.Appendf(nil, `{"n":%d,"even":%v,"s":"x%d","list":[%d],"none":null,"f":%g}`, k*2, k%2 == 0, k%10, k, float64(k)/4))
	if i == 0 {
		t.Text = longText
	}
	return t
}

// imported makes a store of what all bring, one after another, and checks it.
func imported(t *testing.T, all ...iter.Seq2[engine.Transfer, error]) (dir string, merged engine.Merged) {
	t.Helper()
	w, dir := create(t, facts)
	for _, docs := range all {
		var err error
		if merged, err = importInto(t.Context(), w, docs, engine.OnConflictSkip); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	soundStore(t, dir)
	return dir, merged
}

func soundStore(t *testing.T, dir string) {
	t.Helper()
	if problems, err := store.Check(t.Context(), dir, engine.Options{}); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// same compares documents and what filters find, of b from its document first on.
func same(t *testing.T, a, b string, first int) {
	t.Helper()
	o := engine.ListOptions{WithVectors: true}
	want, got := list(t, open(t, a), o), list(t, open(t, b), o)[first:]
	if !reflect.DeepEqual(want, got) { // to show the difference of long texts takes too long
		t.Errorf("the documents differ, %d and %d", len(want), len(got))
	}
	for _, expr := range []string{"even=true", "n>=1660", "s=x3", `{"list": {"$contains": 7}}`, "f<2.5"} {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		o := engine.ListOptions{Filter: f}
		if want, got := list(t, open(t, a), o), list(t, open(t, b), o); !reflect.DeepEqual(want, got) || len(got) == 0 {
			t.Errorf("%s: %d documents, want %d", expr, len(got), len(want))
		}
	}
}

// TestBulkIsAnImport: an import into an empty store makes the store that it
// would make into one that is not.
func TestBulkIsAnImport(t *testing.T) {
	t.Parallel()
	slow, _ := imported(t, transfers(transfer("first", "first", "first", []float32{1, 1, 1})), many())
	fast, merged := imported(t, many())
	if merged.Added != bulky {
		t.Errorf("%+v", merged)
	}
	same(t, fast, slow, 1)
}

// TestBulkOfStores: stores are merged into an empty one, the third of them with
// sources that are there already.
func TestBulkOfStores(t *testing.T) {
	t.Parallel()
	whole, _ := imported(t, many())
	rest := transfer("rest", "rest", "rest", []float32{1, 1, 1})
	other, _ := imported(t, transfers(rest))
	w, dir := create(t, facts)
	merged, err := mergeStores(t.Context(), w, []*store.Store{open(t, whole), open(t, other), open(t, whole)}, engine.OnConflictSkip)
	if err := errors.Join(err, w.Close()); err != nil || merged.Added != bulky+1 || merged.Skipped != bulky {
		t.Errorf("%+v, %v", merged, err)
	}
	soundStore(t, dir)
	if docs := list(t, open(t, dir), engine.ListOptions{}); len(docs) != bulky+1 || docs[bulky].ID != "rest" {
		t.Errorf("%d documents", len(docs))
	}
}

// TestBulkMeetsAnIDAgain: the same document is skipped, another one is an error.
func TestBulkMeetsAnIDAgain(t *testing.T) {
	t.Parallel()
	late := transfer("late", "late", "late", []float32{1, 1, 1})
	dir, merged := imported(t, many(nth(7), late))
	if merged.Added != bulky+1 || merged.Skipped != 1 {
		t.Errorf("%+v", merged)
	}
	docs, _, err := open(t, dir).Get(t.Context(), []string{nth(7).ID, "late"}, false)
	if err != nil || len(docs) != 2 {
		t.Errorf("%v, %v", docs, err)
	}
	again := nth(7)
	again.Text = "another"
	w, dir := create(t, facts)
	if _, err := importInto(t.Context(), w, many(again), engine.OnConflictSkip); !errors.Is(err, engine.ErrDuplicateID) {
		t.Errorf("one id came with two texts: %v", err)
	}
	if err := w.Discard(); err != nil || store.Is(dir) {
		t.Errorf("%v; a store is left: %v", err, store.Is(dir))
	}
}

// TestBulkReplacesAnIDTwice: of three documents with one id the last one stays.
func TestBulkReplacesAnIDTwice(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	var from []engine.Snapshot
	for _, text := range []string{"one", "two", "three"} {
		from = append(from, engine.Snapshot{Transfers: transfers(transfer("1", text, "/"+text, vector(text)))})
	}
	merged, err := w.Merge(t.Context(), from, engine.OnConflictReplace)
	if err != nil || merged.Added != 1 || merged.Skipped != 2 {
		t.Errorf("%+v, %v", merged, err)
	}
	if docs := list(t, w.Store, engine.ListOptions{}); len(docs) != 1 || docs[0].Text != "three" {
		t.Errorf("%v", docs)
	}
	sound(t, w)
}

// TestBulkThatFails: a store that was there, though empty, is as it was.
func TestBulkThatFails(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bad := transfer("bad", "bad", "bad", []float32{1})
	if _, err := importInto(t.Context(), w, many(bad), engine.OnConflictFail); err == nil {
		t.Error("a vector of another dim was imported")
	}
	if _, err := importInto(t.Context(), w, transfers(nth(1), nth(2)), engine.OnConflictFail); err != nil {
		t.Errorf("after that: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	soundStore(t, dir)
	if docs := list(t, open(t, dir), engine.ListOptions{}); len(docs) != 2 {
		t.Errorf("%d documents", len(docs))
	}
}

// TestBulkThatIsInterrupted: what ends it as late as can be leaves an empty store.
func TestBulkThatIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	dir := filepath.Join(t.TempDir(), ".sheaf")
	o := engine.Options{Progress: func(int) {
		if n++; n == bulky {
			cancel()
		}
	}}
	w, err := store.Create(t.Context(), dir, facts, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := importInto(ctx, w, many(), engine.OnConflictFail); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := w.Discard(); err != nil || store.Is(dir) {
		t.Errorf("%v; a store is left: %v", err, store.Is(dir))
	}
}

// TestReadersDuringABulk: readers of the empty store are served at once while it is
// built, those that were open before too, and see it empty or whole.
func TestReadersDuringABulk(t *testing.T) {
	t.Parallel()
	n := 0
	dir := filepath.Join(t.TempDir(), ".sheaf")
	impatient := engine.Options{LockTimeout: time.Nanosecond}
	look := func(s *store.Store, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("after %d documents: %v", n, err)
		}
		info, err := s.Info(t.Context())
		if err != nil || info.Documents != 0 {
			t.Fatalf("after %d documents: %d documents, %v", n, info.Documents, err)
		}
		if docs := list(t, s, engine.ListOptions{}); len(docs) != 0 {
			t.Fatalf("after %d documents: %d are listed", n, len(docs))
		}
	}
	var early *store.Store
	o := engine.Options{Progress: func(int) {
		if n++; n%2000 != 0 {
			return
		}
		look(early, nil)
		s, err := store.Open(t.Context(), dir, impatient)
		look(s, err)
		must(t, s.Close())
	}}
	w, err := store.Create(t.Context(), dir, facts, o)
	must(t, err)
	early, err = store.Open(t.Context(), dir, impatient)
	must(t, err)
	defer early.Close()
	_, err = importInto(t.Context(), w, many(), engine.OnConflictFail)
	must(t, errors.Join(err, w.Close()))
	if n < bulky {
		t.Fatalf("the readers had %d documents to look at", n)
	}
	if docs := list(t, open(t, dir), engine.ListOptions{}); len(docs) != n {
		t.Errorf("%d documents of %d", len(docs), n)
	}
}

// TestBulkThatIsKilled: what lies on the disk amid a bulk is an empty store, for
// readers and for the next writer.
func TestBulkThatIsKilled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "store")
	var copies []string
	n := 0
	o := engine.Options{Progress: func(int) {
		if n++; n%800 == 0 {
			copies = append(copies, filepath.Join(root, fmt.Sprint("killed", n)))
			if err := os.CopyFS(copies[len(copies)-1], os.DirFS(dir)); err != nil {
				t.Error(err)
			}
		}
	}}
	w, err := store.Create(t.Context(), dir, facts, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := importInto(t.Context(), w, many(), engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	last := copies[len(copies)-1]
	db, err := os.Stat(filepath.Join(last, "sheaf.db.new"))
	if err != nil || db.Size() < 1<<20 {
		t.Fatalf("the last copy has no database that is being built: %v, %v", err, db)
	}
	for _, killed := range copies {
		if docs := list(t, open(t, killed), engine.ListOptions{}); len(docs) != 0 {
			t.Errorf("%s: %d documents", killed, len(docs))
		}
		w, err := store.OpenWriter(t.Context(), killed, engine.Options{LockTimeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		_, err = importInto(t.Context(), w, many(), engine.OnConflictFail)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		soundStore(t, killed)
		same(t, dir, killed, 0)
	}
}

// TestStoreOfAnEarlierBuild: a store whose metadata is kept once by a constraint,
// not by an index, is one like any other, full or empty.
func TestStoreOfAnEarlierBuild(t *testing.T) {
	t.Parallel()
	for n, docs := range []iter.Seq2[engine.Transfer, error]{transfers(), transfers(nth(1))} {
		dir, _ := imported(t, docs)
		execute(t, dir, "ALTER TABLE meta RENAME TO old", "DROP INDEX meta_hash",
			"CREATE TABLE meta (\n  meta INTEGER PRIMARY KEY,\n  hash BLOB    NOT NULL UNIQUE,\n  json TEXT    NOT NULL\n) STRICT",
			"INSERT INTO meta SELECT * FROM old", "DROP TABLE old")
		if n > 0 { // some have the index besides
			execute(t, dir, "CREATE INDEX meta_hash ON meta (hash)")
		}
		w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = importInto(t.Context(), w, transfers(nth(1007), nth(1008)), engine.OnConflictFail)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		soundStore(t, dir)
		if docs := list(t, open(t, dir), engine.ListOptions{}); len(docs) != n+2 {
			t.Errorf("%d documents, want %d", len(docs), n+2)
		}
	}
}

// A reader that was open before a store was built anew goes on with the new one,
// whose database and index file are others.
func TestAReaderBesideABuild(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	must(t, w.Close())
	readers := map[string]func(s *store.Store) (documents int, err error){
		"search": func(s *store.Store) (int, error) {
			hits, err := s.Search(t.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{K: 5})
			if err != nil {
				return 0, err
			}
			return len(hits[0]), nil
		},
		"list": func(s *store.Store) (int, error) {
			n := 0
			for _, err := range s.Documents(t.Context(), engine.ListOptions{WithVectors: true}) {
				if err != nil {
					return 0, err
				}
				n++
			}
			return n, nil
		},
		"snapshot": func(s *store.Store) (int, error) {
			snap, err := s.Snapshot(t.Context())
			return int(snap.Documents), err
		},
		"info": func(s *store.Store) (int, error) {
			info, err := s.Info(t.Context())
			return int(info.Documents), err
		},
	}
	opened := map[string]*store.Store{}
	for name := range readers {
		opened[name] = open(t, dir)
	}
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	meanwhile := func(yield func(engine.Transfer, error) bool) {
		for i := range 3 {
			if n, err := readers["search"](open(t, dir)); err != nil || n != 0 {
				t.Errorf("while it is built: %d hits, %v", n, err)
			}
			if !yield(nth(i), nil) {
				return
			}
		}
	}
	_, err = importInto(t.Context(), w, meanwhile, engine.OnConflictFail)
	must(t, errors.Join(err, w.Close()))
	for name, read := range readers {
		if n, err := read(opened[name]); err != nil || n != 0 && n != 3 {
			t.Errorf("%s: %d documents, %v", name, n, err)
		}
		if n, err := read(opened[name]); err != nil || n != 3 {
			t.Errorf("%s, once more: %d documents, %v", name, n, err)
		}
	}
}
