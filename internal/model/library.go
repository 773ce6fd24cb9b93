// Package model keeps embedding models on this machine: finds them by their name on the
// Hugging Face hub, adds them from a folder, an archive or the hub, lists, verifies and
// removes them.
//
// A model of the library is a folder DIR/OWNER/NAME with the files that an encoder of
// sentence-transformers needs, and a manifest with the checksum of each. A folder comes
// into its place by a rename when it is complete, verified, and the caller's check finds it
// usable; what was loaded before an interrupted download is kept and continued. Models that Python has
// put into the Hugging Face cache are found as well, and never changed.
//
// Names, archives and the hub's answers are not trusted: a file gets in by a short list of
// names only, in at most one folder, and by its checksum. The package reads no environment,
// contacts no host but the hub that it is given and where that redirects to, and gives it
// nothing but the name that is asked for and the token.
package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Library is where models are.
type Library struct {
	Dir   string                 // our own; need not exist
	Cache string                 // of Hugging Face; empty or absent: none
	Check func(dir string) error // why a model cannot be used; nil: it can
}

// Model is one that is here.
type Model struct {
	Name  string // OWNER/NAME
	Dir   string
	Bytes int64
	Own   bool // ours, not the Hugging Face cache's
}

// NotFoundError is a model that is not on this machine.
type NotFoundError struct {
	Name  string
	Place string // where it would be looked for first
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("model %q is not on this machine", e.Name)
}

// ErrName is wrapped by the error about a name that is none.
var ErrName = errors.New("want OWNER/NAME")

// Find returns the folder of a model: our own, or else the one in the Hugging Face cache.
func (l Library) Find(name string) (Model, error) {
	own, err := l.own(name)
	if err != nil {
		return Model{}, err
	}
	for _, m := range []Model{own, l.cached(name)} {
		if m.Dir != "" && isModel(m.Dir) {
			m.Bytes = size(m.Dir)
			return m, nil
		}
	}
	return Model{}, &NotFoundError{name, own.Dir}
}

// own is the place of a model of ours, whether it is there or not.
func (l Library) own(name string) (Model, error) {
	owner, base, _ := strings.Cut(name, "/")
	if !isPart(owner) || !isPart(base) {
		return Model{}, fmt.Errorf("model %q: %w", name, ErrName)
	}
	return Model{Name: name, Dir: filepath.Join(l.Dir, owner, base), Own: true}, nil
}

// isPart reports whether s can be a folder of its own. A leading dot is for what is no model.
func isPart(s string) bool {
	return s != "" && s[0] != '.' && !strings.ContainsAny(s, "/\\\x00")
}

// isModel tells a model's folder from any other.
func isModel(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, configFile))
	return err == nil
}

// List returns all models that are here, by name. Of those in the Hugging Face cache, which
// may be of any kind, it returns the ones that can be used.
func (l Library) List() ([]Model, error) {
	dirs, err := filepath.Glob(filepath.Join(escapeGlob(l.Dir), "[^.]*", "[^.]*", configFile))
	if err != nil {
		return nil, err
	}
	var all []Model
	for _, path := range dirs {
		dir := filepath.Dir(path)
		name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir)
		all = append(all, Model{Name: name, Dir: dir, Bytes: size(dir), Own: true})
	}
	for _, m := range l.allCached() {
		if !slices.ContainsFunc(all, func(own Model) bool { return own.Name == m.Name }) && l.Check(m.Dir) == nil {
			m.Bytes = size(m.Dir)
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func escapeGlob(path string) string { return globEscaper.Replace(path) }

// size is how many bytes a model's files have.
func size(dir string) (n int64) {
	for _, path := range files(dir) {
		if info, err := os.Stat(filepath.Join(dir, path)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// ErrNotOwn is wrapped by the error of Remove for a model of the Hugging Face cache.
var ErrNotOwn = errors.New("it lies in the Hugging Face cache, which is Python's")

// Remove deletes a model of ours, and what there is of one that was being loaded.
func (l Library) Remove(name string) error {
	own, err := l.own(name)
	if err != nil {
		return err
	}
	halves, _ := filepath.Glob(escapeGlob(l.loading(name)) + "*") // the pattern is well-formed
	for _, half := range halves {
		if err := os.RemoveAll(half); err != nil {
			return err
		}
	}
	if !isModel(own.Dir) {
		found, err := l.Find(name)
		if err != nil {
			return err
		}
		return fmt.Errorf("model %q in %q: %w", name, found.Dir, ErrNotOwn)
	}
	// First out of its place, so that nobody meets one of which a half is gone.
	trash, err := os.MkdirTemp(l.Dir, ".removed-")
	if err != nil {
		return err
	}
	err = os.Rename(own.Dir, filepath.Join(trash, "model"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	_ = os.Remove(filepath.Dir(own.Dir)) // the owner's folder, if nothing else is in it
	return errors.Join(err, os.RemoveAll(trash))
}
