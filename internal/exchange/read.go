package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/ingest"
	"sheaf/internal/langchain"
	"sheaf/internal/loader"
)

var (
	// ErrNoVector is the error of a document that lacks the vector it needs.
	ErrNoVector = errors.New("it has no vector")
	// ErrNoTexts says that texts are wanted of what has vectors alone.
	ErrNoTexts = errors.New("a Faiss index has no texts that could be embedded anew")
)

// Options say how to open an input.
type Options struct {
	Format            string             // the name of one; "" for the one that is detected
	IndexName         string             // of LangChain's files
	langchain.Options                    // TextsOnly is for every format
	Fields            loader.ReadOptions // the names of the fields of records

	Stdin io.Reader // what the path "-" means

	// OpenStore opens another store. The input calls stop when it is closed.
	OpenStore func(ctx context.Context, dir string) (snap engine.Snapshot, stop func() error, err error)
}

// Input is what is read, in whichever format.
type Input struct {
	Format    string
	Name      string          // for documents that name no source: the path, or one for stdin
	Called    string          // what errors call it
	Dim       int             // 0 where it is not known
	Empty     bool            // it has no document
	Metric    string          // as Faiss calls it; "" where the format has none
	Facts     engine.Facts    // of another store; of an index, Normalize alone
	Total     int             // the number of documents, 0 where it is not known
	Remarks   func() []string // what is worth knowing when all documents were read
	textsOnly bool            // see Options
	path      string          // of the file or folder
	closers   []func() error

	// documents yields the documents in order, once. One may lack its id, its vector or its
	// source; what it has is complete.
	documents iter.Seq2[engine.Transfer, error]
}

// Open opens the file or folder at a path, or stdin for "-". The caller closes it.
func Open(ctx context.Context, path string, o Options) (in *Input, err error) {
	in = &Input{
		Format: o.Format, Name: filepath.ToSlash(filepath.Clean(path)), Called: strconv.Quote(path), path: path,
		Remarks: func() []string { return nil }, textsOnly: o.TextsOnly,
	}
	if isURL(path) { // which may have a password; errors of its store name it without
		in.Name, in.Called = path, "another store"
	}
	defer func() {
		if err != nil {
			err = errors.Join(in.About(err), in.Close())
		}
	}()
	if path == "-" {
		if err := in.spool(ctx, o.Stdin); err != nil {
			return in, err
		}
	}
	if err := regular(in.path); err != nil {
		return in, err
	}
	f, known := Lookup(in.Format)
	if !known {
		if f, err = detect(in.path, o.IndexName); err != nil {
			return in, err
		}
	}
	in.Format = f.Name
	err = f.open(ctx, in, o)
	if !known && f.Name != langchainFolder.Name && exists(langchain.IndexFile(in.path, o.IndexName)) && exists(langchain.DocumentsFile(in.path, o.IndexName)) {
		remarks := in.Remarks
		in.Remarks = func() []string {
			return append(remarks(), fmt.Sprintf("the folder was read as %s; it holds an index of LangChain too, which --format %s imports", f.Name, langchainFolder.Name))
		}
	}
	return in, err
}

// Close closes the input.
func (in *Input) Close() error {
	var errs []error
	for _, c := range in.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// About returns err with the name of the input, once: stdin is not called by the name of the file
// that it was copied to.
func (in *Input) About(err error) error {
	if bad := (*langchain.FormatError)(nil); errors.As(err, &bad) && bad.Path == in.path {
		bad.Path = ""
	}
	return fmt.Errorf("importing %s: %w", in.Called, err)
}

// spool copies stdin to a temporary file, because not every format is read from front to back.
// Nothing at all is what an export of no records writes.
func (in *Input) spool(ctx context.Context, stdin io.Reader) error {
	in.Called = "stdin"
	spooled, err := ingest.Spool(ctx, stdin)
	if err != nil {
		return err
	}
	in.closers = append(in.closers, func() error { return os.Remove(spooled.Path) })
	if spooled.Size == 0 && in.Format == "" {
		in.Format = records.Name
	}
	in.path, in.Name = spooled.Path, spooled.Name
	return nil
}

// regular refuses what is neither a file nor a folder, such as a named pipe, whose opening would
// wait for its other end.
func regular(path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err := &fs.PathError{Op: "open", Path: path, Err: errors.New("neither a file nor a folder")}
		return hint.With(err, "what a pipe brings comes from stdin: sheaf import - < %s", path)
	}
	return nil
}

// numbered yields vectors without documents as documents without text: their id is their label.
func numbered(path string, vectors iter.Seq2[[]float32, error], label func(int64) int64) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		i := int64(0)
		for v, err := range vectors {
			d := engine.Document{ID: strconv.FormatInt(label(i), 10), StartIndex: -1, Vector: v}
			if !yield(engine.Transfer{Document: d}, formatError(path, err)) || err != nil {
				return
			}
			i++
		}
	}
}

// formatError returns err as one about the file at a path. What it wraps is lost: a *vector.Error
// by itself is one about the command line.
func formatError(path string, err error) error {
	if bad := (*langchain.FormatError)(nil); err == nil || errors.As(err, &bad) {
		return err
	}
	return &langchain.FormatError{Path: path, Err: errors.New(err.Error())}
}
