package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// TestDatabasesOfOthers: a database that is not a store's, or a newer one's, says which of the two.
func TestDatabasesOfOthers(t *testing.T) {
	t.Parallel()
	const newer, other = "newer than this sheaf", "of another program"
	for _, tt := range []struct{ statements, says string }{
		{`PRAGMA user_version = 4`, newer},
		{`PRAGMA user_version = 0`, other},
		{`PRAGMA user_version = -1`, other},
		{`PRAGMA application_id = 7`, other},
		{`PRAGMA application_id = 7; PRAGMA user_version = 99`, other},
	} {
		dir := filled(t, 1)
		execute(t, dir, strings.Split(tt.statements, "; ")...)
		var format *engine.FormatError
		if _, err := store.Open(t.Context(), dir, engine.Options{}); !errors.As(err, &format) || !strings.Contains(format.Problem, tt.says) || format.Remedy == "" {
			t.Errorf("%s: %v", tt.statements, err)
		}
	}
	empty := t.TempDir()
	write(t, filepath.Join(empty, "sheaf.db"), "")
	execute(t, empty, `PRAGMA user_version = 1`)
	if _, err := store.Open(t.Context(), empty, engine.Options{}); !errors.Is(err, engine.ErrNotExist) {
		t.Errorf("a database without tables: %v", err)
	}
}

// TestBitmapsThatDoNotFit: whole bitmaps, with their checksums, that say something else than the row of facts.
// No fact can change without the checksum of its row.
func TestEachFactIsCovered(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	database := filepath.Join(dir, "sheaf.db")
	sound, err := os.ReadFile(database)
	must(t, err)
	for _, set := range []string{
		`id = x'00112233445566778899aabbccddeeff'`, `created = created + 1`, `updated = updated + 1`, `embedder = 'x'`, `fingerprint = 'x'`,
		`embedder = 'tes', fingerprint = 't1'`, `metric = 'ip'`, `normalize = 1 - normalize`, `unit = 1 - unit`, `settings = 'x'`,
		`dim = dim + 1`, `index_file = index_file + 1`, `count = count + 1`, `generation = generation + 1`,
	} {
		execute(t, dir, `UPDATE store SET `+set)
		var format *engine.FormatError
		if _, err := store.Open(t.Context(), dir, engine.Options{}); !errors.As(err, &format) || !strings.Contains(format.Problem, "row of facts") {
			t.Errorf("%s: %v", set, err)
		}
		must(t, os.WriteFile(database, sound, 0o666))
	}
}

func TestADamagedDocumentIsNotShown(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	execute(t, dir, `UPDATE document SET text = text || ' more' WHERE n = 5`)
	s := open(t, dir)
	var format *engine.FormatError
	if docs, _, err := s.Get(t.Context(), []string{"id-5"}, false); !errors.As(err, &format) {
		t.Errorf("get: %v, %v", docs, err)
	}
	if hits, err := s.Search(t.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{K: 60}); !errors.As(err, &format) {
		t.Errorf("search: %v, %v", hits, err)
	}
	var err error
	for _, err = range s.Documents(t.Context(), engine.ListOptions{}) {
		if err != nil {
			break
		}
	}
	if !errors.As(err, &format) {
		t.Errorf("list: %v", err)
	}
}

