//go:build cgo

package faiss

import (
	"slices"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// Scores returns the score of each of the n*d numbers' rows for a query of d numbers, with
// the bits that Search gives rows of a file.
func Scores(m Metric, query, rows []float32) []float32 {
	a := arithmetic{level: kernel.Chosen(), metric: m, d: len(query)}
	scores := make([]float32, len(rows)/len(query))
	a.keys(vector.Bytes(slices.Clip(rows)), len(scores), query, scores)
	for i, key := range scores {
		scores[i] = a.score(key)
	}
	return scores
}
