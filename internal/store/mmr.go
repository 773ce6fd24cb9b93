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
	return s.answer(ctx, queries, o.candidates(), func(snap *snapshot, query []float32, found []faiss.Hit) ([]faiss.Hit, error) {
		return snap.diverse(query, found, o)
	})
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

// diverse picks from what was found for one query.
func (snap *snapshot) diverse(query []float32, found []faiss.Hit, o MMROptions) ([]faiss.Hit, error) {
	rows := make([]int64, len(found))
	for i, hit := range found {
		rows[i] = hit.Row
	}
	vectors := make([]float32, len(rows)*len(query))
	if err := snap.flat.ReadRows(rows, vectors); err != nil {
		return nil, err
	}
	var picked []faiss.Hit
	for _, i := range marginal(query, vectors, o.K, o.Lambda) {
		picked = append(picked, found[i])
	}
	return picked, nil
}

// marginal is maximal marginal relevance (Carbonell and Goldstein, 1998) as
// LangChain computes it, in float64: of the candidates (n*dim numbers, where
// the query has dim) it picks first the one whose cosine with the query is
// highest, and then up to k in all, each the one with the highest
//
//	lambda * cosine(query) - (1-lambda) * highest cosine(picked)
//
// where equals go to the earlier candidate. The cosine with a zero vector is 0.
func marginal(query, candidates []float32, k int, lambda float64) []int {
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
	var picked []int
	for len(picked) < min(k, n) {
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
	return picked
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
