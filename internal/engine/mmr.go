package engine

import (
	"context"
	"math"
	"slices"

	"sheaf/internal/vector"
)

// Searcher answers queries from the documents of a store.
type Searcher interface {
	// Search returns for each query its K best documents, best first, ties by
	// age, or those that o.Pick picks. A query of another dim is a
	// *MismatchError. Modes that take words give ErrNoWords or ErrNotIndexed
	// where they cannot be had.
	Search(ctx context.Context, queries [][]float32, o SearchOptions) ([][]Hit, error)
}

// MMR answers each query with up to K documents that are near to it and unlike
// each other, in the order in which they were picked. It picks from the nearest
// documents that match the filter and pass the thresholds.
func MMR(ctx context.Context, s Searcher, queries [][]float32, o MMROptions) ([][]Hit, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return s.Search(ctx, queries, o.candidateSearch())
}

// Marginal is maximal marginal relevance (Carbonell and Goldstein, 1998) as
// LangChain computes it, in float64: of the candidates it picks first the one
// whose cosine with the query is highest, and then up to k in all, each the one
// with the highest
//
//	lambda * cosine(query) - (1-lambda) * highest cosine(picked)
//
// where equals go to the earlier candidate. The cosine with a zero vector is 0.
func Marginal(ctx context.Context, query []float32, candidates [][]float32, k int, lambda float64) (picked []int, err error) {
	n := len(candidates)
	length := vector.Length(query)
	lengths, toQuery, toPicked := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		lengths[i] = vector.Length(candidates[i])
		toQuery[i] = vector.Cosine(query, candidates[i], length, lengths[i])
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
			toPicked[i] = max(toPicked[i], vector.Cosine(candidates[i], candidates[best], lengths[i], lengths[best]))
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
