package engine

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Home is the absolute path of the folder that the keys of a store's sources are
// relative to. A store that lies in no folder has none, "", and its keys are
// absolute paths.
type Home string

// Key returns the key of the source at a path: relative to h where it lies below
// it, else absolute. What names no file, standard input or a URL, is its own key.
func (h Home) Key(path string) (string, error) {
	cwd := ""
	if !namesNoFile(path) && !filepath.IsAbs(filepath.FromSlash(path)) {
		var err error
		if cwd, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	return h.KeyFrom(cwd, path), nil
}

// KeyFrom is Key for many paths: it is told the current folder, which takes two calls of the system to find
// and is not needed for absolute paths.
func (h Home) KeyFrom(cwd, path string) string {
	if namesNoFile(path) {
		return path
	}
	abs := filepath.FromSlash(path)
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(cwd, abs)
	}
	if rel, err := filepath.Rel(string(h), abs); h != "" && err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(filepath.Clean(abs))
}

// Path returns where the file of a key is, or the key itself where it names none.
func (h Home) Path(key string) string {
	path := filepath.FromSlash(key)
	if namesNoFile(key) || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(string(h), path)
}

func namesNoFile(key string) bool {
	return strings.HasPrefix(key, StdinPrefix) || strings.Contains(key, "://")
}

// Adopt yields documents whose sources have paths for keys with the keys that
// these paths have under h.
func (h Home) Adopt(docs iter.Seq2[Transfer, error]) iter.Seq2[Transfer, error] {
	return func(yield func(Transfer, error) bool) {
		var path, key string // of the last document: one source has many
		for t, err := range docs {
			if err == nil && (t.From.Key != path || key == "") {
				path = t.From.Key
				key, err = h.Key(path)
			}
			t.From.Key = key
			if !yield(t, err) {
				return
			}
		}
	}
}

// FreeName returns a name for a new source: the wanted one, else its key, which
// is its own, unless that is what another source is called; then its whole path.
func (h Home) FreeName(wanted, key string, taken func(name string) (bool, error)) (string, error) {
	for _, name := range []string{wanted, key, filepath.ToSlash(h.Path(key))} {
		is, err := taken(name)
		if err != nil || !is {
			return name, err
		}
	}
	return "", fmt.Errorf("source %q: its name, its key %q and its path are names of other sources", wanted, key)
}
