// Package model keeps embedding models on this machine: finds them by their name on the
// Hugging Face hub, adds them from a folder, an archive or the hub, lists, verifies and
// removes them.
//
// A model of the library is a folder DIR/OWNER/NAME with the files that an encoder of
// sentence-transformers needs, and a manifest with the checksum of each. The folder is
// renamed to its place once it is complete and verified and the caller's check accepts it.
// An interrupted download is kept and continued. Models in the Hugging Face cache, which
// Python fills, are found as well and never changed.
//
// Names, archives and the hub's answers are not trusted: only files of a short list of names
// are accepted, at most one folder deep, and from the hub by their checksum. The package reads
// no environment variable, contacts only the given hub and the hosts that it redirects to, and
// sends nothing but the model's name and the token.
package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Library is the place of the models on this machine.
type Library struct {
	Dir   string                 // the library's own folder; need not exist
	Cache string                 // the Hugging Face cache; may be empty or absent
	Check func(dir string) error // returns why a model cannot be used, or nil
	Save  func(dir string) error // saves in a model's folder what would be made of its files at each use
}

// Model is a model on this machine.
type Model struct {
	Name  string // OWNER/NAME
	Dir   string
	Bytes int64
	Own   bool // it lies in Library.Dir, not in the Hugging Face cache
}

// NotFoundError is a model that is not on this machine.
type NotFoundError struct {
	Name  string
	Place string // folder in which it is looked for first
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("model %q is not on this machine", e.Name)
}

// ErrName is wrapped by the error about a malformed name.
var ErrName = errors.New("want OWNER/NAME")

// Find returns a model of the library, or else of the Hugging Face cache.
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

// own returns a model of the library, which need not exist.
func (l Library) own(name string) (Model, error) {
	owner, base, _ := strings.Cut(name, "/")
	if !isPart(owner) || !isPart(base) {
		return Model{}, fmt.Errorf("model %q: %w", name, ErrName)
	}
	return Model{Name: name, Dir: filepath.Join(l.Dir, owner, base), Own: true}, nil
}

// vacant is own for a model that the library must not have yet.
func (l Library) vacant(name string) (Model, error) {
	m, err := l.own(name)
	if err == nil && isModel(m.Dir) {
		err = fmt.Errorf("model %q %w, in %q", name, ErrExists, m.Dir)
	}
	return m, err
}

// isPart reports whether s can be the name of a folder of models. A leading dot marks the
// folders that hold none.
func isPart(s string) bool {
	return s != "" && s[0] != '.' && !strings.ContainsAny(s, "/\\\x00")
}

// isModel reports whether dir holds a model.
func isModel(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, configFile))
	return err == nil
}

// List returns all models on this machine, sorted by name. Of the Hugging Face cache, which has
// models of any kind, it returns those that pass the check.
func (l Library) List() ([]Model, error) {
	configs, err := fs.Glob(os.DirFS(l.Dir), "[^.]*/[^.]*/"+configFile)
	if err != nil {
		return nil, err
	}
	var all []Model
	for _, config := range configs {
		name := path.Dir(config)
		dir := filepath.Join(l.Dir, filepath.FromSlash(name))
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

// size returns the bytes of a model's files.
func size(dir string) (n int64) {
	for _, name := range files(dir) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// ErrNotOwn is wrapped by the error of Remove for a model of the Hugging Face cache.
var ErrNotOwn = errors.New("it lies in the Hugging Face cache, which is Python's")

// Remove deletes a model of the library, and what an interrupted download of it left.
func (l Library) Remove(name string) error {
	own, err := l.own(name)
	if err != nil {
		return err
	}
	entries, _ := os.ReadDir(l.Dir) // none if it does not exist
	for _, e := range entries {
		if dir := filepath.Join(l.Dir, e.Name()); strings.HasPrefix(dir, l.loading(name)) {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	if !isModel(own.Dir) {
		found, err := l.Find(name)
		if err != nil {
			return err
		}
		return fmt.Errorf("model %q in %q: %w", name, found.Dir, ErrNotOwn)
	}
	// Renamed first, so that nobody finds a model of which only a part is left.
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
