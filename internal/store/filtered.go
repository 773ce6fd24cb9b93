package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/filter"
)

// plan says which way a search with a filter goes. All ways give the same
// answer, but where the search may look at some lists only:
//
//   - where all that matches is found with little effort, a scan looks at its
//     rows only;
//   - where not, a scan of all rows keeps candidates, of which the best that
//     match are the answer: to read hundreds of thousands of matches out of
//     the database would cost more than the scan. It keeps few at first, which
//     takes less time, and looks at lists where it may;
//   - queries that this leaves short of hits, because what is near to them
//     does not match, are answered by a scan that keeps more, and those that
//     this leaves short by one after all matches were read.
type plan struct {
	effort     int   // what finding all that matches may cost, see tx.matching
	candidates []int // what scans of all rows keep for each query, one after the other
}

const (
	// testCost is how many matches are found in the time that one candidate
	// is tested.
	testCost = 5
	// spareHits are hits beyond twice k that candidates should hold, so that
	// bad luck rarely leaves a query short.
	spareHits = 16
	// fewCandidates is what a first scan keeps. Lists were measured for as many
	// as the last of lists.Depths, of which some may have been deleted.
	fewCandidates = 240
)

// planFor plans the search for the k nearest to each of n queries among rows.
//
// Where a share p of the rows matches, finding all takes p*rows, and testing
// candidates until each query has its hits takes testCost*n*k/p. The effort is
// where the two are equal: what costs more is a larger share, whose hits the
// candidates hold.
func planFor(n, k int, rows int64) plan {
	effort := math.Sqrt(testCost * float64(n) * float64(k) * float64(rows))
	if effort >= float64(rows) {
		return plan{effort: noLimit}
	}
	hits := 2*k + spareHits
	p := plan{effort: int(effort), candidates: []int{int(float64(hits) * float64(rows) / effort)}}
	if hits <= fewCandidates && 2*fewCandidates <= p.candidates[0] {
		p.candidates = slices.Insert(p.candidates, 0, fewCandidates)
	}
	return p
}

// filtered finds the K nearest of the documents that match o's filter.
func (snap *snapshot) filtered(ctx context.Context, queries []float32, o engine.SearchOptions, p plan) ([][]faiss.Hit, error) {
	if o.Explain { // ranks are those among what matches
		p.effort = noLimit
	}
	matching, err := snap.matching(ctx, o, p.effort)
	switch {
	case err == nil:
		return snap.among(ctx, queries, matching, o)
	case errors.Is(err, filter.ErrLimit):
		return snap.sought(ctx, queries, o, p.candidates)
	}
	return nil, err
}

// sought finds the K nearest that match among so many candidates, of those queries that
// these leave short among the next number of them, and at last among all that match.
func (snap *snapshot) sought(ctx context.Context, queries []float32, o engine.SearchOptions, candidates []int) ([][]faiss.Hit, error) {
	if len(candidates) == 0 {
		matching, err := snap.matching(ctx, o, noLimit)
		if err != nil {
			return nil, err
		}
		return snap.among(ctx, queries, matching, o)
	}
	found, short, err := snap.sifted(ctx, queries, o, candidates[0])
	if err != nil || len(short) == 0 {
		return found, err
	}
	if snap.lists != nil {
		for _, q := range short {
			snap.looked[q] = 0
		}
		snap.lists = nil
	}
	some, o := snap.subset(queries, o, short)
	more, err := snap.sought(ctx, some, o, candidates[1:])
	for i := range more {
		found[short[i]] = more[i]
	}
	return found, err
}

// matching gives the documents that match o's filter, or filter.ErrLimit.
func (snap *snapshot) matching(ctx context.Context, o engine.SearchOptions, effort int) (found *roaring.Bitmap, limit error) {
	err := snap.read(ctx, func(t *tx) (err error) {
		found, err = t.matching(o.Filter, effort)
		if errors.Is(err, filter.ErrLimit) { // the read itself did not fail
			limit, err = err, nil
		}
		return err
	})
	return found, cmp.Or(err, limit)
}

