package lists

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"sheaf/internal/column"
	"sheaf/internal/vector"
)

// Origin names the codes that lie in lists: a file of codes, of an index file of a store.
type Origin struct {
	Store        [16]byte
	Index, Codes int64
	Dim          int
}

// Kind says where the questions of a sample are from.
type Kind uint32

// The kinds.
const (
	Asked     Kind = 1 // questions of users
	Sentences Kind = 2 // first sentences of the store's texts, embedded as questions
	Moved     Kind = 3 // rows, moved as far as questions are from what answers them
)

// File is what a store remembers of its lists.
type File struct {
	Origin
	Lists
	Documents int64 // of the rows in lists, how many had a document
	Kind      Kind
	Questions []float32 // the sample
	Promise   float64   // the recall that was asked for
	Curves    []Curve
}

// head is the beginning of a file. It is followed by the points of the curves, of each depth
// as many; the ends of the lists, as int64; the centroids; the CRC-32C of all before it; the
// questions; their CRC-32C.
type head struct {
	Magic                         [8]byte
	Store                         [16]byte
	Index, Codes, Documents       int64
	Dim, Lists, Points, Questions uint32
	Kind                          uint32
	Depths                        [len(Depths)]uint32
	Promise                       float64
}

const magic = "sheafli1"

func (h *head) points() int { return len(Depths) * int(h.Points) }

// searched is how many bytes a search reads, size how many there are.
func (h *head) searched() int64 {
	return int64(binary.Size(h)) + int64(h.points()*binary.Size(Point{})) +
		int64(h.Lists)*8 + int64(h.Lists)*int64(h.Dim)*vector.Size + 4
}

func (h *head) size() int64 {
	return h.searched() + int64(h.Questions)*int64(h.Dim)*vector.Size + 4
}

// Append appends the bytes of the file to b.
func (f *File) Append(b []byte) ([]byte, error) {
	h := head{
		Store: f.Store, Index: f.Index, Codes: f.Codes, Documents: f.Documents, Dim: uint32(f.Dim), Lists: uint32(len(f.Ends)),
		Points: uint32(len(f.Curves[0])), Questions: uint32(len(f.Questions) / f.Dim), Kind: uint32(f.Kind), Promise: f.Promise,
	}
	copy(h.Magic[:], magic)
	for i, depth := range Depths {
		h.Depths[i] = uint32(depth)
	}
	first := len(b)
	b, err := binary.Append(b, binary.LittleEndian, h)
	for _, curve := range f.Curves {
		if err == nil {
			b, err = binary.Append(b, binary.LittleEndian, curve)
		}
	}
	if err == nil {
		b, err = binary.Append(b, binary.LittleEndian, f.Ends)
	}
	b = append(b, vector.Bytes(f.Centroids)...)
	b = binary.LittleEndian.AppendUint32(b, column.Checksum(b[first:]))
	b = append(b, vector.Bytes(f.Questions)...)
	return binary.LittleEndian.AppendUint32(b, column.Checksum(vector.Bytes(f.Questions))), err
}

// Read reads the file at path, which must belong to the store of o and its dim; of which
// codes it tells is for the caller to look at. questions says whether those are wanted. A
// file that is missing, or not one, is a *column.DamageError.
func Read(path string, o Origin, questions bool) (*File, error) {
	damaged := func(format string, args ...any) error {
		return &column.DamageError{Path: path, Problem: fmt.Sprintf(format, args...)}
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, damaged("it is missing")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, damaged("it is not a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var h head
	if err := binary.Read(file, binary.LittleEndian, &h); err != nil {
		return nil, damaged("its header cannot be read: %v", err)
	}
	if problem := h.problem(o, info.Size()); problem != "" {
		return nil, damaged("%s", problem)
	}
	size := h.searched()
	if questions {
		size = h.size()
	}
	x := make([]float32, size/vector.Size)
	if _, err := file.ReadAt(vector.Bytes(x), 0); err != nil {
		return nil, damaged("it cannot be read: %v", err)
	}
	f, err := h.parse(x)
	if err != nil {
		return nil, damaged("%v", err)
	}
	return f, nil
}

// problem says what is wrong with the header of a file of size bytes; "" where nothing is.
func (h *head) problem(o Origin, size int64) string {
	const most = 1 << 24 // lists and questions, so that sizes are far from overflowing
	switch {
	case string(h.Magic[:]) != magic:
		return "it is no file of lists"
	case h.Store != o.Store:
		return "it belongs to another store"
	case h.Dim != uint32(o.Dim):
		return fmt.Sprintf("it has dim %d, the store %d", h.Dim, o.Dim)
	case h.Lists == 0 || h.Lists > most || h.Points > most || h.Questions > most || h.size() != size:
		return "its size is not what its header says"
	}
	for i, depth := range Depths {
		if h.Depths[i] != uint32(depth) {
			return "it was measured in another way"
		}
	}
	return ""
}

// parse reads the bytes of a file, with the questions or without, of which it keeps the
// vectors: all that is before them has a multiple of their size.
func (h *head) parse(x []float32) (*File, error) {
	b := vector.Bytes(x)
	f := &File{
		Origin: Origin{h.Store, h.Index, h.Codes, int(h.Dim)}, Documents: h.Documents, Kind: Kind(h.Kind), Promise: h.Promise, Curves: make([]Curve, len(Depths)),
	}
	rest := b[binary.Size(h):]
	take := func(n int) []byte {
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	vectors := func(n uint32) []float32 {
		at := (len(b) - len(rest)) / vector.Size
		take(vector.Size * int(n) * f.Dim)
		return x[at:][:int(n)*f.Dim]
	}
	for i := range f.Curves {
		f.Curves[i] = make(Curve, h.Points)
		if _, err := binary.Decode(take(binary.Size(f.Curves[i])), binary.LittleEndian, f.Curves[i]); err != nil {
			return nil, err
		}
	}
	f.Ends = make([]int64, h.Lists)
	if _, err := binary.Decode(take(8*len(f.Ends)), binary.LittleEndian, f.Ends); err != nil {
		return nil, err
	}
	if f.Ends[0] < 0 || !slices.IsSorted(f.Ends) {
		return nil, errors.New("its lists do not follow one another")
	}
	for _, curve := range f.Curves {
		if slices.ContainsFunc(curve, func(p Point) bool { return p.Lists < 0 || p.Lists > int32(len(f.Ends)) }) {
			return nil, errors.New("its curves are about more lists than it has")
		}
	}
	f.Centroids = vectors(h.Lists)
	searched := b[:len(b)-len(rest)]
	if binary.LittleEndian.Uint32(take(4)) != column.Checksum(searched) {
		return nil, errors.New("it fails its checksum")
	}
	if len(rest) > 0 {
		f.Questions = vectors(h.Questions)
		if binary.LittleEndian.Uint32(rest) != column.Checksum(vector.Bytes(f.Questions)) {
			return nil, errors.New("its questions fail their checksum")
		}
	}
	return f, nil
}
