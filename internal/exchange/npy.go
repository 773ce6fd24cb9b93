package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/publish"
	"sheaf/internal/seq"
	"sheaf/internal/vector"
)

const (
	npyExtension = ".npy"
	matrixName   = "vectors" + npyExtension // of the matrix in a folder
)

// npy is a NumPy matrix, and a file of records beside it for what is not in the matrix.
var npy = Format{
	Name:       "npy",
	Extensions: []string{npyExtension},
	Several:    true,
	Records:    true,
	ReadHelp:   "a NumPy matrix, and its documents in a .jsonl beside it",
	WriteHelp:  "a matrix for NumPy, and the documents in a .jsonl beside it",
	detect: func(p candidate) bool {
		if p.folder {
			return exists(filepath.Join(p.path, matrixName)) && !exists(langchain.DocumentsFile(p.path, p.indexName))
		}
		return bytes.HasPrefix(p.head, []byte(vector.NpyMagic))
	},
	open:  openNpy,
	write: writeNpy,
}

// documentsBeside returns the file with the documents of a matrix.
func documentsBeside(matrix string) string {
	return strings.TrimSuffix(matrix, filepath.Ext(matrix)) + ".jsonl"
}

func openNpy(ctx context.Context, in *Input, o Options) error {
	path := in.path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, matrixName)
	}
	documents := documentsBeside(path)
	if err := errors.Join(regular(path), regular(documents)); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	in.closers = append(in.closers, f.Close)
	h, err := vector.ReadNpyHeader(f)
	if err != nil {
		return &langchain.FormatError{Path: path, Err: err}
	}
	in.Dim, in.Total = h.Dim, h.Rows
	rows := seq.Map(h.Vectors(f), func(r vector.Row) []float32 { return r.Vector })
	if !exists(documents) {
		alone := fmt.Sprintf("%q is not there: the documents have numbers for ids, and no text", documents)
		in.Remarks = func() []string { return []string{alone} }
		in.documents = numbered(path, rows, func(i int64) int64 { return i })
		return nil
	}
	all, err := in.readRecords(ctx, documents, o.Fields)
	if err != nil {
		return err
	}
	in.documents = joined(path, all, rows)
	return nil
}

// joined gives records the rows of a matrix as vectors.
func joined(path string, all iter.Seq2[engine.Transfer, error], rows iter.Seq2[[]float32, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		next, stop := iter.Pull2(rows)
		defer stop()
		n := 0
		for t, err := range all {
			v, bad, ok := next()
			if err == nil && bad == nil && !ok {
				bad = fmt.Errorf("it has %d rows and there are more documents in %q", n, documentsBeside(path))
			}
			if err == nil {
				err = formatError(path, bad)
			}
			if t.Vector = v; !yield(t, err) || err != nil {
				return
			}
			n++
		}
		if _, bad, ok := next(); ok && bad == nil {
			yield(engine.Transfer{}, formatError(path, fmt.Errorf("it has more rows than the %d documents in %q", n, documentsBeside(path))))
		}
	}
}

// writeNpy writes to the file that is named, or into the folder. The matrix appears last, because
// the documents count for nothing without it.
func writeNpy(o Output) ([]string, error) {
	matrix := o.Path
	if extension(matrix) != npyExtension {
		if _, err := publish.MakeDir(matrix); err != nil {
			return nil, err
		}
		matrix = filepath.Join(matrix, matrixName)
	}
	documents := documentsBeside(matrix)
	if exists(documents) && !exists(matrix) && !publish.Unfinished(matrix) { // no export wrote it
		return nil, hint.With(fmt.Errorf("%q, which the documents go to, is there already", documents), "export to another name")
	}
	return nil, publish.Write([]string{documents, matrix}, func(files []*os.File) error {
		return buffered(files[0], func(lines io.Writer) error {
			return buffered(files[1], func(rows io.Writer) error { return o.fillNpy(lines, rows) })
		})
	})
}

// fillNpy writes the documents without their vectors to lines, and the vectors to rows.
func (o Output) fillNpy(lines, rows io.Writer) error {
	if _, err := rows.Write(vector.NpyHeader(o.Documents, o.Facts.Dim)); err != nil {
		return err
	}
	return writeRecords(lines, func(yield func(engine.Transfer, error) bool) {
		for t, err := range o.Transfers {
			if err == nil {
				_, err = rows.Write(vector.Bytes(t.Vector))
			}
			if t.Vector = nil; !yield(t, err) {
				return
			}
		}
	})
}
