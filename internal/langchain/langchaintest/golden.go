// Package langchaintest holds what LangChain wrote and answered, for tests:
// stores of eight versions, byte strings, hostile files, and the checkers that
// load an export with LangChain itself. golden.tar.gz is as it was recorded;
// each store has an expected.json beside it.
package langchaintest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"testing"
	"testing/fstest"
)

//go:embed golden.tar.gz
var archive []byte

// Golden returns the files: bytes, hostile, interop and stores.
func Golden(t testing.TB) fs.FS {
	t.Helper()
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Files is Golden where there is no test to fail.
var Files = sync.OnceValues(func() (fs.FS, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for r := tar.NewReader(compressed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[header.Name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
})

// Dir copies the files below a folder of Golden into a new directory.
func Dir(t testing.TB, folder string) string {
	t.Helper()
	dir := t.TempDir()
	below, err := fs.Sub(Golden(t), folder)
	if err == nil {
		err = os.CopyFS(dir, below)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
