package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/loader"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// incoming is what an import reads, in whichever format.
type incoming struct {
	format string
	name   string       // of what is read, for documents that name no source
	called string       // what errors call it
	path   string       // of the file or folder
	dim    int          // 0: not known
	empty  bool         // no document comes
	metric string       // as Faiss names it; empty where the format has none
	facts  engine.Facts // of another sheaf store
	total  int          // documents, 0: not known

	// documents come in order and once. One may lack its id, its vector or its
	// source; what is there is complete.
	documents iter.Seq2[engine.Transfer, error]
	remarks   func() []string // what is worth knowing once all came
	closers   []func() error
}

func (in *incoming) close() error {
	var errs []error
	for _, c := range in.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// openIncoming opens what the command line names.
func (env *environment) openIncoming(ctx context.Context, o *importOptions) (_ *incoming, err error) {
	in := &incoming{format: o.format, name: filepath.ToSlash(filepath.Clean(o.src)), called: strconv.Quote(o.src), path: o.src}
	in.remarks = func() []string { return nil }
	defer func() {
		if err != nil {
			err = errors.Join(in.about(err), in.close())
		}
	}()
	if in.path == "-" {
		if err = in.spool(env.streams.In); err != nil {
			return nil, err
		}
	}
	path := in.path
	if err = readable(path); err != nil {
		return nil, err
	}
	if in.format == "" {
		if in.format, err = formatOfContent(path, o.indexName); err != nil {
			return nil, err
		}
	}
	if in.format == formatFaiss && o.reembed {
		return nil, hint.With(usagef("a Faiss index has no texts that could be embedded anew"), "name the folder or the file that holds the texts too")
	}
	options := langchain.Options{Foreign: serveIndex, TextsOnly: o.reembed, Expansion: o.maxExpansion}
	switch in.format {
	case formatSheaf:
		err = in.openStore(ctx, env, path)
	case formatRecords:
		err = in.openRecords(ctx, path)
	case formatNpy:
		err = in.openNpy(ctx, path)
	case formatFaiss:
		err = in.openIndex(ctx, path, o.indexName, options)
	default:
		err = in.openLangchain(ctx, path, o.indexName, options)
	}
	return in, err
}

// about says that err is about what is imported, which it names once: stdin not
// by the file that it was copied to.
func (in *incoming) about(err error) error {
	if bad := (*langchain.FormatError)(nil); errors.As(err, &bad) && bad.Path == in.path {
		bad.Path = ""
	}
	return fmt.Errorf("importing %s: %w", in.called, err)
}

// spool copies stdin to a temporary file, for the formats are not read front to
// back. Its hash is its name as a source. Nothing at all is an export of no
// records.
func (in *incoming) spool(stdin io.Reader) error {
	in.called = "stdin"
	f, err := os.CreateTemp("", "sheaf-import-*")
	if err != nil {
		return err
	}
	in.closers = append(in.closers, func() error { return os.Remove(f.Name()) })
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), stdin)
	if n == 0 && in.format == "" {
		in.format = formatRecords
	}
	in.path, in.name = f.Name(), "stdin:"+hex.EncodeToString(hash.Sum(nil)[:8])
	return errors.Join(err, f.Close())
}

func (in *incoming) openStore(ctx context.Context, env *environment, dir string) error {
	if store.Same(env.config.Store, dir) {
		return engine.ErrSameStore
	}
	s, err := env.openOther(ctx, dir)
	if err != nil {
		return err
	}
	in.closers = append(in.closers, s.Close)
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	in.facts, in.dim, in.metric, in.total = snap.Facts, snap.Facts.Dim, string(snap.Facts.Metric), int(snap.Documents)
	in.documents = snap.Transfers(ctx, env.config.Store)
	return nil
}

func (in *incoming) openLangchain(ctx context.Context, path, indexName string, o langchain.Options) (err error) {
	var s *langchain.Store
	if in.format == formatBytes {
		s, err = langchain.OpenBytes(ctx, path, o)
	} else {
		s, err = langchain.OpenFolder(ctx, path, indexName, o)
	}
	if err != nil {
		return explainFolder(err, path, indexName)
	}
	in.closers = append(in.closers, s.Close)
	if s.Index != nil {
		in.dim, in.metric = s.Index.Dim, s.Index.Metric.String()
	}
	in.total, in.remarks = s.Len(), s.Remarks
	in.documents = each(s.Documents(ctx), func(d langchain.Document) engine.Transfer {
		return engine.Transfer{Document: engine.Document{ID: d.ID, Text: d.Text, Metadata: d.Metadata, StartIndex: -1, Vector: d.Vector}}
	})
	return nil
}

// reembedHint is the way out where texts can be read and their vectors cannot.
const reembedHint = "--reembed --embedder NAME makes the vectors anew from the texts"

// readable refuses what is there and neither a file nor a folder: a named pipe
// would be waited for.
func readable(path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err := &fs.PathError{Op: "open", Path: path, Err: errors.New("neither a file nor a folder")}
		return hint.With(err, "what a pipe brings comes from stdin: sheaf import - < %s", path)
	}
	return nil
}

