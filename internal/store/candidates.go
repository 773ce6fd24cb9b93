package store

import (
	"context"

	"sheaf/internal/codes"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// candidates returns the best rows for each query with their scores. It is the one place
// that knows how they are found: by their codes, where that takes less time, or by a scan.
// first is the number of the first query among those of the search. Where the search may
// look at some lists only, it does; else, and where these hold less than the rows that are
// to be found, it looks at all.
func (snap *snapshot) candidates(ctx context.Context, queries []float32, first int, s faiss.Search) ([][]faiss.Hit, error) {
	if snap.codes == nil || snap.vectors.flat.Few(s.Skip) {
		return snap.vectors.flat.Search(ctx, queries, s)
	}
	hits := make([][]faiss.Hit, 0, len(queries)/snap.state.facts.Dim)
	room := faiss.MaxQueries * snap.state.facts.Dim
	for len(queries) > 0 {
		n := min(room, len(queries))
		found, err := snap.byLists(ctx, queries[:n], first+len(hits), s)
		if found == nil && err == nil {
			found, err = snap.byCodes(ctx, queries[:n], s, nil)
		}
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

// byLists looks at the lists that hold what the search asks for. It returns nil where that
// takes all rows.
func (snap *snapshot) byLists(ctx context.Context, queries []float32, first int, s faiss.Search) ([][]faiss.Hit, error) {
	if snap.lists == nil {
		return nil, nil
	}
	looked := snap.looked[first:][:len(queries)/snap.state.facts.Dim]
	clear(looked)
	blocks, counts := snap.lists.blocks(queries, s.K, snap.codes)
	if blocks == nil {
		return nil, nil
	}
	found, err := snap.byCodes(ctx, queries, s, blocks)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if int64(len(found[i])) < min(int64(s.K), snap.state.documents) {
			return nil, nil
		}
	}
	tail := snap.state.rows - snap.codes.Rows()
	for i, n := range counts {
		looked[i] = n*snap.codes.BlockRows() + tail
	}
	return found, nil
}

// byCodes finds the best rows by their codes: in some blocks of them for each query, or in
// all where blocks is nil.
func (snap *snapshot) byCodes(ctx context.Context, queries []float32, s faiss.Search, blocks [][]uint64) ([][]faiss.Hit, error) {
	l2 := snap.state.facts.Metric == engine.L2
	most := snap.store.codesMost
	if blocks != nil { // few rows: how many of them are candidates, which threads decide, changes no answer
		most = snap.codes.Rows()
	}
	found, err := snap.codes.Candidates(ctx, queries, codes.Search{L2: l2, K: s.K, Skip: s.Skip, Threads: s.Threads, Most: most, Blocks: blocks})
	if err != nil {
		return nil, err
	}
	return snap.vectors.flat.Refine(ctx, queries, s, snap.codes.Rows(), found)
}
