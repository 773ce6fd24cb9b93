package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
	"sheaf/internal/store"
)

// A user or a tool removes the lock file while a writer runs, and another writer
// comes and commits. The first one must fail and leave the other's work alone.
func TestRemovedLock(t *testing.T) {
	t.Parallel()
	many := func(t *testing.T, w *store.Writer, name string, n int) {
		var docs []engine.Document
		for i := range n {
			docs = append(docs, doc(fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("%s text %d", name, i)))
		}
		replace(t, w, name, docs...)
	}
	for name, c := range map[string]struct {
		stage func(t *testing.T, w *store.Writer)
		end   func(t *testing.T, w *store.Writer) error
	}{
		"commit of a short stage":   {func(t *testing.T, w *store.Writer) { many(t, w, "loser", 3) }, func(t *testing.T, w *store.Writer) error { return w.Commit(t.Context()) }},
		"commit of written rows":    {func(t *testing.T, w *store.Writer) { many(t, w, "loser", 5500) }, func(t *testing.T, w *store.Writer) error { return w.Commit(t.Context()) }},
		"settings":                  {func(*testing.T, *store.Writer) {}, func(t *testing.T, w *store.Writer) error { return w.SetSettings(t.Context(), "{}") }},
		"delete":                    {func(*testing.T, *store.Writer) {}, func(t *testing.T, w *store.Writer) error { return deleteID(t, w, "old-1") }},
		"compact":                   {func(t *testing.T, w *store.Writer) { must(t, deleteID(t, w, "old-0")) }, func(t *testing.T, w *store.Writer) error { _, err := w.Compact(t.Context()); return err }},
		"discard of an opened one":  {func(t *testing.T, w *store.Writer) { many(t, w, "loser", 5500) }, func(_ *testing.T, w *store.Writer) error { _ = w.Discard(); return engine.ErrLockLost }},
		"import":                    {func(*testing.T, *store.Writer) {}, func(t *testing.T, w *store.Writer) error { return importOne(t, w) }},
		"close of what is written":  {func(t *testing.T, w *store.Writer) { many(t, w, "loser", 5500) }, func(_ *testing.T, w *store.Writer) error { _ = w.Close(); return engine.ErrLockLost }},
		"close of what is buffered": {func(t *testing.T, w *store.Writer) { many(t, w, "loser", 3) }, func(_ *testing.T, w *store.Writer) error { _ = w.Close(); return engine.ErrLockLost }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, dir := create(t, facts)
			many(t, first, "old", 4)
			commit(t, first)
			must(t, first.Close())
			loser, err := store.OpenWriter(t.Context(), dir, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			c.stage(t, loser)
			must(t, os.Remove(filepath.Join(dir, "lock")))
			winner, err := store.OpenWriter(t.Context(), dir, engine.Options{LockTimeout: 10 * time.Millisecond})
			var locked *engine.LockedError
			if errors.As(err, &locked) { // the other one's transaction is open: it may commit
				if err := c.end(t, loser); !errors.Is(err, engine.ErrLockLost) {
					must(t, err)
				}
			} else {
				must(t, err)
				many(t, winner, "winner", 1200)
				commit(t, winner)
				if err := c.end(t, loser); !errors.Is(err, engine.ErrLockLost) {
					t.Errorf("the loser's end: %v", err)
				}
				many(t, winner, "later", 3)
				commit(t, winner)
				_ = loser.Close()
				must(t, winner.Close())
				if got := ids(t, open(t, dir)); !slices.Contains(got, "winner-1199") || !slices.Contains(got, "later-2") || slices.ContainsFunc(got, func(id string) bool { return strings.HasPrefix(id, "loser") }) {
					t.Errorf("the store has %d documents, the last %q", len(got), got[len(got)-1])
				}
			}
			_ = loser.Close()
			if got := kinds(t, dir); got != nil && !slices.Equal(got, []string{store.ProblemLeftover}) {
				t.Errorf("problems of the kinds %q", got)
			}
		})
	}
}

// A lock file that is moved away and back is the writer's own, but another writer
// has committed.
func TestALockThatCameBack(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	commit(t, w)
	lock := filepath.Join(dir, "lock")
	must(t, os.Rename(lock, lock+".away"))
	other, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	replace(t, other, "b.txt", doc("2", "two"))
	commit(t, other)
	must(t, other.Close())
	must(t, os.Rename(lock+".away", lock))
	if err := w.SetSettings(t.Context(), "{}"); !errors.Is(err, engine.ErrLockLost) || !strings.Contains(err.Error(), "another process has committed") {
		t.Errorf("a write: %v", err)
	}
	_ = w.Close()
	if got := ids(t, open(t, dir)); !slices.Equal(got, []string{"2"}) {
		t.Errorf("the store has %q", got)
	}
}

func deleteID(t *testing.T, w *store.Writer, id string) error {
	t.Helper()
	set, _, err := w.SelectIDs(t.Context(), []string{id})
	if err != nil {
		return err
	}
	return w.Delete(t.Context(), set)
}

func importOne(t *testing.T, w *store.Writer) error {
	t.Helper()
	_, err := importInto(t.Context(), w, transfers(transfer("imported", "text", "i.txt", vector("text"))), engine.OnConflictFail)
	return err
}

