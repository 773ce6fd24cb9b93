package store_test

import (
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/engine"
)

// TestSnapshot: what is added later is not part of a snapshot, and what goes
// ends the reading of it.
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
	if ids, err := read(); err != nil || ids != "12" {
		t.Errorf("after an addition: %q, %v; want 1 and 2", ids, err)
	}
	set, _, err := w.SelectIDs(t.Context(), []string{"3"})
	if err == nil {
		err = w.Delete(t.Context(), set)
	}
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := read(); err == nil || !strings.Contains(err.Error(), "taken away meanwhile") {
		t.Errorf("after a deletion: %q, %v; want an error", ids, err)
	}
}
