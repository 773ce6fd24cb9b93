package postings

import "math"

// Source is a segment that can be read.
type Source struct {
	Segment
	// Page returns a page, counted from 0. It is valid until the next call.
	Page func(i int) ([]byte, error)
}

// Lengths are the lengths of the documents from First on, as LengthByte gives them.
func (s *Source) Lengths() ([]byte, error) {
	lengths := make([]byte, 0, s.span())
	for i := range s.LengthPages() {
		page, err := s.Page(i)
		if err != nil {
			return nil, err
		}
		lengths = append(lengths, page...)
	}
	if int64(len(lengths)) != s.span() {
		return nil, ErrMalformed
	}
	return lengths, nil
}

// Merge makes one segment of several, which follow each other, without the documents
// that are not alive. Its pages are given to emit, which must not keep them.
// Memory is a page for each segment, and a byte for each document.
func Merge(sources []Source, alive Alive, emit func(page []byte) error) (Segment, error) {
	w := &merger{writer: newWriter(sources[0].First, sources[len(sources)-1].Last, emit)}
	if err := w.mergeLengths(sources, alive); err != nil {
		return w.segment, err
	}
	walks := make([]walk, len(sources))
	for i := range sources {
		walks[i] = walk{source: &sources[i], page: sources[i].LengthPages()}
		if err := walks[i].next(); err != nil {
			return w.segment, err
		}
	}
	for {
		term := uint64(ended)
		for i := range walks {
			term = min(term, walks[i].term)
		}
		if term == ended {
			return w.end()
		}
		for i := range walks {
			if err := w.take(&walks[i], term, alive); err != nil {
				return w.segment, err
			}
		}
	}
}

// merger writes what it merges.
type merger struct {
	writer
	read []Posting // of the entry that is looked at
}

// mergeLengths writes the lengths of the documents that are left.
func (w *merger) mergeLengths(sources []Source, alive Alive) error {
	all := make([]byte, w.segment.span())
	for i := range sources {
		lengths, err := sources[i].Lengths()
		if err != nil {
			return err
		}
		for j, b := range lengths {
			if document := sources[i].First + uint32(j); b > 0 && alive.has(document) {
				all[document-w.segment.First] = b
			}
		}
	}
	return w.lengths(all)
}

// take adds the postings of a term that a source has.
func (w *merger) take(from *walk, term uint64, alive Alive) error {
	for from.term == term {
		var err error
		if w.read, err = from.entry.appendTo(w.read[:0]); err != nil {
			return err
		}
		for _, posting := range w.read {
			if !alive.has(posting.Document) {
				continue
			}
			if err := w.add(term, posting); err != nil {
				return err
			}
		}
		if err := from.next(); err != nil {
			return err
		}
	}
	return nil
}

// Each calls f with every posting of the segment, in the order of terms and documents.
func (s *Source) Each(f func(term uint64, p Posting)) error {
	w := walk{source: s, page: s.LengthPages()}
	var list []Posting
	for {
		if err := w.next(); err != nil || w.term == ended {
			return err
		}
		var err error
		if list, err = w.entry.appendTo(list[:0]); err != nil {
			return err
		}
		for _, p := range list {
			f(w.term, p)
		}
	}
}

// walk goes over the entries of a source.
type walk struct {
	source *Source
	page   int // the next one
	bytes  []byte
	entry  cursor
	term   uint64 // of the entry, or ended
}

// ended is no term.
const ended = math.MaxUint64

// next goes to the next entry.
func (w *walk) next() error {
	for {
		more, err := w.entry.next()
		if err != nil || more {
			w.term = w.entry.term
			return err
		}
		if w.page == w.source.Pages() {
			w.term = ended
			return nil
		}
		page, err := w.source.Page(w.page)
		if err != nil {
			return err
		}
		w.bytes = append(w.bytes[:0], page...)
		w.entry = cursor{segment: &w.source.Segment, page: w.bytes}
		w.page++
	}
}

const (
	// mergeFactor is how many segments of a size make one of the next.
	mergeFactor = 8
	// smallest is the number of tokens up to which segments are of the first size.
	smallest = 1 << 15
)

// Due says which of a store's segments should be merged: those from an index on.
// It is their number where none should. Each size is mergeFactor times the one before it,
// and a store has fewer than mergeFactor segments of each; so a posting is written
// anew as many times as there are sizes.
func Due(segments []Segment) int {
	due := len(segments)
	size := 0 // that of the segments looked at
	alike := 0
	for i := len(segments) - 1; i >= 0; i-- {
		if s := sizeOf(segments[i].Tokens); s > size {
			size, alike = s, 0
		}
		if alike++; alike >= mergeFactor {
			due = i
		}
	}
	return due
}

func sizeOf(tokens int64) (size int) {
	for tokens > smallest {
		tokens /= mergeFactor
		size++
	}
	return size
}
