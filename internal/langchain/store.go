package langchain

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/pickle"
)

// The default index name, and what follows the index name in file names.
const (
	DefaultName = "index"
	indexSuffix = ".faiss"
	docsSuffix  = ".pkl"
)

// IndexFile returns the path of the index of the store NAME in dir.
func IndexFile(dir, name string) string { return filepath.Join(dir, name+indexSuffix) }

// DocumentsFile returns the path of the pickle of the store NAME in dir.
func DocumentsFile(dir, name string) string { return filepath.Join(dir, name+docsSuffix) }

// Document is a document of a store.
type Document struct {
	ID       string // "" where the store has None or an empty text
	Text     string
	Metadata json.RawMessage // a JSON object
	Vector   []float32       // nil under TextsOnly
}

// Store is a store of LangChain's, open for reading.
type Store struct {
	Index *Index // nil under TextsOnly

	path       string // of the pickle
	options    Options
	unread     *os.File // the pickle, until its documents are asked for
	spool      *spool
	docs       *docstore
	files      []*os.File
	surrogates int // texts with an unpaired surrogate
	mapped     int // documents with metadata of types that JSON does not have
}

// OpenFolder opens the store NAME.faiss and NAME.pkl in dir. The caller must close it.
// The pickle is read with the documents, unless only texts are wanted.
func OpenFolder(ctx context.Context, dir, name string, o Options) (*Store, error) {
	s := &Store{options: o}
	return s.opened(s.openFolder(ctx, dir, name))
}

