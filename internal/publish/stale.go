package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
)

// pending starts the temporary file for path, and locks it until guard is closed:
// so sweep tells it from one that was left.
func pending(path string) (f *renameio.PendingFile, guard *os.File, err error) {
	for {
		f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
		if err != nil {
			return nil, nil, err
		}
		if guard, ok := hold(f.Name()); ok {
			return f, guard, nil
		}
		_ = f.Cleanup()
	}
}

// hold locks the file of a name, by a descriptor of its own, for the file is
// closed before it is renamed. It is not ok where another process sweeps it away
// before it is locked. Where a file system has no locks nobody sweeps.
func hold(name string) (guard *os.File, ok bool) {
	guard, err := os.Open(name)
	if err != nil {
		return nil, !errors.Is(err, fs.ErrNotExist)
	}
	locked := lock(guard)
	if _, err := os.Lstat(name); err != nil || errors.Is(locked, syscall.EWOULDBLOCK) {
		_ = guard.Close()
		return nil, false
	}
	return guard, true
}

func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// sweep removes the temporary files for path that processes left which are not
// there any more. What cannot be removed stays.
func sweep(path string) {
	dir := filepath.Dir(path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !e.Type().IsRegular() || !isTemporary(e.Name(), filepath.Base(path)) {
			continue
		}
		left := filepath.Join(dir, e.Name())
		f, err := os.OpenFile(left, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if lock(f) == nil {
			_ = os.Remove(left)
		}
		_ = f.Close()
	}
}

// Few of the random numbers in the names of temporary files, of 63 bits, have
// fewer digits; dates and versions, in the names of other files, have no more.
const minDigits, maxDigits = 15, 19

// isTemporary tells whether a file has a name as renameio makes them for base.
func isTemporary(name, base string) bool {
	number, ok := strings.CutPrefix(name, "."+base)
	return ok && len(number) >= minDigits && len(number) <= maxDigits && strings.Trim(number, "0123456789") == ""
}
