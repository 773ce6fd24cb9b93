package engine

import (
	"cmp"
	"math"
	"slices"
)

// Rerank orders hits anew by the scores that a judge gave them, the highest first and equals
// in their earlier order, and returns the k best.
//
// words says that JudgedWords count besides, for hits of mode Hybrid and a judge of meaning
// alone. The scores are then taken as deviations from their mean, in units of their standard
// deviation, as Fusion takes similarities.
func Rerank(hits []Hit, scores []float32, k int, words bool) []Hit {
	mean, deviation := spread(scores)
	type judged struct {
		Hit
		key float64
	}
	all := make([]judged, len(hits))
	for i, h := range hits {
		h.Rerank = &scores[i]
		all[i] = judged{h, float64(scores[i])}
		if words {
			all[i].key = (float64(scores[i])-mean)/max(deviation, math.SmallestNonzeroFloat32) + h.JudgedWords
		}
	}
	slices.SortStableFunc(all, func(a, b judged) int { return cmp.Compare(b.key, a.key) })
	best := make([]Hit, min(k, len(all)))
	for i := range best {
		best[i] = all[i].Hit
		best[i].Rank = i + 1
	}
	return best
}

// spread returns the mean and the standard deviation of some numbers.
func spread[T float32 | float64](x []T) (mean, deviation float64) {
	squares, n := 0.0, float64(max(1, len(x)))
	for _, v := range x {
		mean += float64(v)
	}
	mean /= n
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(squares / n)
}
