package langchain

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"sheaf/internal/pickle"
)

// What the documents of a store may weigh ([pickle.Weight]), since values that a
// pickle has once and refers to are written out for each document: the metadata
// of one document, and all documents, which is the larger of a fixed size and of
// a multiple of the file's.
const (
	maxMetadata      = 16 << 20
	minExpanded      = 64 << 20
	DefaultExpansion = 16
	documentWeight   = 128 // beside text and metadata
)

// ExpansionError says that a file is small beside the documents that it stands
// for, because they share texts or metadata.
type ExpansionError struct{ Limit int64 }

func (e *ExpansionError) Error() string {
	return fmt.Sprintf("its documents share what they are made of, and would take more than %d MB when each is written out", e.Limit>>20)
}

// spool is a temporary file of documents. They are added in the order of the
// pickle and read in the order of the index, which only comes after them.
type spool struct {
	f     *os.File
	w     *bufio.Writer
	size  int64
	err   error // the first error of the file, which is not the pickle's
	limit int64 // of the sum of weights
	sum   int64

	onUnknown    OnUnknown
	unknown      int    // documents with values of classes that are not known
	unknownClass string // the first such class
	members      int    // documents with members of enums that are not known
	enum         string // the first of those enums

	buffer []byte // of the document that is added
	window []byte // of the file, from the offset start on
	start  int64
}

// record is the place of a document in the spool.
type record struct {
	at     int64
	size   uint32 // 0: the document is skipped
	weight uint32
}

// newSpool makes a spool whose documents may weigh limit bytes. Its file has no
// name, so that nothing is left of it whatever happens.
func newSpool(limit int64, onUnknown OnUnknown) (*spool, error) {
	f, err := os.CreateTemp("", "sheaf-import-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &spool{f: f, w: bufio.NewWriterSize(f, 1<<18), limit: limit, onUnknown: onUnknown}, nil
}

// headSize is the size of what precedes the text of a document: the length of the
// text, and whether its metadata have types that JSON does not have.
const headSize = 5

// add appends the document with a state, and returns its record.
func (s *spool) add(state *pickle.Dict) (pickle.Value, error) {
	c, err := contentOf(state)
	if err != nil {
		return nil, err
	}
	r := record{at: s.size}
	b, err := s.encode(c)
	if err != nil {
		return nil, err
	}
	weight := documentWeight + int64(len(c.text))
	if c.metadata != nil {
		weight += pickle.Weight(c.metadata)
	}
	if s.sum += weight; s.sum > s.limit {
		return nil, &ExpansionError{s.limit}
	}
	r.size, r.weight = uint32(len(b)), uint32(weight)
	s.size += int64(len(b))
	if _, err := s.w.Write(b); err != nil {
		s.err = err
	}
	return r, s.err
}

// encode returns a document as it is in the file, valid until the next call. It
// returns nothing for a document that is skipped.
func (s *spool) encode(c content) (b []byte, err error) {
	b = binary.LittleEndian.AppendUint32(s.buffer[:0], uint32(len(c.text)))
	b = append(append(b, 0), c.text...)
	var notes pickle.Notes
	switch {
	case c.metadata == nil:
		b = append(b, "{}"...)
	case pickle.Weight(c.metadata) > maxMetadata:
		return nil, fmt.Errorf("a document whose metadata would take more than %d MB", maxMetadata>>20)
	default:
		if b, notes, err = pickle.AppendJSON(b, c.metadata); err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
	}
	if notes.Mapped {
		b[headSize-1] = 1
	}
	s.buffer = b
	return s.judge(b, notes)
}

// judge returns what becomes of a document with values of classes that are not known.
func (s *spool) judge(b []byte, notes pickle.Notes) ([]byte, error) {
	switch {
	case notes.Unknown == "":
		return b, nil
	case notes.Opaque == "":
		s.members++
		s.enum = cmp.Or(s.enum, notes.Unknown)
		return b, nil
	}
	s.unknown++
	s.unknownClass = cmp.Or(s.unknownClass, notes.Opaque)
	switch s.onUnknown {
	case SkipUnknown:
		return nil, nil
	case TextUnknown:
		return b, nil
	}
	return nil, &pickle.UnknownClassError{Name: notes.Opaque, Streamed: true}
}

// readAhead is how much is read at once: enough for documents that follow one
// another, and not too much for those that do not.
const readAhead = 32 << 10

// read returns a document without its id; mapped reports whether JSON does not
// have the types of some of its metadata.
func (s *spool) read(r record) (d Document, mapped bool, err error) {
	at, size := r.at-s.start, int64(r.size)
	if at < 0 || at+size > int64(len(s.window)) {
		if err := s.w.Flush(); err != nil {
			return d, false, err
		}
		n := min(max(size, readAhead), s.size-r.at)
		s.window, s.start, at = slices.Grow(s.window[:0], int(n))[:n], r.at, 0
		if _, err := s.f.ReadAt(s.window, r.at); err != nil {
			return d, false, fmt.Errorf("reading a temporary file: %w", err)
		}
	}
	b := s.window[at:][:size]
	text := headSize + int(binary.LittleEndian.Uint32(b))
	d.Text, d.Metadata = string(b[headSize:text]), bytes.Clone(b[text:])
	return d, b[headSize-1] == 1, nil
}
