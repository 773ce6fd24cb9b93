package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// A search by words, or by words and meaning, takes the place of the scan of vectors
// and finds the best rows that are not skipped, as that does. So filters work in the
// same ways. The scores of vectors come afterwards, for the rows of the answer.

// keptPostings is how many postings the queries of a batch keep for those that follow: 16 MiB.
const keptPostings = 2 << 20

// marks are what the rows of a query were found by.
type marks struct {
	rows   map[int64]mark
	fusion engine.Fusion
	asked  *asked // where an explanation is asked for
}

// mark is what a row was found by.
type mark struct {
	words float32 // BM25
	near  int     // its place among the nearest, from 1; 0 where that is not known
}

// ranking ranks all documents for the words of a query.
type ranking struct {
	*postings.Ranking
	query words.Query
	terms engine.Terms
}

// findsWords returns why no document is found by its words, nil where they are.
func (st *state) findsWords() error {
	switch {
	case st.facts.NoWords:
		return engine.ErrNoWords
	case !st.complete():
		return engine.ErrNotIndexed
	}
	return nil
}

// rank ranks all documents of the snapshot.
func (snap *snapshot) rank(ctx context.Context, text string) (r ranking, err error) {
	if err := snap.state.findsWords(); err != nil {
		return r, err
	}
	snap.asking.Lock() // a transaction and what it reads is for one query at a time
	defer snap.asking.Unlock()
	q := snap.tokenizer.Query(text)
	r.query = q
	err = snap.read(ctx, func(t *tx) error {
		x, err := snap.wordIndex(t)
		if err == nil {
			r.Ranking, err = x.Rank(q.Terms, q.StopWords)
		}
		if errors.Is(err, postings.ErrMalformed) {
			err = t.damagedWords("%v", err)
		}
		return err
	})
	if err != nil {
		return r, err
	}
	r.Scores = r.Scores[:max(0, min(int64(len(r.Scores)), snap.state.count-int64(r.First)))]
	r.terms = engine.TermsOf(q, r.Rarities, r.MostCovered, r.MostEvidence)
	return r, nil
}

// wordIndex is the index of words, to be read as long as t is open. What it has read for
// a query is kept for the next one, until a writer adds segments or merges some.
func (snap *snapshot) wordIndex(t *tx) (*postings.Index, error) {
	snap.reading = t
	segments, err := t.segmentSums()
	if err != nil || snap.index != nil && slices.Equal(segments, snap.segments) {
		return snap.index, err
	}
	snap.segments = segments
	if snap.index, err = t.wordIndex(func() *tx { return snap.reading }); err == nil {
		snap.index.Keep = snap.keep
	}
	return snap.index, err
}

// bm25 is the score of the document at a row.
func (snap *snapshot) bm25(r ranking, row int64) float32 {
	n, err := snap.state.document(row)
	if i := n - int64(r.First); err == nil && i >= 0 && i < int64(len(r.Scores)) {
		return r.Scores[i]
	}
	return 0
}

// wordy finds the k best rows by words that are not skipped, the best first.
func (snap *snapshot) wordy(r ranking, k int, skip []uint64) []faiss.Hit {
	var best []faiss.Hit
	least := float32(0) // what a row must have more than
	sorted := func() {
		slices.SortFunc(best, func(a, b faiss.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row)) })
		best = best[:min(k, len(best))]
	}
	dense := snap.state.rows == snap.state.count
	for i, score := range r.Scores {
		if score <= least {
			continue
		}
		row := int64(r.First) + int64(i)
		if !dense {
			row = snap.state.row(row)
		}
		if skip != nil && skip[row/64]>>(row%64)&1 != 0 {
			continue
		}
		if best = append(best, faiss.Hit{Row: row, Score: score}); len(best) == 2*k {
			sorted()
			least = best[k-1].Score
		}
	}
	sorted()
	return best
}

