package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"sheaf/internal/vector"
)

// Queries checks a search, and returns its vectors as a store with the facts compares them: nil
// stays nil where words alone are asked for.
func (o *SearchOptions) Queries(f Facts, vectors [][]float32) ([][]float32, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.ByText() && len(o.Texts) != len(vectors) {
		return nil, fmt.Errorf("%d texts and %d vectors are asked for", len(o.Texts), len(vectors))
	}
	queries := make([][]float32, len(vectors))
	for i, x := range vectors {
		if x == nil && o.Mode == ByWords {
			continue
		}
		var err error
		if queries[i], err = f.Vector(x); err != nil {
			return nil, err
		}
	}
	return queries, nil
}

// Answer makes the answer to a query of what was found for it: documents with their vectors and
// scores, the best first; with a FetchK, that many without the filter. unit says that every vector
// of the store has length 1.
func (o *SearchOptions) Answer(ctx context.Context, m Metric, unit bool, query []float32, hits []Hit) (_ []Hit, err error) {
	if o.Filter != nil && o.FetchK > 0 {
		if hits, err = o.sift(hits); err != nil {
			return nil, err
		}
	}
	squared := vector.SquaredLength(query)
	hits = slices.DeleteFunc(hits, func(h Hit) bool {
		return !o.Accepts(m, h.Score) || !o.Relevant(o.Relevance(m, unit, h.Score, squared))
	})
	if o.Pick != nil {
		if hits, err = o.Picked(ctx, query, hits); err != nil {
			return nil, err
		}
	}
	for i := range hits {
		h := &hits[i]
		h.Rank, h.Relevance = i+1, math.NaN()
		if query != nil {
			h.Relevance = o.Relevance(m, unit, h.Score, squared)
		}
		if !o.WithVectors {
			h.Vector = nil
		}
	}
	return hits, nil
}

// sift leaves the first K hits that match.
func (o *SearchOptions) sift(hits []Hit) (left []Hit, err error) {
	for _, h := range hits {
		ok, err := o.Filter.Of(h.Source).Match(h.Metadata.JSON())
		if err != nil {
			return nil, err
		}
		if ok && len(left) < o.K {
			left = append(left, h)
		}
	}
	return left, nil
}
