package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// The index of words says which documents have a term. It is made of segments, see
// package postings, which follow each other in the order of their documents. A commit
// adds those of its documents in its transaction; then segments of like size are
// merged. So that a writer need not hold a transaction open for long, it inserts pages
// first: those that no segment has, and segments of documents that are not committed,
// are what a killed writer left.

// wordState is the row of table words.
type wordState struct {
	tokenizer int64 // the version of the rules by which texts have terms, or noTokenizer
	count     int64 // documents numbered below it are in the segments
}

// noTokenizer marks a store that is to have no index of words.
const noTokenizer = 0

// complete reports whether all documents are in the index of words, by the rules of
// this version.
func (st *state) complete() bool {
	return st.words.tokenizer == words.Version && st.words.count == st.count
}

// beginWords makes the row of table words: no document is indexed yet.
func (t *tx) beginWords(f engine.Facts) error {
	t.words = wordState{tokenizer: words.Version}
	if f.NoWords {
		t.words.tokenizer = noTokenizer
	}
	return t.saveWords()
}

func (t *tx) saveWords() error {
	return t.Exec(`REPLACE INTO words VALUES (1, ?, ?)`, t.words.tokenizer, t.words.count)
}

// wordStage collects the terms of documents that are staged. A nil one does nothing.
type wordStage struct {
	schema  string // of the tables that the segments go to
	builder postings.Builder
	texts   termFinder
}

// finder returns one for another goroutine.
func (s *wordStage) finder() *termFinder {
	if s == nil {
		return nil
	}
	return new(termFinder)
}

// of returns the terms of a text.
func (s *wordStage) of(text string) []uint64 {
	if s == nil {
		return nil
	}
	return s.texts.append(nil, text)
}

func newWordStage(st *state) *wordStage {
	if st.facts.NoWords {
		return nil
	}
	return &wordStage{schema: "main"}
}

// add adds a document's terms.
func (s *wordStage) add(t *tx, n int64, terms []uint64) error {
	if s == nil {
		return nil
	}
	if !s.builder.Fits(uint32(n)) {
		if err := s.flush(t); err != nil {
			return err
		}
	}
	s.builder.Add(uint32(n), slices.Values(terms))
	return nil
}

// flush writes a segment of the documents that were added since the last one.
func (s *wordStage) flush(t *tx) error {
	if s.builder.Empty() {
		return nil
	}
	first, err := t.nextPage(s.schema)
	if err != nil {
		return err
	}
	next := first
	made, err := s.builder.Flush(func(page []byte) error {
		next++
		return t.insertPage(s.schema, next-1, page)
	})
	if err != nil {
		return err
	}
	return t.insertSegment(s.schema, segment{made, first})
}

// commit makes the index cover all documents of the next state.
func (s *wordStage) commit(t *tx, next *state) error {
	if s == nil {
		return nil
	}
	if err := s.flush(t); err != nil {
		return err
	}
	next.words.count = next.count
	return t.Exec(`UPDATE words SET count = ?`, next.count)
}

// segment is a row of table segment: its pages are those from first on.
type segment struct {
	postings.Segment
	page int64
}

// checksum covers every column of the row.
func (s segment) checksum() int64 {
	var b []byte
	for _, n := range []int64{s.page, int64(s.First), int64(s.Last), s.Documents, s.Tokens} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return int64(column.Checksum(append(b, s.Directory...)))
}

func (t *tx) insertSegment(schema string, s segment) error {
	return t.Exec(`INSERT INTO `+schema+`.segment VALUES (?, ?, ?, ?, ?, ?, ?)`,
		s.page, s.First, s.Last, s.Documents, s.Tokens, s.Directory, s.checksum())
}

// segments are those of documents below a number, in their order.
func (t *tx) segments(schema string, below int64) (all []segment, err error) {
	query := `SELECT page, first, last, documents, tokens, directory, crc FROM ` + schema + `.segment WHERE first < ? ORDER BY first`
	for row, err := range t.Query(query, below) {
		if err != nil {
			return nil, err
		}
		s := segment{postings.Segment{
			First: uint32(row.Int64(1)), Last: uint32(row.Int64(2)),
			Documents: row.Int64(3), Tokens: row.Int64(4), Directory: row.Bytes(5),
		}, row.Int64(0)}
		if s.checksum() != row.Int64(6) || s.Validate() != nil || int64(s.Last) >= below {
			return nil, t.damagedWords("a segment fails its checksum")
		}
		all = append(all, s)
	}
	return all, nil
}

