package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// TestIgnore: a hidden store carries a .gitignore, which goes with it if a run
// discards it and stays if it is the user's.
func TestIgnore(t *testing.T) {
	t.Parallel()
	facts := engine.Facts{Embedder: "builtin", Dim: 4, Metric: engine.L2}
	make := func(dir string) *store.Writer {
		w, err := store.Create(t.Context(), dir, facts, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }

	hidden := filepath.Join(t.TempDir(), ".notes")
	w := make(hidden)
	if text, err := os.ReadFile(filepath.Join(hidden, ".gitignore")); err != nil || string(text) != "# A store of sheaf, which is made from other files.\n*\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if err := w.Discard(); err != nil || exists(hidden) {
		t.Errorf("after Discard: %v, the folder exists: %v", err, exists(hidden))
	}

	if err := os.MkdirAll(hidden, 0o777); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(hidden, ".gitignore")
	if err := os.WriteFile(own, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	w = make(hidden)
	if err := w.Discard(); err != nil || !exists(own) {
		t.Errorf("after Discard: %v, the user's file exists: %v", err, exists(own))
	}

	visible := filepath.Join(t.TempDir(), "store")
	w = make(visible)
	defer w.Close()
	if exists(filepath.Join(visible, ".gitignore")) {
		t.Error("a store that is not hidden has a .gitignore")
	}
}