// A store whose lock file went while it was made is another writer's by now.
func TestDiscardWithoutTheLock(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	must(t, os.Remove(filepath.Join(dir, "lock")))
	other, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	replace(t, other, "b.txt", doc("2", "two"))
	commit(t, other)
	must(t, other.Close())
	if _, err := w.Replace(t.Context(), engine.Source{Key: "a.txt", Name: "a.txt"}); err != nil {
		t.Fatal(err)
	}
	if err := w.SetSettings(t.Context(), "{}"); !errors.Is(err, engine.ErrLockLost) {
		t.Errorf("a write: %v", err)
	}
	must(t, w.Discard())
	if got := ids(t, open(t, dir)); !slices.Equal(got, []string{"2"}) {
		t.Errorf("the store has %q", got)
	}
}

// The lock file of a process that has ended names nobody.
func TestReleasedLockIsEmpty(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	path := filepath.Join(dir, "lock")
	if text, err := os.ReadFile(path); err != nil || len(text) == 0 {
		t.Errorf("while it is held: %q, %v", text, err)
	}
	commit(t, w)
	must(t, w.Close())
	for _, read := range []func() error{
		func() error { return nil },
		func() error { _, err := store.Check(t.Context(), dir, engine.Options{Holder: "check"}); return err },
	} {
		must(t, read())
		if text, err := os.ReadFile(path); err != nil || len(text) != 0 {
			t.Errorf("afterwards: %q, %v", text, err)
		}
	}
}

// breakIndex overwrites the root page of a database index, so that every read
// through it fails, and returns what restores it.
func breakIndex(t *testing.T, dir, index string) (restore func()) {
	t.Helper()
	path := filepath.Join(dir, "sheaf.db")
	conn, err := sqlite.Open(path, sqlite.ReadOnly)
	must(t, err)
	root, err := conn.Int64(`SELECT rootpage FROM sqlite_schema WHERE name = ?`, index)
	must(t, err)
	must(t, conn.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	head := make([]byte, 18)
	_, err = f.ReadAt(head, 0)
	must(t, err)
	size := int64(binary.BigEndian.Uint16(head[16:]))
	page := make([]byte, size)
	_, err = f.ReadAt(page, (root-1)*size)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 64), (root-1)*size)
	must(t, err)
	return func() {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		defer f.Close()
		_, err = f.WriteAt(page, (root-1)*size)
		must(t, err)
	}
}

// What is staged must not depend on a read that failed.
func TestFailedReadStagesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, c := range map[string]struct {
		index string
		stage func(w *store.Writer, src engine.Source) error
	}{
		"forget": {"document_source", func(w *store.Writer, src engine.Source) error { return w.Forget(ctx, src) }},
		"replace": {"document_source", func(w *store.Writer, src engine.Source) error {
			_, err := w.Replace(ctx, src)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, dir := create(t, facts)
			replace(t, first, "a.txt", doc("1", "one"), doc("2", "two"))
			replace(t, first, "b.txt", doc("3", "three"))
			commit(t, first)
			must(t, first.Close())
			w, err := store.OpenWriter(ctx, dir, engine.Options{})
			must(t, err)
			src, found, err := w.SourceByName(ctx, "a.txt")
			if err != nil || !found {
				t.Fatal(found, err)
			}
			restore := breakIndex(t, dir, c.index)
			if err := c.stage(w, src); err == nil {
				t.Fatal("the damaged index was read")
			}
			restore()
			_ = w.Commit(ctx)
			must(t, w.Close())
			s := open(t, dir)
			if got := ids(t, s); !slices.Equal(got, []string{"1", "2", "3"}) {
				t.Errorf("the store has %q", got)
			}
			if got := kinds(t, dir); got != nil {
				t.Errorf("problems of the kinds %q", got)
			}
		})
	}
}

// TestStagedBesideAnother: a document that another process put beside those that are staged ends the writer.
func TestStagedBesideAnother(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	r, err := w.Replace(t.Context(), engine.Source{Key: "a.txt", Name: "a.txt"})
	must(t, err)
	var added int
	for ; ; added++ { // up to the end of a transaction
		must(t, r.Add(t.Context(), doc(fmt.Sprint(added), fmt.Sprintf("text %d", added)), vector("x"), engine.Embedded))
		if _, err := os.Stat(filepath.Join(dir, "sheaf.db-journal")); added > 0 && errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	execute(t, dir, fmt.Sprintf(`INSERT INTO document SELECT %d, 'x', source, meta, origin, 0, 0, 0, text_hash, hash, text FROM document WHERE n = 0`, added+1))
	if err := r.Add(t.Context(), doc("y", "why"), vector("y"), engine.Embedded); !errors.Is(err, engine.ErrLockLost) {
		t.Errorf("after %d documents: %v", added+1, err)
	}
	_ = w.Close()
	again, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, errors.Join(err, again.Close()))
	if got := kinds(t, dir); got != nil || len(ids(t, open(t, dir))) != 0 {
		t.Errorf("problems of the kinds %q", got)
	}
}