// nextPage is the number of the next page to be inserted.
func (t *tx) nextPage(schema string) (int64, error) {
	return t.Int64(`SELECT coalesce(max(page), -1) + 1 FROM ` + schema + `.page`)
}

func (t *tx) insertPage(schema string, number int64, bits []byte) error {
	return t.Exec(`INSERT INTO `+schema+`.page VALUES (?, ?, ?)`, number, bits, int64(column.Checksum(bits)))
}

// page reads a page of a segment, counted from 0.
func (t *tx) page(schema string, s *segment, i int) (bits []byte, err error) {
	number := s.page + int64(i)
	for row, err := range t.Query(`SELECT bits, crc FROM `+schema+`.page WHERE page = ?`, number) {
		if err != nil {
			return nil, err
		}
		if bits = row.Bytes(0); int64(column.Checksum(bits)) != row.Int64(1) {
			return nil, t.damagedWords("page %d fails its checksum", number)
		}
		return bits, nil
	}
	return nil, t.damagedWords("page %d is missing", number)
}

// damagedWords is an error of the index of words, which can be made anew.
func (t *tx) damagedWords(format string, args ...any) error {
	err := damaged(t.path, "its index of words: "+format, args...)
	var f *engine.FormatError
	if errors.As(err, &f) {
		f.Remedy = remedyRepair
	}
	return err
}

// segmentSums tell apart what the index of words was at two times: a segment has a page
// of its own and the checksum of what else it is.
func (t *tx) segmentSums() (sums [][2]int64, err error) {
	for row, err := range t.Query(`SELECT page, crc FROM main.segment WHERE first < ? ORDER BY first`, t.words.count) {
		if err != nil {
			return nil, err
		}
		sums = append(sums, [2]int64{row.Int64(0), row.Int64(1)})
	}
	return sums, nil
}

// wordIndex is the index of words, whose pages are read in the transaction that reading
// gives. Documents that are dead are left out of what it says.
func (t *tx) wordIndex(reading func() *tx) (*postings.Index, error) {
	all, err := t.segments("main", t.words.count)
	if err != nil {
		return nil, err
	}
	x := &postings.Index{Documents: t.state.documents, Alive: t.aliveBits(), Last: words.Last}
	for _, s := range all {
		x.Sources = append(x.Sources, wordSource(reading, s))
	}
	return x, nil
}

// wordSource reads a segment in the transaction that reading gives.
func wordSource(reading func() *tx, s segment) postings.Source {
	return postings.Source{Segment: s.Segment, Page: func(i int) ([]byte, error) { return reading().page("main", &s, i) }}
}

// aliveBits says which documents are visible; nil where all are.
func (st *state) aliveBits() postings.Alive {
	if st.documents == st.count {
		return nil
	}
	return append(postings.Alive{}, roaring.AndNot(st.present, st.dead).ToDense()...)
}

// deletePages is how many pages are deleted in one transaction: some 16 MiB.
const deletePages = 512

// deleteUnused deletes segments of documents that are not committed, and up to
// deletePages pages that no segment has. It reports whether there may be more.
func (t *tx) deleteUnused() (more bool, err error) {
	if err := t.Exec(`DELETE FROM main.segment WHERE first >= ?`, t.words.count); err != nil {
		return false, err
	}
	gaps, err := t.pageGaps()
	if errors.As(err, new(*engine.FormatError)) {
		return false, nil // what is damaged is made anew by a repair
	}
	for _, gap := range gaps {
		if err != nil || more {
			return more, err
		}
		const query = `DELETE FROM main.page WHERE page IN (SELECT page FROM main.page WHERE page >= ? AND page < ? LIMIT ?)`
		if err = t.Exec(query, gap[0], gap[1], deletePages); err == nil {
			more, err = t.anyPage(gap)
		}
	}
	return more, err
}

// pageGaps are the ranges of page numbers, from one to before another, that no segment
// has.
func (t *tx) pageGaps() (gaps [][2]int64, err error) {
	all, err := t.segments("main", t.words.count)
	slices.SortFunc(all, func(a, b segment) int { return cmp.Compare(a.page, b.page) })
	next := int64(0)
	for _, s := range all {
		gaps = append(gaps, [2]int64{next, s.page})
		next = s.page + int64(s.Pages())
	}
	return append(gaps, [2]int64{next, math.MaxInt64}), err
}

// anyPage reports whether there is a page from one number to before another.
func (t *tx) anyPage(gap [2]int64) (bool, error) {
	n, err := t.Int64(`SELECT EXISTS (SELECT 1 FROM main.page WHERE page >= ? AND page < ?)`, gap[0], gap[1])
	return n != 0, err
}
