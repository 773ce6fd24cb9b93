package engine

import (
	"slices"

	"sheaf/internal/words"
)

// Explanation says how the words of a query were weighed.
type Explanation struct {
	// Words are those of the query as they were typed, the parts of identifiers
	// among them. A word that is repeated is named once, with the weight of all.
	Words  []WeighedWord
	Terms  Terms
	Fusion Fusion // under Hybrid
}

// WeighedWord is a word and a figure of BM25: its weight in a query, or what it adds
// to the score of a document.
type WeighedWord struct {
	Word   string
	Weight float64
}

// HitExplanation says why a document was found. Ranks are among the documents that were searched: a filter and what a query excludes leave
// others out.
type HitExplanation struct {
	Query *Explanation // the same of all hits of a query; nil under ByVector

	WordsRank int           // by BM25; 0: it has none of the words
	Words     []WeighedWord // those that it has; they add up to the BM25

	VectorRank int // 0: not known, as under ByWords
	// Deviations is, under Hybrid, by how many of them its similarity is above the mean:
	// the part of Fused that words did not make.
	Deviations float64
}

// Weighed names the terms of a query that have a figure by the words that they came from.
func Weighed(q words.Query, figures []float32) (named []WeighedWord) {
	for i, x := range figures {
		if x == 0 {
			continue
		}
		at := slices.IndexFunc(named, func(w WeighedWord) bool { return w.Word == q.Words[i] })
		if at < 0 {
			at = len(named)
			named = append(named, WeighedWord{Word: q.Words[i]})
		}
		named[at].Weight += float64(x)
	}
	return named
}
