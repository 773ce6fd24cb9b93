package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// ignoreName is a file that keeps a hidden store, such as .sheaf, out of Git. It is
// made with the store and may be changed or removed.
const ignoreName = ".gitignore"

const ignoreText = "# A store of sheaf, which is made from other files.\n*\n"

// writeIgnore writes that file, unless there is one or the store is not hidden.
func writeIgnore(dir string) error {
	full, err := filepath.Abs(dir)
	if err != nil || !strings.HasPrefix(filepath.Base(full), ".") {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, ignoreName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(ignoreText)
	return errors.Join(err, f.Close())
}

// removeIgnore removes that file if it is as it was written.
func removeIgnore(dir string) error {
	path := filepath.Join(dir, ignoreName)
	if text, err := os.ReadFile(path); err != nil || string(text) != ignoreText {
		return nil // not there, or the user's
	}
	return os.Remove(path)
}
