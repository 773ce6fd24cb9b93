package langchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/pickle"
)

// The names of a store's files, behind the index name.
const (
	DefaultName = "index"
	indexSuffix = ".faiss"
	docsSuffix  = ".pkl"
)

// IndexFile is the index of the store NAME in dir.
func IndexFile(dir, name string) string { return filepath.Join(dir, name+indexSuffix) }

// DocumentsFile is the pickle of the store NAME in dir.
func DocumentsFile(dir, name string) string { return filepath.Join(dir, name+docsSuffix) }

// Document is one of a store.
type Document struct {
	ID       string // "" where the store has None or an empty text
	Text     string
	Metadata json.RawMessage // a JSON object
	Vector   []float32       // nil under TextsOnly
}

// Store is a store of LangChain's, opened for reading.
type Store struct {
	Index *Index // nil under TextsOnly

	path   string // of the pickle, for errors
	pickle *pickle.Reader
	docs   *docstore
	files  []*os.File
	mapped int // documents with metadata that JSON has no type for
}

// OpenFolder opens the store NAME.faiss and NAME.pkl in dir. The caller closes it.
func OpenFolder(ctx context.Context, dir, name string, o Options) (*Store, error) {
	s := &Store{}
	if err := s.openFolder(ctx, dir, name, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openFolder(ctx context.Context, dir, name string, o Options) error {
	docs, err := s.open(DocumentsFile(dir, name))
	if err != nil {
		return missing(dir, name, err)
	}
	if !o.TextsOnly {
		if s.Index, err = OpenIndex(ctx, IndexFile(dir, name), o); err != nil {
			return ofIndex(missing(dir, name, err))
		}
	}
	v, err := s.load(ctx, docs)
	if err != nil {
		return err
	}
	parts, ok := tuple(v, 2)
	if !ok {
		return &FormatError{s.path, fmt.Errorf("%s where the pair of docstore and index_to_docstore_id belongs", pickle.Describe(v))}
	}
	return s.settle(parts[0], parts[1])
}

// missing turns the error of a file that is not there into one that names what is.
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

// OpenBytes opens what serialize_to_bytes made, which is the file at path.
func OpenBytes(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{}
	if err := s.openBytes(ctx, path, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openBytes(ctx context.Context, path string, o Options) error {
	f, err := s.open(path)
	if err != nil {
		return err
	}
	v, err := s.load(ctx, f)
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
	if !o.TextsOnly {
		if err := s.openInner(ctx, f, parts[0], o); err != nil {
			return err
		}
	}
	return s.settle(parts[1], parts[2])
}

// openInner opens the index inside a byte string: an object of one of Faiss's
// classes whose state is the content of an index file.
func (s *Store) openInner(ctx context.Context, f *os.File, v pickle.Value, o Options) error {
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
	part, err := b.Place(until{ctx, f})
	if err != nil {
		return &FormatError{s.path, err}
	}
	if s.Index, err = openIndex(ctx, f, part, b.Size(), o); err != nil {
		return ofIndex(err)
	}
	if class := object.Class.Name[strings.LastIndexByte(object.Class.Name, '.')+1:]; s.Index.Tail > 0 || !sameClass(class, s.Index.Type) {
		return &FormatError{s.path, fmt.Errorf("the index is called %s and holds %s", class, s.Index.Type)}
	}
	return nil
}

// sameClass tells whether a class of Python's Faiss is that of the content. The
// base class of the flat ones stands for each of them, and its content may be of
// any metric.
func sameClass(class, content string) bool {
	const flat = "IndexFlat"
	return class == content || class == flat && strings.HasPrefix(content, flat) || content == flat && strings.HasPrefix(class, flat)
}

func (s *Store) open(path string) (*os.File, error) {
	f, _, err := openFile(path)
	if err == nil {
		s.files = append(s.files, f)
	}
	return f, err
}

// load reads a pickle whole, but for its documents.
func (s *Store) load(ctx context.Context, f *os.File) (pickle.Value, error) {
	s.path = f.Name()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s.docs = newDocstore(info.Size())
	s.pickle, err = pickle.NewReader(until{ctx, f}, info.Size(), pickle.Options{Object: wanted, Check: newChecker(info.Size()).check, Take: s.docs.take})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, &FormatError{s.path, err}
	}
	v, err := s.pickle.Load()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, &FormatError{s.path, err}
	}
	return v, nil
}

// until reads a file for as long as ctx lasts: a large pickle takes seconds.
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

// settle holds documents, positions and vectors against each other.
func (s *Store) settle(docs, mapping pickle.Value) error {
	if err := s.docs.settle(docs, mapping); err != nil {
		return &FormatError{s.path, err}
	}
	if s.Index == nil {
		return nil
	}
	if n := int64(s.Len()); n != s.Index.Ntotal {
		return &FormatError{s.path, fmt.Errorf("%d positions in index_to_docstore_id and %d vectors in the index", n, s.Index.Ntotal)}
	}
	for i := range s.docs.positions {
		if own, label := s.docs.label(i), s.Index.Label(int64(i)); own != label {
			return &FormatError{s.path, fmt.Errorf("index_to_docstore_id has the position %d and the index %d", own, label)}
		}
	}
	return nil
}

// Len is how many documents there are, counting one for each vector.
func (s *Store) Len() int { return len(s.docs.positions) }

// Remarks are what is worth knowing about a store beside its documents, once
// these were read.
func (s *Store) Remarks() (all []string) {
	say := func(n int, one, many string) {
		if n == 1 {
			all = append(all, "1 "+one)
		} else if n > 1 {
			all = append(all, fmt.Sprintf("%d %s", n, many))
		}
	}
	seen := make([]bool, len(s.docs.ids))
	pointed := 0
	for _, doc := range s.docs.positions {
		if !seen[doc] {
			seen[doc] = true
			pointed++
		}
	}
	say(len(s.docs.byOdd), "document has an id that is no text: see docs/langchain.md", "documents have ids that are no texts: see docs/langchain.md")
	say(s.mapped, "document has metadata values that JSON has no type for: see docs/langchain.md",
		"documents have metadata values that JSON has no type for: see docs/langchain.md")
	say(len(s.docs.positions)-pointed, "vector points to a document that another one points to: it came as ID#2",
		"vectors point to documents that others point to: they came as ID#2 and so on")
	say(len(seen)-pointed, "document has no vector and was left out", "documents have no vector and were left out")
	say(s.pickle.Halves(), "text held half of a surrogate pair: U+FFFD stands in its place",
		"texts held halves of surrogate pairs: U+FFFD stands in their place")
	if s.Index != nil {
		all = append(all, s.Index.Remarks()...)
	}
	return all
}

// Documents yields the documents in the order of the index, once. Where
// several vectors point to one document, it comes once for each, from the
// second time on as ID#2, ID#3 and so on.
func (s *Store) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		next := func() ([]float32, error, bool) { return nil, nil, true }
		if s.Index != nil {
			n, stop := iter.Pull2(s.Index.Vectors())
			defer stop()
			next = n
		}
		again := map[uint32]int{}
		seen := make([]bool, len(s.docs.ids))
		for _, doc := range s.docs.positions {
			vector, err, _ := next()
			if err = ofIndex(err); err == nil {
				err = ctx.Err()
			}
			var d Document
			var mapped bool
			if err == nil {
				d, mapped, err = s.document(doc)
			}
			if err != nil {
				yield(Document{}, err)
				return
			}
			if d.Vector = vector; seen[doc] {
				d.ID = s.another(d.ID, again, doc)
			} else if mapped {
				s.mapped++
			}
			seen[doc] = true
			if !yield(d, nil) {
				return
			}
		}
	}
}

// another is an id for the next vector of a document.
func (s *Store) another(id string, again map[uint32]int, doc uint32) string {
	for {
		again[doc]++
		other := id + "#" + strconv.Itoa(again[doc]+1)
		if !s.docs.taken(other) {
			return other
		}
	}
}

// document reads one; mapped tells that JSON has no type for some of its metadata.
func (s *Store) document(i uint32) (d Document, mapped bool, err error) {
	d.ID = s.docs.id(i)
	state, err := s.pickle.State(s.docs.places[i])
	var c content
	if err == nil {
		c, err = contentOf(state)
	}
	if err == nil {
		d.Text = c.text
		d.Metadata, mapped, err = c.json()
	}
	if err != nil {
		return d, false, &FormatError{s.path, fmt.Errorf("document %q: %w", d.ID, err)}
	}
	return d, mapped, nil
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
