package postgres

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sheaf/internal/engine"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// A table that keeps words has a tsvector for each document, and an index of them. Their
// lexemes are the terms of package words, so that a text has the same in every engine. A
// lexeme has not its places but as many positions, from 1 on, as the text has the term:
// ts_rank tells how many, and BM25 is computed here by the functions of package postings.

// maxCount is how many positions a lexeme has at most.
const maxCount = 255

// maxLexemes is how many bytes of lexemes and positions a tsvector has at most, less one.
const maxLexemes = 1 << 20

// lexeme is a term as it is in a tsvector. All are of one length, so that their order is
// that of the terms.
func lexeme(term uint64) string { return string(appendLexeme(nil, term)) }

func appendLexeme(b []byte, term uint64) []byte {
	digits := strconv.AppendUint(make([]byte, 0, lexemeBytes), term, lexemeBase)
	return append(append(b, "0000000000"[len(digits):]...), digits...)
}

const (
	lexemeBase  = 36
	lexemeBytes = 10 // digits that a term has at most
)

// finder finds the terms of texts, one after the other.
type finder struct {
	tokenizer words.Tokenizer
	tokens    []words.Token
	terms     []uint64
}

// of returns the terms of a text in their order, as often as it has them. They are valid
// until the next call. A nil finder returns nil: the words of the text do not count.
func (f *finder) of(text string) []uint64 {
	if f == nil {
		return nil
	}
	f.tokens = f.tokenizer.Append(f.tokens[:0], text)
	f.terms = slices.Grow(f.terms[:0], max(1, len(f.tokens)))
	for _, token := range f.tokens {
		f.terms = append(f.terms, token.Term)
	}
	slices.Sort(f.terms)
	return f.terms
}

// lengthOf is the length of a text with the terms as BM25 knows it; 0 where words do not
// count.
func lengthOf(terms []uint64) uint32 {
	if terms == nil {
		return 0
	}
	return postings.Length(len(terms))
}

// appendWords appends the tsvector of ordered terms as tsvector_recv of PostgreSQL reads
// it: how many lexemes, and of each its text, a NUL and its positions.
func appendWords(b []byte, terms []uint64) []byte {
	start, lexemes := len(b), 0
	b = append(b, 0, 0, 0, 0)
	for i := 0; i < len(terms); lexemes++ {
		term, first := terms[i], i
		for i < len(terms) && terms[i] == term {
			i++
		}
		count := min(i-first, maxCount)
		b = append(appendLexeme(b, term), 0)
		b = binary.BigEndian.AppendUint16(b, uint16(count))
		for position := range count {
			b = binary.BigEndian.AppendUint16(b, uint16(position+1))
		}
	}
	binary.BigEndian.PutUint32(b[start:], uint32(lexemes))
	return b
}

// checkWords refuses a text with more words than a tsvector has room for.
func checkWords(id, text string) error {
	const most = lexemeBytes + 4 // that a term adds
	if len(text)*most < maxLexemes {
		return nil
	}
	size := len(appendWords(nil, new(finder).of(text))) // with a byte more for each lexeme
	if size < maxLexemes {
		return nil
	}
	return fmt.Errorf("document %q has more words than PostgreSQL's tsvector holds: split it, or make the table by sheaf init --no-words", id)
}

// posting says how often a document has a term, and how long the document is.
type posting struct{ n, count, length uint32 }

// index reads the words of a view. It keeps what it has read for the next query.
type index struct {
	*view
	finder finder
	lists  map[uint64][]posting
	kept   int // postings in lists

	sampled    *sample
	nearby     [][]engine.Candidate // of each query, where scan has found them
	scannedFor string               // the SQL of the condition
	scannedK   int

	looked   []int64               // how many documents the index gave for each query, 0: it is exact; nil: there is no index to go by
	narrowed map[string]*condition // by the SQL of conditions: see narrow
}

// maxKept is how many postings an index keeps: 48 MiB.
const maxKept = 4 << 20