// explainFolder adds the way out where a folder lacks one of the two files.
func explainFolder(err error, dir, indexName string) error {
	other := (*langchain.IndexNameError)(nil)
	switch {
	case errors.As(err, &other):
		return hint.With(err, "name the index: --index-name %q", other.Others[0])
	case !errors.Is(err, fs.ErrNotExist):
	case exists(langchain.IndexFile(dir, indexName)):
		return hint.With(err, "--format faiss imports the vectors alone, without texts and ids")
	case exists(langchain.DocumentsFile(dir, indexName)):
		return hint.With(err, reembedHint)
	}
	return err
}

// openRecords reads JSONL: the first record tells how long vectors are.
func (in *incoming) openRecords(ctx context.Context, path string) error {
	records, err := in.records(ctx, path)
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(records)
	in.closers = append(in.closers, func() error { stop(); return nil })
	first, err, ok := next()
	if err != nil {
		return err
	}
	in.dim, in.empty = len(first.Vector), !ok
	in.documents = func(yield func(engine.Transfer, error) bool) {
		for t := first; ok && yield(t, err); {
			t, err, ok = next()
		}
	}
	return nil
}

// records reads the lines of a JSONL file. A bad one ends the import.
func (in *incoming) records(ctx context.Context, path string) (iter.Seq2[engine.Transfer, error], error) {
	r, err := loader.Open(ctx, loader.Source{Name: path, Path: path, Format: loader.JSONL}, loader.ReadOptions{})
	if err != nil {
		return nil, err
	}
	in.closers = append(in.closers, r.Close)
	return func(yield func(engine.Transfer, error) bool) {
		for rec, err := range r.Records() {
			if bad := (*loader.RecordError)(nil); errors.As(err, &bad) {
				err = &langchain.FormatError{Path: path, Err: bad}
			}
			if !yield(recordTransfer(rec), err) || err != nil {
				return
			}
		}
	}, nil
}

func recordTransfer(rec loader.Record) engine.Transfer {
	d := engine.Document{
		ID: rec.ID, Text: rec.Text, Metadata: rec.Metadata.JSON(), Source: rec.Source, StartIndex: -1,
		StartLine: rec.StartLine, EndLine: rec.EndLine, Vector: rec.Vector,
	}
	if d.Source == "" {
		d.StartLine, d.EndLine = rec.Line, 0
	}
	return engine.Transfer{Document: d}
}

// openNpy reads a matrix and, where they are there, its documents.
func (in *incoming) openNpy(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, npyName)
	}
	if err := errors.Join(readable(path), readable(beside(path))); err != nil {
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
	in.dim, in.total = h.Dim, h.Rows
	rows := each(h.Vectors(f), func(r vector.Row) []float32 { return r.Vector })
	if in.name == "" || !exists(beside(path)) {
		alone := fmt.Sprintf("%q is not there: the documents have numbers for ids, and no text", beside(path))
		in.remarks = func() []string { return []string{alone} }
		in.documents = numbered(path, rows, func(i int) int64 { return int64(i) })
		return nil
	}
	records, err := in.records(ctx, beside(path))
	if err != nil {
		return err
	}
	in.documents = joined(path, records, rows)
	return nil
}

// openIndex reads vectors that have no documents, or leaves these.
func (in *incoming) openIndex(ctx context.Context, path, indexName string, o langchain.Options) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = langchain.IndexFile(path, indexName)
	}
	x, err := langchain.OpenIndex(ctx, path, o)
	if as[*faiss.UnreadableError](err) {
		return hint.With(err, "import the folder or the byte string that has the texts too, with --reembed --embedder NAME")
	}
	if err != nil {
		return err
	}
	in.closers = append(in.closers, x.Close)
	in.dim, in.metric, in.total, in.remarks = x.Dim, x.Metric.String(), int(x.Ntotal), x.Remarks
	in.documents = numbered(path, x.Vectors(), func(i int) int64 { return x.Label(int64(i)) })
	return nil
}

// numbered makes documents of vectors alone: their id is their number.
func numbered(path string, vectors iter.Seq2[[]float32, error], label func(int) int64) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		i := 0
		for v, err := range vectors {
			d := engine.Document{ID: strconv.FormatInt(label(i), 10), Metadata: []byte("{}"), StartIndex: -1, Vector: v}
			if !yield(engine.Transfer{Document: d}, formatError(path, err)) || err != nil {
				return
			}
			i++
		}
	}
}

// joined gives records the rows of a matrix as vectors.
func joined(path string, records iter.Seq2[engine.Transfer, error], rows iter.Seq2[[]float32, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		next, stop := iter.Pull2(rows)
		defer stop()
		n := 0
		for t, err := range records {
			v, bad, ok := next()
			if err == nil && bad == nil && !ok {
				bad = fmt.Errorf("it has %d rows and there are more documents in %q", n, beside(path))
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
			yield(engine.Transfer{}, formatError(path, fmt.Errorf("it has more rows than the %d documents in %q", n, beside(path))))
		}
	}
}

// formatError says that a file is bad.
func formatError(path string, err error) error {
	if err == nil || as[*langchain.FormatError](err) {
		return err
	}
	return &langchain.FormatError{Path: path, Err: errors.New(err.Error())}
}
