package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// A store may come from anywhere: what its links name is not touched.
func TestLinksInAStoreLeadNowhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lock", "sheaf.db", "index.2.faiss"} {
		for _, made := range []bool{false, true} {
			dir := filepath.Join(t.TempDir(), ".sheaf")
			if made {
				dir = filled(t, 1)
			} else {
				must(t, os.Mkdir(dir, 0o777))
			}
			precious := filepath.Join(t.TempDir(), "precious")
			write(t, precious, "precious")
			must(t, errors.Join(ignoreMissing(os.Remove(filepath.Join(dir, name))), os.Symlink(precious, filepath.Join(dir, name))))
			if w, err := store.OpenWriter(t.Context(), dir, engine.Options{}); err == nil {
				t.Errorf("%s is a link, and the store was opened for writing", name)
				w.Close()
			}
			if w, err := store.Create(t.Context(), dir, facts, engine.Options{}); err == nil {
				w.Close()
				if name == "lock" {
					t.Error("the lock is a link, and a store was made")
				}
			}
			if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
				t.Errorf("%s is a link, and what it names became %q, %v", name, b, err)
			}
		}
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func TestAPipeInPlaceOfTheIndex(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	index := indexFile(t, dir)
	must(t, errors.Join(os.Remove(index), syscall.Mkfifo(index, 0o666)))
	var damaged *engine.FormatError
	if _, err := open(t, dir).Search(t.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{K: 1}); !errors.As(err, &damaged) {
		t.Errorf("searching: %v", err)
	}
	if _, err := store.OpenWriter(t.Context(), dir, engine.Options{}); !errors.As(err, &damaged) {
		t.Errorf("writing: %v", err)
	}
}

func TestAFileInPlaceOfTheStore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "x")
	if _, err := store.Open(t.Context(), file, engine.Options{}); !errors.Is(err, engine.ErrNotExist) {
		t.Errorf("opening: %v", err)
	}
	var occupied *store.OccupiedError
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := store.Create(t.Context(), dir, facts, engine.Options{}); !errors.As(err, &occupied) || !strings.Contains(err.Error(), "is a file") {
			t.Errorf("creating %q: %v", dir, err)
		}
	}
}

// Without its database a store is damaged, and nobody starts over in its place.
func TestALostDatabase(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		dir := filled(t, 1)
		database := filepath.Join(dir, "sheaf.db")
		if must(t, os.Remove(database)); cut {
			write(t, database, "")
		}
		var damaged *engine.FormatError
		if _, err := store.Open(t.Context(), dir, engine.Options{}); !errors.As(err, &damaged) {
			t.Errorf("opening: %v", err)
		}
		if _, err := store.Create(t.Context(), dir, facts, engine.Options{}); !errors.As(err, &damaged) {
			t.Errorf("creating: %v", err)
		}
		if problems, err := store.Repair(t.Context(), dir, engine.Options{}); err != nil || len(problems) != 1 || problems[0].Repaired {
			t.Errorf("repairing: %+v, %v", problems, err)
		}
		if info, err := os.Stat(indexFile(t, dir)); err != nil || info.Size() < 500 {
			t.Errorf("the vectors: %v", err)
		}
	}
}

func TestNoStoreInAStore(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	var occupied *store.OccupiedError
	if _, err := store.Create(t.Context(), filepath.Join(dir, "inner"), facts, engine.Options{}); !errors.As(err, &occupied) || !strings.Contains(err.Error(), "holds other files") {
		t.Errorf("%v", err)
	}
	if got := kinds(t, dir); got != nil {
		t.Errorf("check finds %q", got)
	}
}

func TestTablesThatAreGoneAreDamage(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	execute(t, dir, `DROP TABLE meta`)
	var damaged *engine.FormatError
	if _, err := store.Open(t.Context(), dir, engine.Options{}); !errors.As(err, &damaged) {
		t.Errorf("%v", err)
	}
	if got := kinds(t, dir); !slices.Contains(got, store.ProblemDatabase) {
		t.Errorf("check finds %q", got)
	}
}

// Sources are those of the folder that really holds the store.
func TestKeysOfALinkedStore(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	one, two := filepath.Join(root, "one"), filepath.Join(root, "two")
	must(t, errors.Join(os.MkdirAll(filepath.Join(one, ".sheaf"), 0o777), os.Mkdir(two, 0o777)))
	link := filepath.Join(two, ".sheaf")
	must(t, os.Symlink("../one/.sheaf", link))
	for _, c := range []struct{ dir, path, want string }{
		{filepath.Join(one, ".sheaf"), filepath.Join(one, "README.md"), "README.md"},
		{link, filepath.Join(one, "README.md"), "README.md"},
		{link, filepath.Join(two, "README.md"), filepath.Join(two, "README.md")},
		{link, "stdin:x", "stdin:x"},
		{link, "https://example.org/a", "https://example.org/a"},
	} {
		home, err := store.Home(c.dir)
		must(t, err)
		got, err := home.Key(c.path)
		if err != nil || got != c.want {
			t.Errorf("key of %q for %q: %q, %v; want %q", c.path, c.dir, got, err, c.want)
		}
		if path := home.Path(got); path != c.path {
			t.Errorf("path of %q for %q: %q; want %q", got, c.dir, path, c.path)
		}
	}
}

// A view or a trigger of a stranger would act within the store's own statements.
func TestSchemaOfAStranger(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		`view "document" is not a store's`: {
			`DROP TABLE document`,
			`CREATE VIEW document AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i AS n FROM r`,
		},
		`table "source" is not a store's`: {
			`DROP TABLE source`, `CREATE TABLE source (source INTEGER PRIMARY KEY, key, name, size, mtime, hash, settings, documents)`,
		},
		`table "store" is not a store's`:       {`ALTER TABLE store ADD COLUMN more INTEGER`},
		`trigger "t" is not a store's`:         {`CREATE TRIGGER t AFTER UPDATE ON store BEGIN DELETE FROM document; END`},
		`table "extra" is not a store's`:       {`CREATE TABLE extra (n)`},
		`index "extra" is not a store's`:       {`CREATE INDEX extra ON document (text)`},
		`view "extra" is not a store's`:        {`CREATE VIEW extra AS SELECT 1`},
		`index "document_id" is not a store's`: {`DROP INDEX document_id`, `CREATE INDEX document_id ON document (text)`},
		`index "document_id" is missing`:       {`DROP INDEX document_id`},
		`index "meta_hash" is missing`:         {`DROP INDEX meta_hash`},
		`table "extent" is missing`:            {`DROP TABLE extent`},
	}
	for want, statements := range tests {
		dir := filled(t, 1)
		execute(t, dir, statements...)
		_, read := store.Open(t.Context(), dir, engine.Options{})
		_, written := store.OpenWriter(t.Context(), dir, engine.Options{})
		for how, err := range map[string]error{"Open": read, "OpenWriter": written} {
			var format *engine.FormatError
			if !errors.As(err, &format) || !strings.Contains(format.Problem, want) {
				t.Errorf("%s: %v, want %s", how, err, want)
			}
		}
		problems, err := store.Check(t.Context(), dir, engine.Options{})
		if err != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, want) {
			t.Errorf("Check: %+v, %v, want %s", problems, err, want)
		}
	}
}