// list returns the documents that have a term, in the order of insertion.
func (x *index) list(ctx context.Context, term uint64) (list []posting, err error) {
	if list, known := x.lists[term]; known {
		return list, nil
	}
	if words.Single(term) != 0 {
		list, err = x.single(ctx, term)
	} else {
		list, err = x.indexed(ctx, term)
	}
	if err != nil {
		return nil, err
	}
	if x.kept += len(list); x.kept > maxKept || x.lists == nil {
		x.lists, x.kept = map[uint64][]posting{}, len(list)
	}
	x.lists[term] = list
	return list, nil
}

// indexed returns the documents that the index of the words has for a term.
func (x *index) indexed(ctx context.Context, term uint64) (list []posting, err error) {
	const query = `SELECT n, length, ts_rank(words, $1::tsquery) FROM {documents} WHERE words @@ $1::tsquery ORDER BY n`
	var full []int64
	for r, err := range x.query(ctx, query, lexeme(term)) {
		if err != nil {
			return nil, err
		}
		p := posting{uint32(r.int(0)), countOf(math.Float32frombits(uint32(r.int(2)))), uint32(r.int(1))}
		if list = append(list, p); p.count == maxCount {
			full = append(full, int64(p.n))
		}
	}
	if len(full) > 0 {
		err = x.recount(ctx, term, list, full)
	}
	return list, err
}

// find returns where a list has a document.
func find(list []posting, n int64) (at int, has bool) {
	return slices.BinarySearchFunc(list, n, func(p posting, n int64) int { return cmp.Compare(int64(p.n), n) })
}

// single returns the documents that have a single character. No index tells them: its terms
// are pairs.
func (x *index) single(ctx context.Context, term uint64) (list []posting, err error) {
	const query = `SELECT n, length, text FROM {documents} WHERE words IS NOT NULL AND strpos(normalize(text, NFKC), $1) > 0 ORDER BY n`
	for r, err := range x.query(ctx, query, string(words.Single(term))) {
		if err != nil {
			return nil, err
		}
		p := posting{n: uint32(r.int(0)), length: uint32(r.int(1))}
		for _, t := range x.finder.of(r.text(2)) {
			if t >= term && t <= words.Last(term) {
				p.count++
			}
		}
		if p.count > 0 {
			list = append(list, p)
		}
	}
	return list, nil
}

// recount counts a term in the texts of documents that have it more often than their
// tsvectors say.
func (x *index) recount(ctx context.Context, term uint64, list []posting, documents []int64) error {
	for r, err := range x.query(ctx, `SELECT n, text FROM {documents} WHERE n = ANY ($1)`, documents) {
		if err != nil {
			return err
		}
		at, _ := find(list, r.int(0))
		list[at].count = 0
		for _, t := range x.finder.of(r.text(1)) {
			if t == term {
				list[at].count++
			}
		}
	}
	return nil
}

// ranks are what ts_rank gives for one lexeme with so many positions, in its arithmetic:
// the sum of 1/i² for the i-th of them, times the default weight and over π²/6.
var ranks = sync.OnceValue(func() (ranks [maxCount + 1]float32) {
	const weight, limit = 0.1, 1.64493406685
	sum := float32(0)
	for i := 1; i <= maxCount; i++ {
		sum += float32(weight) / float32(i*i)
		ranks[i] = float32(float64(sum) / limit)
	}
	return ranks
})

// countOf is how many positions give a rank.
func countOf(rank float32) uint32 {
	table := ranks()
	at, _ := slices.BinarySearch(table[:], rank)
	if at > maxCount || at > 1 && rank-table[at-1] < table[at]-rank {
		at--
	}
	return uint32(at)
}

// wordsCondition is what SQL says of words that a text must have or must not have; "" where it
// says nothing.
func wordsCondition(c *words.Condition) string {
	if c == nil || len(c.Has)+len(c.Lacks) == 0 {
		return ""
	}
	var all []string
	for _, term := range c.Has {
		all = append(all, lexeme(term))
	}
	for _, term := range c.Lacks {
		all = append(all, "!"+lexeme(term))
	}
	return ` AND d.words @@ '` + strings.Join(all, " & ") + `'::tsquery`
}

// average is the average length of the view's documents.
func (v *view) average() float64 { return postings.Average(v.state.tokens, v.state.documents) }