// among finds the K nearest of the given documents, which may lie in any list.
func (snap *snapshot) among(ctx context.Context, queries []float32, documents *roaring.Bitmap, o engine.SearchOptions) ([][]faiss.Hit, error) {
	snap.lists = nil
	return snap.scan(ctx, queries, o, faiss.Search{K: o.K, Skip: snap.state.skipBut(documents)})
}

// sifted finds the nearest candidates of each query and leaves the K best that
// match. The short queries are those that have fewer although there were more
// candidates to be had.
func (snap *snapshot) sifted(ctx context.Context, queries []float32, o engine.SearchOptions, candidates int) (found [][]faiss.Hit, short []int, err error) {
	found, err = snap.scan(ctx, queries, o, faiss.Search{K: candidates, Skip: snap.state.skip()})
	if err != nil {
		return nil, nil, err
	}
	matches, err := snap.test(ctx, found, o)
	if err != nil {
		return nil, nil, err
	}
	for q, all := range found {
		found[q] = slices.DeleteFunc(all, func(hit faiss.Hit) bool { return !matches[hit.Row] })
		if len(found[q]) < o.K && len(all) == candidates {
			short = append(short, q)
		}
		found[q] = found[q][:min(o.K, len(found[q]))]
	}
	return found, short, nil
}

// test tells of the rows found whether they match, of each query as far as its
// first K that do, or a little further: as long as a query lacks some, twice as
// many of its rows are tested.
func (snap *snapshot) test(ctx context.Context, found [][]faiss.Hit, o engine.SearchOptions) (matches map[int64]bool, err error) {
	matches = map[int64]bool{}
	open := found
	for end := 4 * o.K; len(open) > 0; end *= 2 {
		var rows []faiss.Hit
		for _, hits := range open {
			for _, hit := range hits[:min(end, len(hits))] {
				if _, known := matches[hit.Row]; !known {
					matches[hit.Row] = false
					rows = append(rows, hit)
				}
			}
		}
		if err := snap.testRows(ctx, rows, o, matches); err != nil {
			return nil, err
		}
		var next [][]faiss.Hit
		for _, hits := range open {
			if end < len(hits) && count(hits[:end], matches) < o.K {
				next = append(next, hits)
			}
		}
		open = next
	}
	return matches, nil
}

// testBlock is how many documents are tested in one transaction.
const testBlock = 4096

// testRows notes which of the rows match.
func (snap *snapshot) testRows(ctx context.Context, rows []faiss.Hit, o engine.SearchOptions, matches map[int64]bool) error {
	for block := range slices.Chunk(rows, testBlock) {
		numbers, err := snap.numbers(block)
		if err != nil {
			return err
		}
		err = snap.read(ctx, func(t *tx) error {
			verdicts, err := t.matches(o.Filter, numbers)
			for i, ok := range verdicts {
				matches[block[i].Row] = ok
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count is how many of the hits match.
func count(hits []faiss.Hit, matches map[int64]bool) (n int) {
	for _, hit := range hits {
		if matches[hit.Row] {
			n++
		}
	}
	return n
}

// rankCost is how many rows are walked in the time in which the row of one
// document is found by its rank.
const rankCost = 16

// skipBut returns the bitmap of the rows that a search for the given visible
// documents passes over. Documents that were added since the state was read are
// left out.
func (st *state) skipBut(documents *roaring.Bitmap) []uint64 {
	bits := slices.Repeat([]uint64{math.MaxUint64}, int(st.rows+63)/64)
	if int64(documents.GetCardinality())*rankCost < st.rows {
		for it := documents.Iterator(); it.HasNext(); {
			if n := int64(it.Next()); n < st.count {
				row := st.row(n)
				bits[row/64] &^= 1 << (row % 64)
			}
		}
		return bits
	}
	row := int64(0)
	wanted := documents.ToDense()
	for it := st.present.Iterator(); it.HasNext(); row++ {
		if n := it.Next(); int(n/64) < len(wanted) && wanted[n/64]>>(n%64)&1 != 0 {
			bits[row/64] &^= 1 << (row % 64)
		}
	}
	return bits
}
