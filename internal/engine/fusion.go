package engine

import (
	"cmp"
	"fmt"
	"math"
	"unicode"

	"sheaf/internal/language"
	"sheaf/internal/words"
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

// MoreFused is how many times as many documents an engine looks at that fuses: first at the nearest and at
// the best by words, FirstFused of each, then at more until no other document can have a higher score.
const MoreFused = 8

// FirstFused is how many documents of each kind are looked at first for k hits.
func FirstFused(k int) int { return max(256, 4*k) }

// SampleFused is how many documents, spread over all, tell the mean and the deviation of similarities.
// Means of nDCG over sets of questions differ by .001 from those with all documents.
const SampleFused = 1000

// Fusion ranks documents by meaning and words together, for one query. The score of a
// document is
//
//	(similarity - Mean) / Deviation + Weight * (BM25 / Best)²
//
// so that one weight fits embedders whose similarities spread differently. The square
// tells the document that words find best from those that have some of them.
type Fusion struct {
	Mean, Deviation float64 // of the similarities of all documents, or of a sample
	Weight          float64 // see Calibration.WordWeight
	Best            float64 // the highest BM25 of a document; 0: no document has a word
	Judged          float64 // the weight for SearchOptions.Judge
}

// Score is the score of a document with a Similarity and a BM25.
func (f Fusion) Score(similarity, bm25 float64) float64 {
	return f.Deviations(similarity) + f.Words(bm25)
}

// Words is what a BM25 adds.
func (f Fusion) Words(bm25 float64) float64 { return f.Weight * f.share(bm25) }

// JudgedWords is what a BM25 adds beside SearchOptions.Judge.
func (f Fusion) JudgedWords(bm25 float64) float64 { return f.Judged * f.share(bm25) }

func (f Fusion) share(bm25 float64) float64 {
	if f.Best == 0 {
		return 0
	}
	return bm25 * bm25 / (f.Best * f.Best)
}

// Fuse sets what a hit with a Score and Words has of them together.
func (f Fusion) Fuse(h *Hit, m Metric) {
	bm25 := float64(h.Words)
	h.Fused, h.FusedWords, h.JudgedWords = f.Score(Similarity(m, h.Score), bm25), f.Words(bm25), f.JudgedWords(bm25)
}

// Deviations is by how many of them a similarity is above the mean.
func (f Fusion) Deviations(similarity float64) float64 {
	return (similarity - f.Mean) / max(f.Deviation, math.SmallestNonzeroFloat32)
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

// Terms says what is known of the terms of a query. Their weights are the logarithms of
// how rare they are, see postings.
type Terms struct {
	Weight      float64 // of all of them
	Covered     float64 // the highest weight of those that one document has
	Evidence    float64 // the same, where stop words count as frequent ones
	Identifiers float64 // of those that are of identifiers
}

// TermsOf is what is known of the terms of a query by how rare they are, each where the query
// has the term first, and by the highest sums of those that one document has.
func TermsOf(q words.Query, rarities []float32, covered, evidence float32) Terms {
	t := Terms{Covered: float64(covered), Evidence: float64(evidence)}
	identifiers := map[uint64]bool{}
	for i, term := range q.Terms {
		identifiers[term] = identifiers[term] || q.Identifiers[i]
	}
	for i, term := range q.Terms {
		weight := float64(rarities[i])
		t.Weight += weight
		if identifiers[term] {
			t.Identifiers += weight
		}
	}
	return t
}

// Corpus is what is known of the documents of a store.
type Corpus struct {
	Documents int64 // how many there are
	Foreign   bool  // they are in another language than English, see LanguageDocuments
}

// The documents that tell the language of a store: so many, spread evenly, by so many
// characters at the beginning of each.
const (
	LanguageDocuments  = 32
	LanguageCharacters = 256
)

// Fusion is that of query q: the similarities, the highest first, are those of a sample of
// the documents, best is the highest BM25.
func (o *SearchOptions) Fusion(q int, similarities []float64, t Terms, best float32, c Corpus) Fusion {
	mean, deviation := spread(similarities)
	return Fusion{
		Mean: mean, Deviation: deviation, Best: float64(best),
		Weight: o.Calibration.WordWeight(o.Texts[q], t, c), Judged: o.Judge.WordWeight(o.Texts[q], t, c),
	}
}

// Calibration is what is known of an embedder that Fusion depends on. The zero value is that
// of an embedder of which nothing is known.
type Calibration struct {
	Words  float64 // the highest weight of words, but for identifiers; 0: DefaultWordWeight
	Chance float64 // words count from so many times on of what chance would find; 0: usualChance
	// EnglishOnly says that the embedder knows no other language than English, and so no
	// other script than Latin.
	EnglishOnly bool
}

// What WordWeight is made of. They were fitted on public sets of questions, see
// docs/evaluation.md.
const (
	DefaultWordWeight = 4
	usualChance       = 1.2
	identifierWeight  = 14
	uncovered         = .2 // words count where a smaller share of the terms than this is missing
	unstemmed         = .6 // of Chance, where question and documents are in a language without stems
)

// WordWeight is the weight of words for a query and its terms.
//
// A query that asks in other words than the documents use is left to meaning. It shows
// in what the best document has of its terms. A document has terms of weight x by
// chance with a probability of about exp(-x), so among n documents one has such of
// ln n; words count when that is exceeded, not by stop words, or when next to no term is missing. Only
// English is stemmed, so fewer words meet where query and documents are in another
// language, and less is asked for.
// Where the embedder does not know the language of the documents nothing is left to
// it, and words always count. A query in a script that it does not know is left to
// words, and so are identifiers.
func (c Calibration) WordWeight(query string, t Terms, in Corpus) float64 {
	switch {
	case t.Weight == 0:
		return 0
	case c.EnglishOnly && !MostlyLatin(query):
		return WordsAlone
	}
	chance := cmp.Or(c.Chance, usualChance)
	if asked := (language.Evidence{}); in.Foreign {
		if asked.Add(query); asked.Other > asked.English {
			chance *= unstemmed
		}
	}
	byEvidence := t.Evidence/(1+math.Log(float64(max(in.Documents, 1)))) - chance
	byShare := 1 - (1-t.Covered/t.Weight)/uncovered
	gate := min(max(byEvidence, byShare, 0), 1)
	if c.EnglishOnly && in.Foreign {
		gate = 1
	}
	return max(cmp.Or(c.Words, DefaultWordWeight)*gate, identifierWeight*t.Identifiers/t.Weight)
}
