package codes

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What cannot be read is told of with its file, and so is what a file does not have.
func TestReadAt(t *testing.T) {
	t.Parallel()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var failed *fs.PathError
	if err := readAt(dir, make([]byte, 8), 0); !errors.As(err, &failed) || failed.Path != dir.Name() {
		t.Errorf("a folder: %v", err)
	}
	path := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(path, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := make([]byte, 4)
	if err := readAt(file, b, 2); err != nil || string(b) != "3456" {
		t.Errorf("%q, %v", b, err)
	}
	if err := readAt(file, b, 6); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("past the end: %v", err)
	}
}
