package langchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"syscall"

	"sheaf/internal/faiss"
	"sheaf/internal/vector"
)

// Options say how a store is read.
type Options struct {
	// Foreign starts a process that calls [Serve] for size bytes of f from
	// offset on, and returns its output. Close of that must end the process.
	Foreign func(ctx context.Context, f *os.File, offset, size int64) (io.ReadCloser, error)
	// TextsOnly leaves the index unread: the documents come without vectors.
	TextsOnly bool
	// Expansion is the number of times the size of the pickle that its documents
	// may take when each is written out; 0: [DefaultExpansion]. 64 MiB are always
	// allowed.
	Expansion int
	// OnUnknown says what becomes of documents with values of classes that are not
	// known; "": [FailUnknown].
	OnUnknown OnUnknown
}

// OnUnknown is what becomes of a document whose metadata have a value of a class
// that is not known.
type OnUnknown string

const (
	FailUnknown OnUnknown = "fail" // nothing is read
	SkipUnknown OnUnknown = "skip" // the document is left out
	TextUnknown OnUnknown = "text" // the value becomes what its class was called with, or a text
)

// Index is a Faiss index of a type whose vectors can be read.
type Index struct {
	Type      string // the C++ class, such as "IndexFlatL2"
	Dim       int
	Ntotal    int64
	Metric    faiss.Metric // not always one that sheaf has
	Transform faiss.Transform
	Exact     bool  // the vectors are read as they were added or normalized
	Tail      int64 // bytes after the index, which Faiss ignores

	path   string
	labels []int64 // in ascending order; nil: 0, 1, 2 and so on
	floats io.Reader
	block  []float32 // the memory of what was read last
	ahead  []float32 // of it, what was not returned yet
	broken error     // why nothing follows that
	read   int64     // how many vectors were returned
	close  func() error
}

// OpenIndex opens an index file. The caller must close it.
func OpenIndex(ctx context.Context, path string, o Options) (*Index, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	x, err := openIndex(ctx, f, 0, size, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	inner := x.close
	x.close = func() error { defer f.Close(); return inner() }
	return x, nil
}

// openFile opens a regular file. It does not wait for the writer of a pipe.
func openFile(path string) (f *os.File, size int64, err error) {
	f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &FormatError{path, errors.New("it is no file")}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// openIndex opens the index in a part of f. It does not close f.
func openIndex(ctx context.Context, f *os.File, offset, size int64, o Options) (*Index, error) {
	part := io.NewSectionReader(f, offset, size)
	h, err := faiss.ReadFileHeader(part, size)
	if err != nil {
		return nil, &FormatError{f.Name(), err}
	}
	x := &Index{Type: h.Type, Dim: h.D, Ntotal: h.Ntotal, Metric: h.Metric, Exact: true, path: f.Name(), close: func() error { return nil }}
	if h.Floats > 0 {
		x.Tail = size - h.End()
		x.floats = io.NewSectionReader(part, h.Floats, h.End()-h.Floats)
		return x, nil
	}
	if err := x.openForeign(ctx, f, offset, size, o); err != nil {
		return nil, &FormatError{f.Name(), err}
	}
	return x, nil
}

// Remarks returns what is worth knowing about the index beside its vectors.
func (x *Index) Remarks() (all []string) {
	if x.Transform == faiss.Normalized {
		all = append(all, x.Type+" brings vectors and questions to length 1, and so does a store that is made of it, unless --normalize=false")
	}
	switch {
	case x.Transform == faiss.Shortened:
		all = append(all, x.Type+" keeps vectors of fewer numbers, which were brought back to their length: every score under l2 is larger "+
			"by what it left out of the question, so thresholds have to be chosen anew; the order is the same")
	case !x.Exact:
		all = append(all, fmt.Sprintf("%s keeps approximations of vectors: those are what came, and scores differ a little", x.Type))
	}
	if x.Tail > 0 {
		all = append(all, fmt.Sprintf("%d bytes follow the index; they were ignored, as Faiss does", x.Tail))
	}
	return all
}

// Close ends the reading of the index.
func (x *Index) Close() error { return x.close() }

// Label returns the id of the i-th vector in the index.
func (x *Index) Label(i int64) int64 {
	if x.labels == nil {
		return i
	}
	return x.labels[i]
}

// Vectors yields the vectors in the order of their labels, once. Each is valid until the
// next.
func (x *Index) Vectors() iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for x.read < x.Ntotal {
			if v, err := x.next(); !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// next returns the next vector, valid until the one after it. There must be one.
func (x *Index) next() ([]float32, error) {
	if len(x.ahead) == 0 && x.broken == nil {
		x.fill()
	}
	if len(x.ahead) == 0 {
		return nil, x.about(x.broken)
	}
	v := x.ahead[:x.Dim]
	x.ahead = x.ahead[x.Dim:]
	if err := vector.Check(v); err != nil {
		return nil, x.about(err)
	}
	x.read++
	return v, nil
}

// about returns err as one about the next vector.
func (x *Index) about(err error) error {
	return &FormatError{x.path, fmt.Errorf("vector %d of %d: %w", x.read+1, x.Ntotal, err)}
}

// blockBytes is how much of an index is read at once, rounded down to whole vectors.
const blockBytes = 1 << 20

// fill reads some vectors ahead.
func (x *Index) fill() {
	rows := min(int64(max(blockBytes/(vector.Size*x.Dim), 1)), x.Ntotal-x.read)
	if x.block == nil {
		x.block = make([]float32, rows*int64(x.Dim))
	}
	x.ahead = x.block[:rows*int64(x.Dim)]
	n, err := io.ReadFull(x.floats, vector.Bytes(x.ahead))
	x.ahead, x.broken = x.ahead[:n/(vector.Size*x.Dim)*x.Dim], err
}
