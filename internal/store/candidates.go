package store

import (
	"context"
	"math"

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
			found, err = snap.byCodes(ctx, queries[:n], s)
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
	blocks := snap.lists.blocks(queries, s.K, snap.codes)
	if blocks == nil {
		return nil, nil
	}
	found, err := snap.byBlocks(ctx, queries, s, blocks)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if int64(len(found[i])) < min(int64(s.K), snap.state.documents) {
			return nil, nil
		}
	}
	tail := snap.state.rows - snap.codes.Rows()
	for i := range blocks {
		looked[i] = int64(len(blocks[i]))*snap.codes.BlockRows() + tail
	}
	return found, nil
}

// nearShare is the share of the blocks, one in so many, in which the first rows are found.
const nearShare = 32

// byBlocks finds the best rows in some blocks of the codes for each query, of which those
// come first where the best are likely: their keys are limits for the others.
func (snap *snapshot) byBlocks(ctx context.Context, queries []float32, s faiss.Search, blocks [][]int64) ([][]faiss.Hit, error) {
	near, far := make([][]int64, len(blocks)), make([][]int64, len(blocks))
	for i, b := range blocks {
		n := (len(b) + nearShare - 1) / nearShare
		near[i], far[i] = b[:n], b[n:]
	}
	search := snap.codesSearch(s)
	search.Most = snap.codes.Rows() // few rows: how many of them are candidates depends on threads, and hardly ever the answer
	search.Blocks = near
	found, err := snap.codes.Candidates(ctx, queries, search)
	if err != nil {
		return nil, err
	}
	first, err := snap.vectors.flat.Refine(ctx, queries, s, snap.state.rows, found)
	if err != nil {
		return nil, err
	}
	search.Blocks, search.Limits = far, snap.limits(first, s.K)
	if found, err = snap.codes.Candidates(ctx, queries, search); err != nil {
		return nil, err
	}
	for i, rest := range found {
		found[i] = func(yield func(int64, float32) bool) {
			for _, hit := range first[i] {
				if !yield(hit.Row, float32(math.Inf(-1))) {
					return
				}
			}
			rest(yield)
		}
	}
	return snap.vectors.flat.Refine(ctx, queries, s, snap.codes.Rows(), found)
}

// limits are the keys of the k-th hits.
func (snap *snapshot) limits(hits [][]faiss.Hit, k int) []float32 {
	limits := make([]float32, len(hits))
	for i := range hits {
		switch {
		case len(hits[i]) < k:
			limits[i] = float32(math.Inf(1))
		case snap.state.facts.Metric == engine.L2:
			limits[i] = hits[i][k-1].Score
		default:
			limits[i] = -hits[i][k-1].Score
		}
	}
	return limits
}

// byCodes finds the best rows by their codes.
func (snap *snapshot) byCodes(ctx context.Context, queries []float32, s faiss.Search) ([][]faiss.Hit, error) {
	found, err := snap.codes.Candidates(ctx, queries, snap.codesSearch(s))
	if err != nil {
		return nil, err
	}
	return snap.vectors.flat.Refine(ctx, queries, s, snap.codes.Rows(), found)
}

// codesSearch is the search for the candidates of another one.
func (snap *snapshot) codesSearch(s faiss.Search) codes.Search {
	return codes.Search{L2: snap.state.facts.Metric == engine.L2, K: s.K, Skip: s.Skip, Threads: s.Threads, Most: snap.store.codesMost}
}