// opened returns the store, which it closes after an error.
func (s *Store) opened(err error) (*Store, error) {
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openFolder(ctx context.Context, dir, name string) error {
	docs, err := s.open(DocumentsFile(dir, name))
	if err != nil {
		return missing(dir, name, err)
	}
	if !s.options.TextsOnly {
		if s.Index, err = OpenIndex(ctx, IndexFile(dir, name), s.options); err != nil {
			return ofIndex(missing(dir, name, err))
		}
		s.unread = docs
		return nil
	}
	return s.readFolder(ctx, docs, s.docs.take)
}

// readFolder reads the pickle of a folder.
func (s *Store) readFolder(ctx context.Context, docs *os.File, take taker) error {
	v, err := s.load(ctx, docs, take)
	if err != nil {
		return err
	}
	parts, ok := tuple(v, 2)
	if !ok {
		return &FormatError{s.path, fmt.Errorf("%s where the pair of docstore and index_to_docstore_id belongs", pickle.Describe(v))}
	}
	return s.check(parts[0], parts[1])
}

// missing replaces the error for a missing file by one that names the stores that
// the folder has.
func missing(dir, name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	others, globErr := filepath.Glob(filepath.Join(dir, "*"+docsSuffix))
	if globErr != nil || len(others) == 0 {
		return err
	}
	for i, path := range others {
		others[i] = strings.TrimSuffix(filepath.Base(path), docsSuffix)
	}
	if slices.Contains(others, name) {
		return err
	}
	return &IndexNameError{dir, name, others}
}

// OpenBytes opens a file that has the result of serialize_to_bytes. The caller must
// close it.
func OpenBytes(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{options: o}
	return s.opened(s.openBytes(ctx, path))
}

func (s *Store) openBytes(ctx context.Context, path string) error {
	f, err := s.open(path)
	if err != nil {
		return err
	}
	v, err := s.load(ctx, f, s.docs.take)
	if err != nil {
		return err
	}
	parts, ok := tuple(v, 3)
	if _, half := tuple(v, 2); half {
		return &FormatError{s.path, errors.New("it is the pickle of a folder, which has to be imported as a whole: the vectors are beside it")}
	}
	if !ok {
		return &FormatError{s.path, fmt.Errorf("%s where index, docstore and index_to_docstore_id belong", pickle.Describe(v))}
	}
	if !s.options.TextsOnly {
		if err := s.openInner(ctx, f, parts[0]); err != nil {
			return err
		}
	}
	return s.check(parts[1], parts[2])
}

// openInner opens the index in a byte string. It is an object of a class of Faiss,
// and its state is the content of an index file.
func (s *Store) openInner(ctx context.Context, f *os.File, v pickle.Value) error {
	object, ok := v.(*pickle.Object)
	if !ok {
		return &FormatError{s.path, fmt.Errorf("%s where the index belongs", pickle.Describe(v))}
	}
	var file pickle.Value
	if state, ok := object.State.(*pickle.Dict); ok {
		file, _ = state.Get("this")
	}
	b, ok := file.(*pickle.Bytes)
	if !ok {
		return &FormatError{s.path, fmt.Errorf("the index %q has no content", object.Class.Name)}
	}
	part, err := b.Offset(until{ctx, f})
	if err != nil {
		return &FormatError{s.path, err}
	}
	if s.Index, err = openIndex(ctx, f, part, b.Size(), s.options); err != nil {
		return ofIndex(err)
	}
	if class := object.Class.Name[strings.LastIndexByte(object.Class.Name, '.')+1:]; s.Index.Tail > 0 || !sameClass(class, s.Index.Type) {
		return &FormatError{s.path, fmt.Errorf("the index is called %s and holds %s", class, s.Index.Type)}
	}
	return nil
}

// sameClass reports whether a class of Python's Faiss can have the content. The
// base class of the flat indexes can have each of them, with any metric.
func sameClass(class, content string) bool {
	const flat = "IndexFlat"
	return class == content || class == flat && strings.HasPrefix(content, flat) || content == flat && strings.HasPrefix(class, flat)
}

// open opens the pickle, and makes room for its documents.
func (s *Store) open(path string) (*os.File, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s.path, s.files = path, append(s.files, f)
	limit := max(minExpanded, size*int64(cmp.Or(s.options.Expansion, DefaultExpansion)))
	if s.spool, err = newSpool(limit, s.options.OnUnknown); err != nil {
		return nil, err
	}
	s.files, s.docs = append(s.files, s.spool.f), newDocstore(limit)
	return f, nil
}

// taker is [pickle.Options.Take].
type taker = func(into *pickle.Dict, key, value pickle.Value, listed func(n int) pickle.Value) (bool, error)

// load reads a pickle. Its documents go to the spool.
func (s *Store) load(ctx context.Context, f *os.File, take taker) (pickle.Value, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	v, surrogates, err := pickle.Load(until{ctx, f}, info.Size(), pickle.Options{Object: classOf, Stream: s.spool.add, Take: take, Unknown: true})
	s.surrogates = surrogates
	switch bad := (*pickle.Error)(nil); {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case s.spool.err != nil:
		return nil, s.spool.err
	case errors.As(err, &bad):
		return nil, &FormatError{s.path, err}
	case err != nil:
		return nil, err
	}
	return v, nil
}

// until is a file that can be read until ctx ends, since a large pickle takes
// seconds.
type until struct {
	ctx context.Context
	*os.File
}

func (u until) ReadAt(b []byte, off int64) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.File.ReadAt(b, off)
}

func tuple(v pickle.Value, n int) ([]pickle.Value, bool) {
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) != n {
		return nil, false
	}
	return t.Items, true
}

// check compares documents, positions and vectors with each other.
func (s *Store) check(docs, mapping pickle.Value) error {
	if err := s.docs.check(docs, mapping); err != nil {
		return &FormatError{s.path, err}
	}
	if s.Index == nil {
		return nil
	}
	if n := int64(s.Len()); n != s.Index.Ntotal {
		return &IndexError{&FormatError{s.path, fmt.Errorf("%d positions in index_to_docstore_id and %d vectors in the index", n, s.Index.Ntotal)}}
	}
	for i, p := range s.docs.positions {
		if label := s.Index.Label(int64(i)); p.label != label {
			return &IndexError{&FormatError{s.path, fmt.Errorf("index_to_docstore_id has the position %d and the index %d", p.label, label)}}
		}
	}
	return nil
}

// Len returns the number of documents, counting one for each vector and those that
// are skipped.
func (s *Store) Len() int {
	if s.unread != nil {
		return int(s.Index.Ntotal)
	}
	return len(s.docs.positions)
}

// Close closes the files.
func (s *Store) Close() error {
	var errs []error
	if s.Index != nil {
		errs = append(errs, s.Index.Close())
	}
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	s.files = nil
	return errors.Join(errs...)
}
