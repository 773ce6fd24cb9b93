package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"sheaf/internal/faiss"
)

// MMROptions choose what MMR answers.
type MMROptions struct {
	SearchOptions

	// Candidates is how many of the nearest documents MMR picks from; 0 means
	// 20, or K where that is more. FetchK outranks it.
	Candidates int
	// Lambda weighs likeness to the query (1) against unlikeness to what is
	// already picked (0). LangChain takes other numbers too, and so does MMR.
	Lambda float64
}

// defaultCandidates is LangChain's fetch_k.
const defaultCandidates = 20

// MMR answers each of the n queries (n*dim numbers) with up to K documents
// that are near to it and unlike each other, in the order in which they were
// picked. It picks from the nearest documents that match the filter and pass
// the thresholds. FetchK means what it means to LangChain: that many
// candidates; with a filter, those that match among twice as many.
func (s *Store) MMR(ctx context.Context, queries []float32, o MMROptions) ([][]Hit, error) {
	if math.IsNaN(o.Lambda) || math.IsInf(o.Lambda, 0) {
		return nil, fmt.Errorf("lambda must be a number, not %v", o.Lambda)
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	return s.answer(ctx, queries, o.candidates(), o.choose)
}

// candidates is the search for what MMR picks from.
func (o MMROptions) candidates() SearchOptions {
	s := o.SearchOptions
	switch {
	case o.FetchK > 0 && o.Filter != nil:
		s.FetchK = 2 * min(o.FetchK, math.MaxInt/2)
		s.K = s.FetchK
	case o.FetchK > 0:
		s.K = o.FetchK
	case o.Candidates > 0:
		s.K = o.Candidates
	default:
		s.K = max(defaultCandidates, o.K)
	}
	return s
}

// choose leaves of each query's candidates those that MMR picks.
func (o MMROptions) choose(ctx context.Context, snap *snapshot, queries []float32, found [][]faiss.Hit) error {
	dim := snap.state.facts.Dim
	for q, candidates := range found {
		rows := make([]int64, len(candidates))
		for i, hit := range candidates {
			rows[i] = hit.Row
		}
		vectors := make([]float32, len(rows)*dim)
		if err := snap.flat.ReadRows(rows, vectors); err != nil {
			return err
		}
		picked, err := marginal(ctx, queries[q*dim:(q+1)*dim], vectors, o.K, o.Lambda)
		if err != nil {
			return err
		}
		found[q] = nil
		for _, i := range picked {
			found[q] = append(found[q], candidates[i])
		}
	}
	return nil
}

// marginal is maximal marginal relevance (Carbonell and Goldstein, 1998) as
// LangChain computes it, in float64: of the candidates (n*dim numbers, where
// the query has dim) it picks first the one whose cosine with the query is
// highest, and then up to k in all, each the one with the highest
//
//	lambda * cosine(query) - (1-lambda) * highest cosine(picked)
//
// where equals go to the earlier candidate. The cosine with a zero vector is 0.
func marginal(ctx context.Context, query, candidates []float32, k int, lambda float64) (picked []int, err error) {
	dim := len(query)
	n := len(candidates) / dim
	candidate := func(i int) []float32 { return candidates[i*dim : (i+1)*dim] }
	length := math.Sqrt(squaredLength(query))
	lengths, toQuery, toPicked := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		lengths[i] = math.Sqrt(squaredLength(candidate(i)))
		toQuery[i] = cosine(query, candidate(i), length, lengths[i])
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
			toPicked[i] = max(toPicked[i], cosine(candidate(i), candidate(best), lengths[i], lengths[best]))
			gain[i] = lambda*toQuery[i] - (1-lambda)*toPicked[i]
		}
		for _, i := range picked {
			gain[i] = math.Inf(-1)
		}
	}
	return picked, nil
}

// highest is the index of the first of the highest numbers.
func highest(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// cosine of two vectors whose lengths are known.
func cosine(x, y []float32, lengthX, lengthY float64) float64 {
	if lengthX == 0 || lengthY == 0 {
		return 0
	}
	var sum float64
	for i, v := range x {
		sum += float64(v) * float64(y[i])
	}
	return sum / (lengthX * lengthY)
}
