package store_test

import (
	"path/filepath"
	"testing"

	"sheaf/internal/engine"
)

// What is added or deleted after a snapshot was taken does not show in it.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	add := func(id string) {
		t.Helper()
		if _, err := importInto(t.Context(), w, transfers(transfer(id, "text of "+id, "source "+id, []float32{1, 2, 3})), engine.OnConflictFail); err != nil {
			t.Fatal(err)
		}
	}
	add("1")
	add("2")
	snap, err := open(t, dir).Snapshot(t.Context())
	if err != nil || snap.Documents != 2 || snap.Facts.Dim != 3 {
		t.Fatalf("%+v, %v", snap, err)
	}
	read := func() (ids string, err error) {
		for doc, err := range snap.Transfers {
			if err != nil {
				return ids, err
			}
			if ids += doc.ID; len(doc.Vector) != 3 || filepath.Base(doc.From.Key) != "source "+doc.ID {
				t.Errorf("%+v", doc)
			}
		}
		return ids, nil
	}
	add("3")
	set, _, err := w.SelectIDs(t.Context(), []string{"1"})
	if err == nil {
		err = w.Delete(t.Context(), set)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // an export may read twice
		if ids, err := read(); err != nil || ids != "12" {
			t.Errorf("after an addition and a deletion: %q, %v; want 1 and 2", ids, err)
		}
	}
}
