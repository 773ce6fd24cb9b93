package store

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"sheaf/internal/engine"
)

// TestTheWriterForgetsIDs holds what a writer remembers of ids to what it may
// still need, however many it is given.
func TestTheWriterForgetsIDs(t *testing.T) {
	t.Parallel()
	w, err := Create(t.Context(), filepath.Join(t.TempDir(), "s"), engine.Facts{Dim: 1, Metric: engine.L2}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	src := engine.Source{Key: "a", Name: "a"}
	r, err := w.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	const commits, documents = 5, 20
	for i := range commits {
		for j := range documents {
			d := engine.Document{ID: fmt.Sprint(i, j), Text: "text", Metadata: json.RawMessage("{}"), StartIndex: -1}
			matches, err := w.Match(t.Context(), src, []engine.Document{d})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Add(t.Context(), d, matches[0], []float32{1}, engine.Embedded); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(w.given); n > documents {
			t.Errorf("%d ids are remembered after %d commits of %d", n, i+1, documents)
		}
	}
}
