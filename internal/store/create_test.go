package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
	"sheaf/internal/store"
)

// A creation in the place of a store leaves that as it is.
func TestCreateInPlaceOfAStore(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	want, _ := answers(dir)
	if _, err := store.Create(t.Context(), dir, facts, engine.Options{}); !errors.Is(err, engine.ErrExist) {
		t.Errorf("%v", err)
	}
	if got, _ := answers(dir); len(got) != len(want) {
		t.Errorf("%d answers, %d before", len(got), len(want))
	}
	if got := kinds(t, dir); got != nil {
		t.Errorf("check finds %q", got)
	}
}

// A creation that fails half way leaves what was there before.
func TestACreationThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "sheaf.db.new", "in the way"), 0o777))
	if _, err := store.Create(t.Context(), dir, facts, engine.Options{}); err == nil {
		t.Error("a folder took the place of a file, and the creation succeeds")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "sheaf.db.new" {
		t.Errorf("%v, %v", left, err)
	}
}

// A folder that holds what is not a store's is no place for one.
func TestCreateBesideFilesOfOthers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"notes.txt", "index.backup.faiss"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, name), "mine")
		var occupied *store.OccupiedError
		if _, err := store.Create(t.Context(), dir, facts, engine.Options{}); !errors.As(err, &occupied) || occupied.File != name {
			t.Errorf("%v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%v, %v", left, err)
		}
	}
}

// What a killed creation or a removed database left is in nobody's way.
func TestCreateAmongLeftovers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sheaf.db-journal", "sheaf.db.new", "lock", "1.sidecar", ".gitignore"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
		w, err := store.Create(t.Context(), dir, facts, engine.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		replace(t, w, "a.txt", doc("1", "one"))
		commit(t, w)
		must(t, w.Close())
		if docs := list(t, open(t, dir), engine.ListOptions{}); len(docs) != 1 {
			t.Errorf("%s: %d documents, want one", name, len(docs))
		}
	}
}

// Every connection of a writer has the settings of docs/format.md: that of a new store, that
// of one that came into place by an import, and that of an opened one.
func TestSettings(t *testing.T) {
	t.Parallel()
	holds := func(what string, w *store.Writer) {
		t.Helper()
		for name, want := range map[string]int64{
			"synchronous": 3, "auto_vacuum": 2, "temp_store": 2, "cache_size": -32768,
			"trusted_schema": 0, "cell_size_check": 1,
		} {
			if got, err := w.Setting(name); err != nil || got != want {
				t.Errorf("%s: %s is %d, %v; want %d", what, name, got, err, want)
			}
		}
	}
	w, dir := create(t, facts)
	holds("new", w)
	_, err := importInto(t.Context(), w, transfers(transfer("1", "one", "s", []float32{1, 2, 3})), engine.OnConflictFail)
	must(t, err)
	holds("imported", w)
	must(t, w.Close())
	w, err = store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	holds("opened", w)
	must(t, w.Close())
	conn, err := sqlite.Open(filepath.Join(dir, "sheaf.db"), sqlite.ReadOnly)
	must(t, err)
	defer conn.Close()
	if version, err := conn.Int64("PRAGMA application_id"); err != nil || version == 0 {
		t.Errorf("application id %d, %v", version, err)
	}
}
