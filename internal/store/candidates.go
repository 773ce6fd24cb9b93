package store

import (
	"context"

	"sheaf/internal/codes"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// candidates returns the best rows for each query with their scores. It is the one place
// that knows how they are found: by their codes, where that takes less time, or by a scan.
func (snap *snapshot) candidates(ctx context.Context, queries []float32, s faiss.Search) ([][]faiss.Hit, error) {
	if snap.codes == nil || snap.vectors.flat.Few(s.Skip) {
		return snap.vectors.flat.Search(ctx, queries, s)
	}
	hits := make([][]faiss.Hit, 0, len(queries)/snap.state.facts.Dim)
	room := faiss.MaxQueries * snap.state.facts.Dim
	for len(queries) > 0 {
		n := min(room, len(queries))
		found, err := snap.byCodes(ctx, queries[:n], s)
		if err != nil && ctx.Err() == nil { // they exclude too little, or cannot be read
			found, err = snap.vectors.flat.Search(ctx, queries[:n], s)
		}
		if err != nil {
			return nil, err
		}
		hits, queries = append(hits, found...), queries[n:]
	}
	return hits, nil
}

func (snap *snapshot) byCodes(ctx context.Context, queries []float32, s faiss.Search) ([][]faiss.Hit, error) {
	l2 := snap.state.facts.Metric == engine.L2
	found, err := snap.codes.Candidates(ctx, queries, codes.Search{L2: l2, K: s.K, Skip: s.Skip, Threads: s.Threads, Most: snap.store.codesMost})
	if err != nil {
		return nil, err
	}
	return snap.vectors.flat.Refine(ctx, queries, s, snap.codes.Rows(), found)
}
