package store

import (
	"context"
	"errors"
	"math"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// sampledWords is how many documents are compared with the index of words, about,
// unless all are.
const sampledWords = 1000

// words holds the index of words against the texts of documents: all that it says
// of some of them, or of all. Every page is read.
func (c *checker) words(ctx context.Context) error {
	err := c.s.view(ctx, func(t *tx) error {
		if t.version < 3 || t.facts.NoWords {
			return nil
		}
		if !t.complete() {
			c.add(ProblemLeftover, t.path, remedyRepair, "not all documents are found by their words yet")
		}
		every := int64(1)
		if !c.allWords {
			every = max(1, t.count/sampledWords)
		}
		return c.segments(ctx, t, every)
	})
	var format *engine.FormatError
	if errors.As(err, &format) && format.Remedy == remedyRepair {
		c.add(ProblemWords, format.Path, format.Remedy, "%s", format.Problem)
		return nil
	}
	return err
}

// segments looks at every segment, and at every so many documents.
func (c *checker) segments(ctx context.Context, t *tx, every int64) error {
	all, err := t.segments("main", t.words.count)
	if err != nil {
		return err
	}
	staged, err := t.Int64(`SELECT count(*) FROM segment WHERE first >= ?`, t.words.count)
	if err != nil {
		return err
	}
	if staged > 0 {
		c.add(ProblemLeftover, t.path, remedyRepair, "%d segments of words that were never committed", staged)
	}
	gaps, err := t.pageGaps()
	for _, gap := range gaps {
		var unused bool
		if err == nil {
			unused, err = t.anyPage(gap)
		}
		if unused {
			c.add(ProblemLeftover, t.path, remedyRepair, "pages of words that no segment has")
			break
		}
	}
	if err != nil {
		return err
	}
	w := &wordCheck{every: every}
	for _, s := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := w.segment(t, s); err != nil {
			return err
		}
	}
	for ; w.next < t.words.count; w.next++ {
		if err := w.document(t, w.next); err != nil {
			return err
		}
	}
	if w.kept != w.texts {
		c.add(ProblemWords, t.path, remedyRepair, "documents are not found by the words of their texts")
	}
	return nil
}

// wordCheck compares what the index says with what texts say, by a sum of hashes that
// does not depend on the order.
type wordCheck struct {
	every       int64 // every so many documents are looked at
	next        int64 // the documents below it were
	kept, texts uint64

	tokenizer words.Tokenizer
	tokens    []words.Token
	terms     []uint64
}

// segment adds what a segment says, and the texts of the documents up to its last.
func (w *wordCheck) segment(t *tx, s segment) error {
	source := wordSource(func() *tx { return t }, s)
	lengths, err := source.Lengths()
	if err == nil {
		for i, b := range lengths {
			if n := s.First + uint32(i); b > 0 && w.looksAt(t, int64(n)) {
				w.kept += mixed(noTerm, n, uint32(b))
			}
		}
		err = source.Each(func(term uint64, p postings.Posting) {
			if w.looksAt(t, int64(p.Document)) {
				w.kept += mixed(term, p.Document, p.Count)
			}
		})
	}
	if errors.Is(err, postings.ErrMalformed) {
		return t.damagedWords("%v", err)
	}
	for ; err == nil && w.next <= int64(s.Last); w.next++ {
		err = w.document(t, w.next)
	}
	return err
}

func (w *wordCheck) looksAt(t *tx, n int64) bool { return n%w.every == 0 && t.alive(n) }

// document adds what the text of a document says.
func (w *wordCheck) document(t *tx, n int64) error {
	if !w.looksAt(t, n) {
		return nil
	}
	w.tokens = w.tokens[:0]
	for row, err := range t.Query(`SELECT text FROM document WHERE n = ?`, n) {
		if err != nil {
			return err
		}
		w.tokens = w.tokenizer.Append(w.tokens, row.Text(0))
	}
	w.terms = w.terms[:0]
	for _, token := range w.tokens {
		w.terms = append(w.terms, token.Term)
	}
	slices.Sort(w.terms)
	w.texts += mixed(noTerm, uint32(n), uint32(postings.LengthByte(len(w.terms))))
	for i := 0; i < len(w.terms); {
		from := i
		for i < len(w.terms) && w.terms[i] == w.terms[from] {
			i++
		}
		w.texts += mixed(w.terms[from], uint32(n), uint32(i-from))
	}
	return nil
}

// noTerm stands for a term where a length is mixed.
const noTerm = math.MaxUint64

// mixed is a hash of a posting, with the multipliers of SplitMix64
// (https://prng.di.unimi.it/splitmix64.c).
func mixed(term uint64, document, count uint32) uint64 {
	z := term + uint64(document)*0x9e3779b97f4a7c15 + uint64(count)<<48
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
