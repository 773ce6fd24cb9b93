// Package postings keeps, for each term, the documents that have it and how often, and
// ranks documents by BM25. It knows terms and documents as numbers, and leaves it to
// its caller to keep pages.
//
// A Segment holds the postings of documents whose numbers lie from First to Last. It is
// never changed: a Builder makes one of documents, Merge makes one of several that
// follow each other. It consists of pages, which are handed out one after another:
//
//   - pages of lengths, a byte for each number from First on (see LengthByte), each but
//     the last of PageSize bytes; 0 stands for a number without a document;
//   - pages of postings, some PageSize bytes each: entries in the order of their terms.
//
// An entry is the difference to the term before it in the page (the first: the term), the
// length of its list in bytes, and the list. A list has for each document twice the
// difference to the number before it (the first: to First), plus 1 where the term occurs
// several times; then how often follows. All of these are unsigned varints as those of
// encoding/binary. A list that is too long for a page goes on in the next one with an
// entry of the same term. Segment.Directory has the first term of each page of postings.
//
// Pages are not believed: what is malformed is ErrMalformed and never a panic. That
// their bytes are those that were written is for the caller to know.
package postings

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sort"
)

// PageSize is how many bytes a page has, about.
const PageSize = 32 << 10

// TermBits is the width of a term.
const TermBits = 48

// termBytes is the size of a term in a directory, least byte first.
const termBytes = TermBits / 8

// ErrMalformed says that a page or a directory is not as this package writes them.
var ErrMalformed = errors.New("malformed postings")

// Segment describes a segment. Its numbers are bounded by 2^32.
type Segment struct {
	First, Last uint32 // the numbers of documents that it may hold
	Documents   int64  // how many it holds
	Tokens      int64  // the sum of their lengths, as LengthByte keeps them
	Directory   []byte // the first term of each page of postings
}

// Validate reports whether a segment that was read can be one.
func (s *Segment) Validate() error {
	if s.First > s.Last || s.Documents < 0 || s.Documents > s.span() || s.Tokens < 0 || len(s.Directory)%termBytes != 0 {
		return ErrMalformed
	}
	return nil
}

func (s *Segment) span() int64 { return int64(s.Last) - int64(s.First) + 1 }

// Pages is how many pages the segment has.
func (s *Segment) Pages() int { return s.LengthPages() + s.listPages() }

// LengthPages is how many of its pages, the first ones, are those of lengths.
func (s *Segment) LengthPages() int { return int((s.span() + PageSize - 1) / PageSize) }

func (s *Segment) listPages() int { return len(s.Directory) / termBytes }

// firstTerm is the first term of a page of postings, counted from 0.
func (s *Segment) firstTerm(page int) uint64 {
	var b [8]byte
	copy(b[:], s.Directory[page*termBytes:][:termBytes])
	return binary.LittleEndian.Uint64(b[:])
}

// PagesOf returns the pages, from one to before another, in which the terms from first to
// last are if the segment has them.
func (s *Segment) PagesOf(first, last uint64) (from, to int) {
	to = sort.Search(s.listPages(), func(i int) bool { return s.firstTerm(i) > last })
	from = sort.Search(to, func(i int) bool { return s.firstTerm(i) >= first })
	if from > 0 { // the page before it may end with the term
		from--
	}
	return s.LengthPages() + from, s.LengthPages() + to
}

// Posting says that a document has a term so many times.
type Posting struct{ Document, Count uint32 }

// AppendList appends what a page of the segment says of the terms from first to last to a
// list, one term after the other.
func (s *Segment) AppendList(list []Posting, page []byte, first, last uint64) ([]Posting, error) {
	for c := (cursor{segment: s, page: page}); ; {
		more, err := c.next()
		if err == nil && more && c.term >= first && c.term <= last {
			list, err = c.appendTo(list)
		}
		if err != nil || !more || c.term > last {
			return list, err
		}
	}
}

// cursor walks over the entries of a page.
type cursor struct {
	segment *Segment
	page    []byte // what is left of it
	term    uint64
	list    []byte // of the entry
}

// next goes to the next entry, if there is one.
func (c *cursor) next() (bool, error) {
	if len(c.page) == 0 {
		return false, nil
	}
	delta, n := binary.Uvarint(c.page)
	size, m := binary.Uvarint(c.page[max(n, 0):])
	if n <= 0 || m <= 0 || size > uint64(len(c.page)-n-m) || delta>>TermBits != 0 || (c.term+delta)>>TermBits != 0 {
		return false, ErrMalformed
	}
	c.term += delta
	c.list, c.page = c.page[n+m:][:size], c.page[n+m+int(size):]
	return true, nil
}

