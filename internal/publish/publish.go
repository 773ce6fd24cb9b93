// Package publish writes files that appear whole or not at all. Each is written under a
// temporary name in the folder of its path, synced, and renamed. Files that belong together
// appear together: the last one is removed before the first is replaced and comes back when all
// others are in place, so that a reader of the last never pairs old files with new ones,
// whenever the process dies. The temporary files of a process that died are removed by the
// next one that writes to the same path.
package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write calls fill with an empty file for each path, in order, and publishes the files when fill
// returns nil. The folders of the paths must exist; at a path there must be a regular file, whose
// permissions the new one takes, or nothing. On an error of fill the paths are as they were.
func Write(paths []string, fill func(files []*os.File) error) (err error) {
	var s set
	defer func() { err = errors.Join(err, s.discard()) }()
	for _, path := range paths {
		if err := s.create(path); err != nil {
			return err
		}
	}
	if err := fill(s.files); err != nil {
		return err
	}
	return s.commit()
}

// set holds files that are published together.
type set struct {
	files []*os.File // open under their temporary names, each locked
	paths []string   // where they go, links resolved
}

func (s *set) create(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%q is not a regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	removeStale(path)
	f, err := createTemporary(path)
	if err != nil {
		return err
	}
	s.files, s.paths = append(s.files, f), append(s.paths, path)
	if info == nil {
		return nil
	}
	return f.Chmod(info.Mode().Perm())
}

// commit syncs the files and renames them to their paths, in the order of their creation.
func (s *set) commit() error {
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
		if err := os.Rename(f.Name(), s.paths[i]); err != nil {
			return fmt.Errorf("writing %q: %w", s.paths[i], err)
		}
		if err := SyncDir(filepath.Dir(s.paths[i])); err != nil {
			return err
		}
	}
	return nil
}

// discard closes the files and removes those that were not renamed.
func (s *set) discard() error {
	var errs []error
	for _, f := range s.files {
		if err := os.Remove(f.Name()); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		errs = append(errs, f.Close()) // last: the lock keeps others from the name
	}
	return errors.Join(errs...)
}

// SyncDir makes the names in a folder durable: files that were created, renamed or removed there.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