func TestBitmapsThatDoNotFit(t *testing.T) {
	t.Parallel()
	w, sound := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 4)...)
	commit(t, w)
	set, _, err := w.SelectIDs(t.Context(), []string{"2"})
	must(t, err)
	must(t, w.Delete(t.Context(), set))
	must(t, w.Close())
	for name, tt := range map[string]struct {
		present, dead []uint32
		damaged       string // which of the two
	}{
		"as it was":              {[]uint32{0, 1, 2, 3}, []uint32{2}, ""},
		"too few present":        {[]uint32{0, 1, 2}, []uint32{2}, "present"},
		"none present":           {nil, []uint32{2}, "present"},
		"too many present":       {[]uint32{0, 1, 2, 3, 4}, []uint32{2}, "present"},
		"one past the count":     {[]uint32{0, 1, 2, 4}, []uint32{2}, "present"},
		"another dead":           {[]uint32{0, 1, 2, 3}, []uint32{1}, ""}, // nothing tells it here
		"too few dead":           {[]uint32{0, 1, 2, 3}, nil, "dead"},
		"too many dead":          {[]uint32{0, 1, 2, 3}, []uint32{1, 2}, "dead"},
		"a dead one past all":    {[]uint32{0, 1, 2, 3}, []uint32{7}, "dead"},
		"dead and never present": {[]uint32{0, 1, 2, 3}, []uint32{1 << 20}, "dead"},
	} {
		dir := filepath.Join(t.TempDir(), "store")
		must(t, os.CopyFS(dir, os.DirFS(sound)))
		for kind, numbers := range [][]uint32{tt.present, tt.dead} {
			bits, err := roaring.BitmapOf(numbers...).ToBytes()
			must(t, err)
			execute(t, dir, fmt.Sprintf(`UPDATE bitmap SET bits = x'%x', crc = %d WHERE kind = %d`, bits, column.Checksum(bits), kind))
		}
		s, err := store.Open(t.Context(), dir, engine.Options{})
		var format *engine.FormatError
		switch {
		case tt.damaged == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			must(t, s.Close())
		case !errors.As(err, &format) || !strings.Contains(format.Problem, tt.damaged):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALostDatabaseByItsFiles: only an index file that holds vectors says that a database was lost.
func TestALostDatabaseByItsFiles(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{
		"index.1.faiss": true, "index.12.faiss": true, "index.faiss": false, "index..faiss": false, "index.x.faiss": false,
		"index.1.faiss.bak": false, "my-index.1.faiss": false, "index.1": false,
	} {
		for _, size := range []int{0, 45, 1000} {
			dir := t.TempDir()
			write(t, filepath.Join(dir, name), strings.Repeat("x", size))
			_, err := store.Open(t.Context(), dir, engine.Options{})
			var format *engine.FormatError
			if damaged := errors.As(err, &format); damaged != (lost && size > 45) || !damaged && !errors.Is(err, engine.ErrNotExist) {
				t.Errorf("%s of %d bytes: %v", name, size, err)
			}
		}
	}
}

// TestAClosedWriter: after Close nothing is read or written, and a second one does nothing.
func TestAClosedWriter(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 2)...)
	commit(t, w)
	src, _, err := w.SourceByName(t.Context(), "a.txt")
	must(t, err)
	set, _, err := w.SelectIDs(t.Context(), []string{"0"})
	must(t, errors.Join(err, w.Close(), w.Close()))
	for name, do := range map[string]func(ctx context.Context) error{
		"select":   func(ctx context.Context) error { _, _, err := w.SelectIDs(ctx, []string{"0"}); return err },
		"get":      func(ctx context.Context) error { _, _, err := w.Get(ctx, []string{"0"}, true); return err },
		"info":     func(ctx context.Context) error { _, err := w.Info(ctx); return err },
		"snapshot": func(ctx context.Context) error { _, err := w.Snapshot(ctx); return err },
		"replace":  func(ctx context.Context) error { _, err := w.Replace(ctx, src); return err },
		"forget":   func(ctx context.Context) error { return w.Forget(ctx, src) },
		"delete":   func(ctx context.Context) error { return w.Delete(ctx, set) },
		"compact":  func(ctx context.Context) error { _, err := w.Compact(ctx); return err },
		"commit":   w.Commit,
		"touch":    func(ctx context.Context) error { w.Touch(src); return w.Commit(ctx) },
		"settings": func(ctx context.Context) error { return w.SetSettings(ctx, "{}") },
	} {
		if err := do(t.Context()); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := ids(t, open(t, dir)); strings.Join(got, " ") != "0 1" {
		t.Errorf("the store has %q", got)
	}
}

// TestSnapshotsOfLargeTexts: pages end by bytes, and what a page has no room for is read again.
func TestSnapshotsOfLargeTexts(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	var docs []engine.Document
	for i := range 5 {
		docs = append(docs, doc(fmt.Sprint(i), strings.Repeat(string(rune('a'+i)), 3<<20)))
	}
	replace(t, w, "a.txt", docs...)
	commit(t, w)
	got, err := exportAll(dir)
	must(t, err)
	for i, d := range got {
		if d.Text != docs[i].Text {
			t.Errorf("document %d begins with %q", i, d.Text[:1])
		}
	}
	if len(got) != len(docs) {
		t.Errorf("%d documents", len(got))
	}
	must(t, w.Close())
	execute(t, dir, `DELETE FROM document WHERE n = 3`)
	var format *engine.FormatError
	if _, err := exportAll(dir); !errors.As(err, &format) || !strings.Contains(format.Problem, "document 3 is missing") {
		t.Errorf("a missing document: %v", err)
	}
	empty, dir := create(t, facts)
	must(t, empty.Close())
	if got, err := exportAll(dir); err != nil || got != nil {
		t.Errorf("an empty store: %v, %v", got, err)
	}
}

// TestIDsOfAReplacement: an id is given once, kept or added, and the source that has it otherwise is named.
func TestIDsOfAReplacement(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, _ := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 3)...)
	replace(t, w, "b.txt", numbered(10, 12)...)
	commit(t, w)
	src, _, err := w.SourceByName(ctx, "a.txt")
	must(t, err)
	docs := numbered(0, 3)
	matches, err := w.Match(ctx, src, docs)
	must(t, err)
	r, err := w.Replace(ctx, src)
	must(t, err)
	must(t, r.Keep(matches[0], docs[0]))
	must(t, r.Add(ctx, doc("1", "changed"), vector("changed"), engine.Embedded))
	for name, err := range map[string]error{
		"kept twice":            r.Keep(matches[0], docs[0]),
		"kept after its change": r.Keep(matches[1], docs[1]),
		"added after it stayed": r.Add(ctx, doc("0", "other"), vector("other"), engine.Embedded),
		"added twice":           r.Add(ctx, doc("1", "again"), vector("again"), engine.Embedded),
	} {
		if !errors.Is(err, engine.ErrDuplicateID) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Done(src)
	replace(t, w, "c.txt", numbered(20, 21)...)
	replace(t, w, "d.txt", numbered(30, 31)...)
	late := engine.Source{Key: "e.txt", Name: "e.txt"}
	r, err = w.Replace(ctx, late)
	must(t, err)
	for id, source := range map[string]string{"10": "b.txt", "20": "c.txt", "30": "d.txt"} {
		var foreign *engine.ForeignIDError
		if err := r.Check(ctx, id); !errors.As(err, &foreign) || foreign.Source != source {
			t.Errorf("id %s: %v, want it to be of %s", id, err, source)
		}
	}
	r.Abandon()
}
