// Package publish writes files that appear whole or not at all. Each is written under a
// temporary name in the folder of its path, synced, and renamed. Files that belong together
// appear together: the last one is removed before the first is replaced and comes back when all
// others are in place, so that a reader of the last never pairs old files with new ones,
// whenever the process dies or a step fails. The temporary files of a process that died are
// removed by the next one that writes to the same path.
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
// permissions the new one takes, or nothing. On an error of fill the paths are as they were; on a
// later one the last of several may be missing, and Unfinished reports that.
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
	begun bool       // the last of several was removed
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
		s.begun = true
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

// discard closes the files and removes those that were not renamed, unless files at the paths were
// changed.
func (s *set) discard() error {
	var errs []error
	for _, f := range s.files {
		if err := s.remove(f); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		errs = append(errs, f.Close()) // last: the lock keeps others from the name
	}
	return errors.Join(errs...)
}

func (s *set) remove(f *os.File) error {
	if s.begun {
		return nil
	}
	return os.Remove(f.Name())
}

// MakeDir makes a folder and those above it that are missing, durably. It returns those that it
// made, the innermost first; after an error there are none.
func MakeDir(dir string) (made []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, d)
	}
	err = os.MkdirAll(dir, 0o777)
	for _, d := range made {
		if err == nil {
			err = SyncDir(filepath.Dir(d))
		}
	}
	if err != nil {
		for _, d := range made {
			_ = os.Remove(d)
		}
		return nil, err
	}
	return made, nil
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
