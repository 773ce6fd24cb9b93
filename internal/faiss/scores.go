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

// Nearest returns for each query the number of the row that is nearest by L2 distance, the
// lower of equal ones; 0 where no distance is a number. Rows and queries have d numbers each.
func Nearest(queries, rows []float32, d int) []int32 {
	a := arithmetic{level: kernel.Chosen(), metric: L2, d: d}
	newScorer, blockBytes := a.scorer(queries, nil)
	scorer, best := newScorer(), slices.Repeat([]topK{{k: 1}}, len(queries)/d)
	per := min(max(1, blockBytes/a.rowBytes()), maxBlockRows)
	first := 0
	for part := range slices.Chunk(rows, per*d) {
		scorer.score(block{data: vector.Bytes(part), n: len(part) / d, first: int64(first)}, best)
		first += per
	}
	nearest := make([]int32, len(best))
	for i, t := range best {
		if len(t.heap) > 0 {
			nearest[i] = int32(t.heap[0].row)
		}
	}
	return nearest
}
