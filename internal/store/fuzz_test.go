package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// FuzzFiles writes a patch somewhere into one of a store's files, and cuts it
// there where the patch is empty. Nothing crashes, what changes an answer is
// noticed by Check, no text is shown as another document's, and a repair leaves
// no problem that it calls repaired.
func FuzzFiles(f *testing.F) {
	sound := filled(f, 1)
	want, _ := answers(sound)
	files := map[string][]byte{}
	for _, name := range []string{"sheaf.db", "index.2.faiss"} {
		b, err := os.ReadFile(filepath.Join(sound, name))
		if err != nil {
			f.Fatal(err)
		}
		files[name] = b
	}
	docs := map[string]string{}
	s, err := store.Open(context.Background(), sound, engine.Options{})
	if err != nil {
		f.Fatal(err)
	}
	for d, err := range s.Documents(context.Background(), engine.ListOptions{}) {
		if err != nil {
			f.Fatal(err)
		}
		docs[d.ID] = content(d)
	}
	s.Close()
	f.Add(true, uint32(0), []byte("SQLite format 4"))
	f.Add(true, uint32(4096), []byte{13, 0, 0, 0, 1})
	f.Add(true, uint32(24), []byte{0, 0, 1, 0})
	f.Add(true, uint32(9000), []byte{})
	f.Add(false, uint32(4), []byte{255, 255, 255, 127})
	f.Add(false, uint32(8), []byte{255, 255, 255, 255, 255, 255, 255, 127})
	f.Add(false, uint32(60), []byte{0, 0, 128, 127})
	f.Add(false, uint32(100), []byte{})
	f.Fuzz(func(t *testing.T, database bool, offset uint32, patch []byte) {
		name := "index.2.faiss"
		if database {
			name = "sheaf.db"
		}
		dir := t.TempDir()
		for file, b := range files {
			b = bytes.Clone(b)
			at := int(offset) % len(b)
			switch {
			case file != name:
			case len(patch) == 0:
				b = b[:at]
			default:
				copy(b[at:], patch)
			}
			if err := os.WriteFile(filepath.Join(dir, file), b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		checkDamaged(t, dir, want, docs)
	})
}

// checkDamaged holds a store that may be damaged against what it was before.
func checkDamaged(t *testing.T, dir string, want []string, docs map[string]string) {
	ctx := context.Background()
	got, found := answers(dir)
	for id, row := range found {
		if docs[id] != row {
			t.Errorf("id %q shows %q", id, row)
		}
	}
	problems, err := store.Check(ctx, dir, engine.Options{})
	if err == nil && len(problems) == 0 && !cmp.Equal(got, want) {
		t.Errorf("the answers changed, and check finds nothing: %s", cmp.Diff(want, got))
	}
	if err != nil || len(problems) == 0 {
		return
	}
	repaired, err := store.Repair(ctx, dir, engine.Options{})
	if err != nil {
		return
	}
	left := map[store.Problem]bool{}
	problems, err = store.Check(ctx, dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		left[p] = true
	}
	for _, p := range repaired {
		if p.Repaired {
			if p.Repaired = false; left[p] {
				t.Errorf("called repaired and still there: %+v", p)
			}
		}
	}
}
