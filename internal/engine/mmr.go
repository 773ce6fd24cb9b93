package engine

import (
	"context"
	"math"
	"slices"

	"sheaf/internal/vector"
)

// MMR is maximal marginal relevance (Carbonell and Goldstein, 1998) as
// LangChain computes it, in float64: of the candidates (n*dim numbers, where
// the query has dim) it picks first the one whose cosine with the query is
// highest, and then up to k in all, each the one with the highest
//
//	lambda * cosine(query) - (1-lambda) * highest cosine(picked)
//
// where equals go to the earlier candidate. The cosine with a zero vector is 0.
func MMR(ctx context.Context, query, candidates []float32, k int, lambda float64) (picked []int, err error) {
	dim := len(query)
	n := len(candidates) / dim
	candidate := func(i int) []float32 { return candidates[i*dim : (i+1)*dim] }
	length := vector.Length(query)
	lengths, toQuery, toPicked := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		lengths[i] = vector.Length(candidate(i))
		toQuery[i] = vector.Cosine(query, candidate(i), length, lengths[i])
		toPicked[i] = math.Inf(-1)
	}
	gain := slices.Clone(toQuery)
	for len(picked) < min(k, n) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		best := highest(gain)
		picked = append(picked, best)
		for i := range n {
			toPicked[i] = max(toPicked[i], vector.Cosine(candidate(i), candidate(best), lengths[i], lengths[best]))
			gain[i] = lambda*toQuery[i] - (1-lambda)*toPicked[i]
		}
		for _, i := range picked {
			gain[i] = math.Inf(-1)
		}
	}
	return picked, nil
}

// highest returns the index of the first of the highest numbers.
func highest(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
