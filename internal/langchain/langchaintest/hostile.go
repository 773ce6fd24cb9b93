package langchaintest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Hostile is a file that is damaged or made to do harm.
type Hostile struct {
	File    string `json:"file"`
	Kind    string `json:"kind"`      // pickle, index or bytes
	Pair    string `json:"pair_with"` // the good file that a pickle or an index goes with
	Why     string `json:"why"`
	Outcome string `json:"outcome"` // refuse, refuse_or_safe or accept
}

// Hostiles lists them, and copies all files into a new directory.
func Hostiles(t testing.TB) (dir string, all []Hostile) {
	t.Helper()
	var manifest struct{ Entries []Hostile }
	b, err := fs.ReadFile(Golden(t), "hostile/manifest.json")
	if err == nil {
		err = json.Unmarshal(b, &manifest)
	}
	if err != nil || len(manifest.Entries) < 200 {
		t.Fatal(len(manifest.Entries), err)
	}
	return Dir(t, "hostile"), manifest.Entries
}

// Place puts a hostile file of dir where it would be met: a byte string stays
// where it is, the others become a folder with their good half.
func (h Hostile) Place(t testing.TB, dir string) string {
	t.Helper()
	own, other := ".pkl", ".faiss"
	switch h.Kind {
	case "bytes":
		return filepath.Join(dir, h.File)
	case "index":
		own, other = other, own
	}
	pair := filepath.Join(dir, h.Pair)
	if filepath.Ext(pair) != other { // the manifest names no file for one of them
		pair = filepath.Join(dir, "base", "index"+other)
	}
	folder := t.TempDir()
	for from, to := range map[string]string{filepath.Join(dir, h.File): own, pair: other} {
		if err := os.Link(from, filepath.Join(folder, "index"+to)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