// scanText finds for each query its s.K best rows by o.Mode, best first, and notes in
// snap.marks what they were found by.
func (snap *snapshot) scanText(ctx context.Context, queries []float32, o engine.SearchOptions, s faiss.Search) ([][]faiss.Hit, error) {
	if o.Conditions != nil {
		return snap.scanHolding(ctx, queries, o, s)
	}
	snap.keep = keptPostings * min(1, len(o.Texts)-1)
	s.K = int(min(int64(s.K), snap.state.rows))
	var f *fuser
	if o.Mode == engine.Hybrid {
		var err error
		if f, err = snap.newFuser(ctx, queries, o, s); err != nil {
			return nil, err
		}
	}
	found, marked := make([][]faiss.Hit, len(o.Texts)), make([]*marks, len(o.Texts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(o.Threads, runtime.GOMAXPROCS(0)))
	for q := range o.Texts {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			found[q], marked[q], err = snap.scanOne(ctx, q, f, o, s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for q, text := range o.Texts {
		if before := snap.marks[text]; before != nil { // the same text with another condition
			maps.Copy(marked[q].rows, before.rows)
		}
		snap.marks[text] = marked[q]
	}
	return found, nil
}

// scanOne finds the best rows of query q, by words alone where f is nil.
func (snap *snapshot) scanOne(ctx context.Context, q int, f *fuser, o engine.SearchOptions, s faiss.Search) (found []faiss.Hit, marked *marks, err error) {
	r, err := snap.rank(ctx, o.Texts[q])
	if f != nil && errors.Is(err, engine.ErrNotIndexed) { // until a writer does it, by meaning alone
		r, err = ranking{Ranking: &postings.Ranking{}}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	marked = &marks{rows: map[int64]mark{}}
	if f == nil {
		found = snap.wordy(r, s.K, s.Skip)
		for _, hit := range found {
			marked.rows[hit.Row] = mark{words: hit.Score}
		}
	} else if found, err = f.fuse(ctx, q, r, o, marked); err != nil {
		return nil, nil, err
	}
	if o.Explain {
		marked.asked = snap.asked(r, marked.fusion, s.Skip)
	}
	return found, marked, nil
}

// rescore gives rows that were found by text the scores of their vectors, and leaves
// those that the thresholds accept.
func (snap *snapshot) rescore(ctx context.Context, queries []float32, found [][]faiss.Hit, o engine.SearchOptions) error {
	dim := snap.state.facts.Dim
	for q, hits := range found {
		if queries == nil {
			for i := range hits {
				hits[i].Score = float32(math.NaN())
			}
			continue
		}
		scores, err := snap.scores(ctx, queries[q*dim:][:dim], hits)
		if err != nil {
			return err
		}
		for i := range hits {
			hits[i].Score = scores[hits[i].Row]
		}
		found[q] = slices.DeleteFunc(hits, func(hit faiss.Hit) bool { return !o.Accepts(snap.state.facts.Metric, hit.Score) })
	}
	return nil
}

// scores are the scores of rows for a query.
func (snap *snapshot) scores(ctx context.Context, query []float32, rows []faiss.Hit) (map[int64]float32, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	skip := slices.Repeat([]uint64{math.MaxUint64}, int(snap.state.rows+63)/64)
	for _, hit := range rows {
		skip[hit.Row/64] &^= 1 << (hit.Row % 64)
	}
	found, err := snap.vectors.flat.Search(ctx, query, faiss.Search{K: len(rows), Skip: skip, Threads: 1})
	if err != nil {
		return nil, err
	}
	scores := make(map[int64]float32, len(rows))
	for _, hit := range found[0] {
		scores[hit.Row] = hit.Score
	}
	return scores, nil
}

// mark sets what hits were found by.
func (snap *snapshot) mark(t *tx, found [][]faiss.Hit, hits [][]engine.Hit, o engine.SearchOptions) error {
	if !o.ByText() {
		explainVectors(hits, o)
		return nil
	}
	for q, text := range o.Texts {
		if len(found[q]) == 0 {
			continue
		}
		marked := snap.marks[text]
		for i, hit := range found[q] {
			m := marked.rows[hit.Row]
			hits[q][i].Words = m.words
			if o.Mode == engine.Hybrid {
				marked.fusion.Fuse(&hits[q][i], snap.state.facts.Metric)
			}
			if math.IsNaN(float64(hit.Score)) {
				hits[q][i].Relevance = math.NaN()
			}
		}
		if !o.Explain {
			continue
		}
		if err := snap.explain(t, marked, found[q], hits[q]); err != nil {
			return err
		}
	}
	return nil
}

// prepareTexts prepares the snapshot for texts.
func (snap *snapshot) prepareTexts() {
	snap.tokenizer, snap.marks = &words.Tokenizer{}, map[string]*marks{}
}
