// Package exchange reads and writes documents with their vectors in the files of other programs,
// and reads other stores. Each format has a file of its own here and a row of the table. What is
// read gets the id, the source and the vector that a store wants of every document.
package exchange

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/hint"
	"sheaf/internal/langchain"
)

// Format is a way to keep documents with their vectors in files.
type Format struct {
	Name       string
	Extensions []string // of its file, in lower case with the dot
	Several    bool     // it is more than one file, so it neither comes from stdin nor goes to stdout
	Text       bool     // it may be shown on a terminal
	Records    bool     // it has records, whose fields have names

	// What the help of import and of export says about it, one line or more. A format
	// without WriteHelp is only read.
	ReadHelp, WriteHelp string

	detect func(candidate) bool
	open   func(ctx context.Context, in *Input, o Options) error
	write  func(o Output) (remarks []string, err error)
}

// formats is the table. The first is the one of a name without a known extension, and of a folder
// that no other format claims.
var formats = []Format{langchainFolder, langchainBytes, langchainJS, llamaIndex, records, npy, faissIndex, sheafStore}

// Readable returns the formats that are read.
func Readable() []Format { return formats }

// Writable returns the formats that are written.
func Writable() []Format {
	return slices.DeleteFunc(slices.Clone(formats), func(f Format) bool { return f.WriteHelp == "" })
}

// Lookup returns the format with a name.
func Lookup(name string) (Format, bool) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return formats[i], true
}

// ByExtension returns the format that a file's name asks for, the first of the table where it has no
// extension; false where its extension is of none.
func ByExtension(path string) (Format, bool) {
	i := slices.IndexFunc(formats, func(f Format) bool { return slices.Contains(f.Extensions, extension(path)) })
	return formats[max(i, 0)], i >= 0 || extension(path) == ""
}

// extension returns the end of a name that tells a format: letters and digits behind a dot, "" in ".hidden" and in "v1.0".
func extension(path string) string {
	name := strings.TrimLeft(filepath.Base(path), ".")
	if ext := strings.ToLower(filepath.Ext(name)); len(ext) > 1 && 'a' <= ext[1] && ext[1] <= 'z' {
		return ext
	}
	return ""
}

// candidate is what a format is detected by.
type candidate struct {
	path, indexName string
	folder          bool
	head            []byte // the beginning of a file
}

// holds reports whether it is a folder with a file of that name.
func (p candidate) holds(name string) bool { return p.folder && exists(filepath.Join(p.path, name)) }

// headSize is the number of bytes of a file that formats are detected by.
const headSize = 4096

// errUnknownFormat says that no format of the table is detected.
var errUnknownFormat = errors.New("it is in none of the formats that are read")

// otherPrograms is the way out where nothing is known of the files.
const otherPrograms = `texts, folders of them and CSV go in by sheaf ingest; of other programs, export records to a file of JSONL, {"id", "text", "metadata", "vector"} a line, and import that`

// detect returns the format of what is at a path. A URL names another store.
func detect(path, indexName string) (Format, error) {
	if isURL(path) {
		return sheafStore, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return Format{}, err
	}
	p := candidate{path: path, indexName: indexName, folder: info.IsDir()}
	if !p.folder {
		if p.head, err = readHead(path); err != nil {
			return Format{}, err
		}
	}
	for _, f := range slices.Backward(formats) { // the first takes what is left
		if f.detect(p) {
			return f, nil
		}
	}
	return Format{}, hint.With(&langchain.FormatError{Path: path, Err: errUnknownFormat}, otherPrograms)
}

func isURL(path string) bool { return strings.Contains(path, "://") }

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, headSize))
}

// exists reports whether there is something at a path, links followed.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
