package publish

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporaryPrefix begins the names of the temporary files for path; a random text follows.
func temporaryPrefix(path string) string { return "." + filepath.Base(path) + ".sheaf-" }

// createTemporary creates the temporary file for path and locks it, which tells removeStale in
// other processes that it is in use.
func createTemporary(path string) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), temporaryPrefix(path)+rand.Text())
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if bad := (*fs.PathError)(nil); errors.As(err, &bad) {
			bad.Path = filepath.Dir(path) // which is to blame, and whose name tells more
		}
		if err != nil {
			return nil, err
		}
		// Before it was locked, another process may have taken it for a stale one. Where a file
		// system has no locks, nobody removes anything.
		locked := lock(f)
		_, err = os.Lstat(name)
		if err == nil && !errors.Is(locked, syscall.EWOULDBLOCK) {
			return f, nil
		}
		_ = errors.Join(os.Remove(name), f.Close())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// Unfinished reports whether a Write to path did not come to its end, or is on its way.
func Unfinished(path string) bool { return len(temporaries(path)) > 0 }

// temporaries returns the temporary files for path.
func temporaries(path string) (files []string) {
	dir := filepath.Dir(path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), temporaryPrefix(path)) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// removeStale removes the temporary files for path that no process has locked. A file that
// cannot be removed stays.
func removeStale(path string) {
	for _, file := range temporaries(path) {
		f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if lock(f) == nil {
			_ = os.Remove(file)
		}
		_ = f.Close()
	}
}
