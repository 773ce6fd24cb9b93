package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

func TestDiscardLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"new", "empty", "deep/below/store"} {
		w, err := store.Create(t.Context(), filepath.Join(root, name), facts, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		replace(t, w, "a.txt", doc("1", "one"))
		if err := w.Discard(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 || left[0].Name() != "empty" {
		t.Errorf("%v, %v; want only the folder that was there before", left, err)
	}
	if left, err = os.ReadDir(filepath.Join(root, "empty")); err != nil || len(left) != 0 {
		t.Errorf("it holds %v, %v", left, err)
	}
}

func TestDiscardKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	replace(t, w, "b.txt", doc("2", "two"))
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, open(t, dir)); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the store has %q", got)
	}
	again, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Discard(); err != nil || !store.Is(dir) {
		t.Errorf("a store that was opened: %v, there: %v", err, store.Is(dir))
	}
}

func TestAMergeThatStagedMuchLeavesNothing(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	broken := errors.New("broken")
	endless := func(yield func(engine.Transfer, error) bool) {
		for i := range 30_000 { // more than is staged in one transaction
			if !yield(transfer(fmt.Sprint("b", i), "two", "b.txt", []float32{1, 2, 3}), nil) {
				return
			}
		}
		yield(engine.Transfer{}, broken)
	}
	if _, err := importInto(t.Context(), w, endless, engine.OnConflictFail); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	info, err := os.Stat(indexFile(t, dir))
	if err != nil || info.Size() != 45+4*3 {
		t.Errorf("the index has %d bytes, %v", info.Size(), err)
	}
	replace(t, w, "b.txt", doc("2", "two"))
	commit(t, w)
	if got := ids(t, open(t, dir)); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the store has %d documents", len(got))
	}
}

// What a set held can be told until the writer is closed; then it is gone from
// the database too.
func TestDeletedIDsAreKnownUntilClose(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two"), doc("3", "three"))
	commit(t, w)
	set, _, err := w.SelectIDs(t.Context(), []string{"3", "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	told := func(s *store.Store) (ids []string) {
		for id, err := range s.IDs(t.Context(), set) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return ids
	}
	if got := told(w.Store); !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("deleted: %q", got)
	}
	replace(t, w, "b.txt", doc("1", "another one")) // the id is free at once
	commit(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if got := told(s); got != nil {
		t.Errorf("after Close: %q", got)
	}
	if got := ids(t, s); !slices.Equal(got, []string{"2", "1"}) {
		t.Errorf("the store has %q", got)
	}
}

// A page of a transfer ends early where texts are long; nothing is lost between
// two pages.
func TestMergeOfLongTexts(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	other, otherDir := create(t, facts)
	var docs []engine.Document
	for _, letter := range []string{"a", "b", "c", "d", "e"} {
		docs = append(docs, doc(letter, strings.Repeat(letter, 3<<20)))
	}
	replace(t, other, "long.txt", docs...)
	commit(t, other)
	got, err := mergeStores(t.Context(), w, []*store.Store{open(t, otherDir)}, engine.OnConflictFail)
	if want := (engine.Merged{Added: 5}); err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	for i, d := range list(t, open(t, dir), engine.ListOptions{WithVectors: true}) {
		if d.ID != docs[i].ID || d.Text != docs[i].Text || !slices.Equal(d.Vector, vector(d.Text)) {
			t.Errorf("document %d is %q with %d letters", i, d.ID, len(d.Text))
		}
	}
}