// appendTo appends the postings of the entry to a list.
func (c *cursor) appendTo(to []Posting) ([]Posting, error) {
	document, last := uint64(c.segment.First), uint64(c.segment.Last)
	for list := c.list; len(list) > 0; {
		x, n := uint64(list[0]), 1
		if x >= 0x80 {
			if x, n = binary.Uvarint(list); n <= 0 {
				return to, ErrMalformed
			}
		}
		list = list[n:]
		count := uint64(1)
		if x&1 != 0 {
			if count, n = binary.Uvarint(list); n <= 0 || count == 0 || count>>32 != 0 {
				return to, ErrMalformed
			}
			list = list[n:]
		}
		if document += x >> 1; document > last {
			return to, ErrMalformed
		}
		to = append(to, Posting{uint32(document), uint32(count)})
	}
	return to, nil
}

// writer makes the pages of a segment. Lengths come first, then postings in the order
// of terms and documents.
type writer struct {
	segment Segment
	emit    func(page []byte) error
	page    []byte
	before  uint64 // the term of the last entry of the page
	term    uint64 // that of the list
	list    []byte // of the next entry
	last    uint32 // the last document of the list
}

func newWriter(first, last uint32, emit func(page []byte) error) writer {
	return writer{segment: Segment{First: first, Last: last}, emit: emit, last: first}
}

// lengths writes the pages of lengths, as bytes.
func (w *writer) lengths(lengths []byte) error {
	for page := range slices.Chunk(lengths, PageSize) {
		for _, b := range page {
			if b > 0 {
				w.segment.Documents++
				w.segment.Tokens += int64(lengthOf[b])
			}
		}
		if err := w.emit(page); err != nil {
			return err
		}
	}
	return nil
}

// add adds a posting.
func (w *writer) add(term uint64, p Posting) error {
	if term != w.term || len(w.list) >= PageSize {
		if err := w.endList(); err != nil {
			return err
		}
		w.term, w.last = term, w.segment.First
	}
	delta := uint64(p.Document-w.last) << 1
	w.last = p.Document
	if p.Count == 1 {
		w.list = binary.AppendUvarint(w.list, delta)
		return nil
	}
	w.list = binary.AppendUvarint(binary.AppendUvarint(w.list, delta|1), uint64(p.Count))
	return nil
}

// endList makes an entry of the list.
func (w *writer) endList() error {
	if len(w.list) == 0 {
		return nil
	}
	if len(w.page)+len(w.list) > PageSize {
		if err := w.endPage(); err != nil {
			return err
		}
	}
	if len(w.page) == 0 {
		w.before = 0
		w.segment.Directory = binary.LittleEndian.AppendUint64(w.segment.Directory, w.term)[:len(w.segment.Directory)+termBytes]
	}
	w.page = binary.AppendUvarint(w.page, w.term-w.before)
	w.page = binary.AppendUvarint(w.page, uint64(len(w.list)))
	w.page = append(w.page, w.list...)
	w.before, w.list = w.term, w.list[:0]
	return nil
}

func (w *writer) endPage() error {
	if len(w.page) == 0 {
		return nil
	}
	err := w.emit(w.page)
	w.page = w.page[:0]
	return err
}

// end writes what is left and returns the segment.
func (w *writer) end() (Segment, error) {
	return w.segment, errors.Join(w.endList(), w.endPage())
}

// lengthBits is how many of a length's highest bits are kept below the first one.
const lengthBits = 4

// LengthByte is the length of a document as a segment keeps it: exact below 32, then by its
// five highest bits, up to 507,904. An empty document counts as one of length 1.
func LengthByte(length int) byte {
	length = min(max(length, 1), int(lengthOf[255]))
	shift := max(bits.Len(uint(length))-lengthBits-1, 0)
	if length < 1<<lengthBits {
		return byte(length)
	}
	return byte((shift+1)<<lengthBits | length>>shift&(1<<lengthBits-1))
}

// Length is what LengthByte keeps of a length.
func Length(length int) uint32 { return lengthOf[LengthByte(length)] }

// lengthOf is the length that a byte stands for.
var lengthOf = func() (lengths [256]uint32) {
	for b := range lengths {
		lengths[b] = uint32(b)
		if exponent := b >> lengthBits; exponent > 0 {
			lengths[b] = uint32(1<<lengthBits|b&(1<<lengthBits-1)) << (exponent - 1)
		}
	}
	return lengths
}()
