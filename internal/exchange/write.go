package exchange

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/publish"
	"sheaf/internal/store"
)

// Output says what is written and where.
type Output struct {
	engine.Snapshot
	Path      string // a file or folder, or "-" for Stdout
	Stdout    io.Writer
	IndexName string // of LangChain's files
}

// Write writes all documents. What is at the path is replaced as a whole or, on an error, not at
// all. It returns remarks on how the files are to be read.
func (f Format) Write(o Output) (remarks []string, err error) {
	if err := outsideStores(o.Path); err != nil {
		return nil, err
	}
	return f.write(o)
}

// outsideStores refuses a path in a store: its files would be taken for the store's own, or
// replace them.
func outsideStores(path string) error {
	if path == "-" {
		return nil
	}
	dir, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target
	}
	for ; ; dir = filepath.Dir(dir) {
		if store.Is(dir) {
			return hint.With(fmt.Errorf("it lies in the store %q", dir), "name a place outside")
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// file writes a format of one file.
func (o Output) file(write func(io.Writer) error) error {
	if o.Path == "-" {
		return buffered(o.Stdout, write)
	}
	return publish.Write([]string{o.Path}, func(files []*os.File) error { return buffered(files[0], write) })
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}
