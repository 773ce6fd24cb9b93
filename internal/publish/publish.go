// Package publish writes files that are whole or not there at all: each is
// written beside its place under another name, synced, and renamed. Files that
// belong together appear together: the last one of a [Set] is taken away before
// the first is replaced and comes back when all others are in place, so that
// what reads it never pairs old files with new ones, whenever the process dies.
// What a process that died leaves, the next one to write there removes.
package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Set is files that are published together.
type Set struct {
	files  []*renameio.PendingFile
	guards []*os.File // of the files, each locked
	paths  []string
}

// Create starts a file at path, with the permissions of the one that is there,
// else those that the umask gives. Its
// folder must exist; what is at path must be a regular file or nothing.
func (s *Set) Create(path string) (*os.File, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	sweep(path)
	f, guard, err := pending(path)
	if err != nil {
		return nil, err
	}
	s.files, s.guards, s.paths = append(s.files, f), append(s.guards, guard), append(s.paths, path)
	return f.File, nil
}

// Commit makes the files appear, in the order in which they were created.
func (s *Set) Commit() error {
	for i, f := range s.files {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("writing %q: %w", s.paths[i], err)
		}
	}
	if last := len(s.paths) - 1; last > 0 {
		if err := os.Remove(s.paths[last]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for i, f := range s.files {
		if err := f.CloseAtomicallyReplace(); err != nil {
			return fmt.Errorf("writing %q: %w", s.paths[i], err)
		}
		if err := syncDir(filepath.Dir(s.paths[i])); err != nil {
			return err
		}
	}
	return nil
}

// Discard removes what was not committed, and has to be called after Commit too.
func (s *Set) Discard() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Cleanup())
	}
	for _, guard := range s.guards {
		_ = guard.Close() // it was only read
	}
	s.guards = nil
	return errors.Join(errs...)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
