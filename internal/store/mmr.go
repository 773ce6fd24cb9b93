package store

import (
	"context"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// MMR answers each query with up to K documents
// that are near to it and unlike each other, in the order in which they were
// picked. It picks from the nearest documents that match the filter and pass
// the thresholds.
func (s *Store) MMR(ctx context.Context, queries [][]float32, o engine.MMROptions) ([][]engine.Hit, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	choose := func(ctx context.Context, snap *snapshot, queries []float32, found [][]faiss.Hit) error {
		return snap.mmr(ctx, queries, found, o)
	}
	return s.answer(ctx, queries, o.CandidateSearch(), choose)
}

// mmr leaves of each query's candidates those that MMR picks.
func (snap *snapshot) mmr(ctx context.Context, queries []float32, found [][]faiss.Hit, o engine.MMROptions) error {
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
		picked, err := engine.MMR(ctx, queries[q*dim:(q+1)*dim], vectors, o.K, o.Lambda)
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
