package weaviate

import (
	"context"
	"errors"
	"math"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// A search asks the server for the nearest documents by its own figures, a few more than
// are wanted, and computes their scores anew. The server adds float32 numbers in another
// order, so a document that it does not return could have a better score than one that it
// does: only when the last figure that it returned is so much worse than the last score of
// the answer that rounding cannot explain it, the answer is complete. Else more are asked for, and
// in the end all documents are read.

// spare is how many documents beyond those that are wanted are asked for.
const spare = 16

// moreRows is how many times as many are asked for when these are not enough.
const moreRows = 8

// Search returns for each query its K best documents by o.Mode, best first, ties by age, or
// those that o.Pick picks.
func (s *Store) Search(ctx context.Context, vectors [][]float32, o engine.SearchOptions) (hits [][]engine.Hit, err error) {
	queries, err := o.Queries(s.Facts(), vectors)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, func(v *view) error {
		hits = nil
		a := &asking{view: v, o: o}
		for i, query := range queries {
			found, err := a.answer(ctx, query, i)
			if err != nil {
				return err
			}
			hits = append(hits, found)
		}
		return nil
	})
	return hits, err
}

// answer answers query q.
func (a *asking) answer(ctx context.Context, query []float32, q int) (hits []engine.Hit, err error) {
	o := a.o
	k, f := o.K, newSieve(o.Filter, o.Condition(q))
	if o.Filter != nil && o.FetchK > 0 { // the filter leaves some of what was found
		k, f = o.FetchK, newSieve(nil, o.Condition(q))
	}
	var t *text
	var found []engine.Candidate
	if o.ByText() {
		t, found, err = a.byText(ctx, query, q, f, k)
	} else {
		found, err = a.nearest(ctx, query, f, k)
	}
	if err != nil {
		return nil, err
	}
	if hits, err = a.read(ctx, query, found); err != nil {
		return nil, err
	}
	if err := a.mark(t, found, hits); err != nil {
		return nil, err
	}
	return o.Answer(ctx, a.Facts.Metric, a.Unit, query, hits)
}

// read reads the documents that were found, and computes their scores: NaN without a query.
func (a *asking) read(ctx context.Context, query []float32, found []engine.Candidate) ([]engine.Hit, error) {
	rows, err := a.numbered(ctx, numbersOf(found), fieldsOf(true))
	if err != nil {
		return nil, err
	}
	hits := make([]engine.Hit, len(found))
	for i, d := range found {
		h, r := &hits[i], rows[uint32(d.Number)]
		if h.Document, err = a.document(ctx, &r); err != nil {
			return nil, err
		}
		h.Vector, h.Words, h.Score = r.vector, d.Words, float32(math.NaN())
		if query != nil {
			h.Score = a.score(query, h.Vector)
		}
	}
	return hits, nil
}

// mark says of hits what they were found by.
func (a *asking) mark(t *text, found []engine.Candidate, hits []engine.Hit) error {
	for i := range hits {
		switch {
		case a.o.Mode == engine.Hybrid:
			t.fusion.Fuse(&hits[i], a.Facts.Metric)
		case t == nil && a.o.Explain && a.o.Pick == nil:
			hits[i].Explanation = &engine.HitExplanation{VectorRank: i + 1}
		}
	}
	if t == nil || !a.o.Explain {
		return nil
	}
	return t.explain(found, hits)
}

// nearest finds the k nearest documents that match.
func (v *view) nearest(ctx context.Context, query []float32, f *sieve, k int) ([]engine.Candidate, error) {
	k = int(min(int64(k), v.count()))
	if k == 0 {
		return nil, nil
	}
	rows := k + spare
	if !f.free() {
		rows += k
	}
	for rows <= maxRows {
		found, err := v.get(ctx, question{near: query, limit: rows, fields: f.fields() + fieldVector})
		if errors.Is(err, errTooLarge) {
			break
		}
		if err != nil {
			return nil, err
		}
		best := engine.Nearest{K: k, Metric: v.Facts.Metric}
		there := 0
		for i := range found {
			if v.Documents.Contains(found[i].number) {
				there++
			}
			if err := v.offer(ctx, query, f, &found[i], &best); err != nil {
				return nil, err
			}
		}
		if len(found) < rows && int64(there) < v.count() { // the server has no more
			return nil, errUncompared
		}
		if len(found) < rows || best.Proved(query, float64(found[rows-1].distance), v.Longest) {
			return best.Best(), nil
		}
		if rows == maxRows {
			break
		}
		rows = min(rows*moreRows, maxRows)
	}
	return v.scan(ctx, query, f, k)
}

// errUncompared says that a server compares fewer vectors than there are documents.
var errUncompared = errors.New("a server has documents of which it does not compare the vectors")

// offer offers best an object where it is a document that matches.
func (v *view) offer(ctx context.Context, query []float32, f *sieve, r *row, best *engine.Nearest) error {
	if !v.Documents.Contains(r.number) {
		return nil
	}
	ok, err := f.lets(ctx, v, r)
	if err == nil && ok {
		best.Offer(int64(r.number), v.score(query, r.vector))
	}
	return err
}

// score is Faiss's figure for a query and a document: NaN where its vector is damaged.
func (v *view) score(query, x []float32) float32 {
	if len(x) != v.Facts.Dim {
		return float32(math.NaN())
	}
	return faiss.Scores(faiss.MetricFor(v.Facts.Metric == engine.L2), query, x)[0]
}

// scan finds the k nearest documents that match by reading all.
func (v *view) scan(ctx context.Context, query []float32, f *sieve, k int) ([]engine.Candidate, error) {
	best := engine.Nearest{K: k, Metric: v.Facts.Metric}
	for r, err := range v.each(ctx, f.fields()+fieldVector) {
		if err == nil {
			err = v.offer(ctx, query, f, r, &best)
		}
		if err != nil {
			return nil, err
		}
	}
	return best.Best(), nil
}
