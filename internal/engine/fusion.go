package engine

import (
	"fmt"
	"math"
	"unicode"
)

// Mode is by what documents are found.
type Mode string

// The modes. The zero Mode is ByVector.
const (
	ByVector Mode = "vector" // by meaning: the nearest vectors
	ByWords  Mode = "words"  // by the words of the query: the best BM25
	Hybrid   Mode = "hybrid" // by both, see Fusion
)

// ParseMode reads a mode as users write it.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case ByVector, ByWords, Hybrid:
		return m, nil
	}
	return "", fmt.Errorf("unknown mode %q: vector, words or hybrid", s)
}

// ByText reports whether the words of a query count.
func (m Mode) ByText() bool { return m == ByWords || m == Hybrid }

// Fusion ranks documents by meaning and words together, for one query. The score of a
// document is
//
//	(similarity - Mean) / Deviation + Weight * BM25 / Best
//
// so that one weight fits embedders whose similarities spread differently.
type Fusion struct {
	Mean, Deviation float64 // of the similarities of all documents, or of a sample
	Weight          float64 // see WordWeight
	Best            float64 // the highest BM25 of a document; 0: no document has a word
}

// Score is the score of a document with a Similarity and a BM25.
func (f Fusion) Score(similarity, bm25 float64) float64 {
	score := (similarity - f.Mean) / max(f.Deviation, math.SmallestNonzeroFloat32)
	if f.Best > 0 {
		score += f.Weight * bm25 / f.Best
	}
	return score
}

// Similarity is a figure that is higher for nearer documents and grows as the cosine
// does in a store of vectors of length 1.
func Similarity(m Metric, score float32) float64 {
	if m == L2 {
		return -float64(score)
	}
	return float64(score)
}

// WordsAlone is a weight by which whatever has a word comes before what has none.
const WordsAlone = 1e6

// MostlyLatin reports whether at least half of the letters of a text are Latin.
func MostlyLatin(text string) bool {
	latin, others := 0, 0
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Latin, r):
			latin++
		case unicode.IsLetter(r):
			others++
		}
	}
	return latin >= others
}

// What WordWeight is made of. They were fitted on public sets of questions, see
// docs/evaluation.md.
const (
	// DefaultWordWeight is the weight of words where all of a query's are found
	// together.
	DefaultWordWeight  = 4
	identifierWeight   = 14
	gateWidth          = .4
	gate, gateOfLarge  = .5, .6 // below it words count for nothing
	largeFromDocuments = 10_000
)

// WordWeight is the weight of words for a query. covered is the highest share of the
// query's terms that one document has, by their weights: when it is small, the query
// asks in other words than the documents use, and is left to meaning. identifiers is
// the share of its terms that are of identifiers, which are left to words. highest is
// the weight where all terms are covered, 0 for DefaultWordWeight.
func WordWeight(highest, covered, identifiers float64, documents int64) float64 {
	if highest == 0 {
		highest = DefaultWordWeight
	}
	from := gate
	if documents >= largeFromDocuments {
		from = gateOfLarge
	}
	return max(highest*min(max((covered-from)/gateWidth, 0), 1), identifierWeight*identifiers)
}
