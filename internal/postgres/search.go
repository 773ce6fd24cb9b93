package postgres

import (
	"context"
	"math"
	"slices"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// A search asks the server for the nearest documents by its own figures, a few more than
// are wanted, and computes their scores anew. The server adds float32 numbers in another
// order, so a document that it does not return could have a better score than one that it
// does: only when the last figure that it returned is so much worse than the last score of
// the answer that rounding cannot explain it, the answer is complete. Else more are asked for.

// spare is how many documents beyond those that are wanted are asked for.
const spare = 16

// moreRows is how many times as many are asked for when these are not enough.
const moreRows = 8

// Search returns for each query its K best documents by o.Mode, best first, ties by age, or
// those that o.Pick picks.
func (s *Store) Search(ctx context.Context, vectors [][]float32, o engine.SearchOptions) (hits [][]engine.Hit, err error) {
	queries, err := o.Queries(s.state.Facts, vectors)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, func(v *view) error {
		x := &index{view: v}
		switch {
		case o.Mode == engine.ByWords:
		case v.state.index.made && o.Recall == 0:
			if err := v.useIndex(ctx); err != nil {
				return err
			}
			x.looked = make([]int64, len(queries))
		case len(queries) >= scanned && !o.Explain:
			if err := x.scan(ctx, queries, o); err != nil {
				return err
			}
		}
		for i := range queries {
			found, err := x.answer(ctx, queries[i], o, i)
			if err != nil {
				return err
			}
			hits = append(hits, found)
		}
		for i, looked := range x.looked {
			if looked > 0 && o.Looked != nil {
				o.Looked(i, looked, v.state.documents)
			}
		}
		return nil
	})
	return hits, err
}

// answer answers query i of o.
func (x *index) answer(ctx context.Context, query []float32, o engine.SearchOptions, i int) (hits []engine.Hit, err error) {
	if o.ByText() {
		hits, err = x.byText(ctx, query, o, i)
	} else {
		hits, err = x.byVector(ctx, query, o, i)
	}
	if err != nil {
		return nil, err
	}
	return o.Answer(ctx, x.state.Metric, x.state.unit, query, hits)
}

// first returns what is found before what FetchK leaves out: how many documents, and the
// filter that they match.
func (v *view) first(o engine.SearchOptions) (k int, f *filter.Filter) {
	k, f = o.K, o.Filter
	if f != nil && o.FetchK > 0 {
		k, f = o.FetchK, nil
	}
	return int(min(int64(k), v.state.documents)), f
}

// byVector finds the documents that are nearest to query i.
func (x *index) byVector(ctx context.Context, query []float32, o engine.SearchOptions, i int) ([]engine.Hit, error) {
	k, f := x.first(o)
	near, err := x.near(ctx, query, compile(f, nil), k, i)
	if err != nil {
		return nil, err
	}
	hits, err := x.read(ctx, query, near)
	for i := range hits {
		if o.Explain && o.Pick == nil {
			hits[i].Explanation = &engine.HitExplanation{VectorRank: i + 1}
		}
	}
	return hits, err
}

// read reads the documents that were found, and computes their scores: NaN without a query.
func (v *view) read(ctx context.Context, query []float32, found []engine.Candidate) ([]engine.Hit, error) {
	at := make(map[int64]int, len(found))
	for i, c := range found {
		at[c.Number] = i
	}
	hits := make([]engine.Hit, len(found))
	for page := range slices.Chunk(numbersOf(found), pageRows) {
		for r, err := range v.query(ctx, selectDocuments(true)+`WHERE d.n = ANY ($1)`, page) {
			if err != nil {
				return nil, err
			}
			i := at[r.int(columnN)]
			h := &hits[i]
			h.Document, h.Words, h.Score = r.document(), found[i].Words, float32(math.NaN())
			if query != nil {
				h.Score = v.score(query, h.Vector)
			}
		}
	}
	return hits, nil
}

// nearest finds the k nearest documents that match.
func (v *view) nearest(ctx context.Context, query []float32, c *condition, k int) ([]engine.Candidate, error) {
	k = int(min(int64(k), v.state.documents))
	if k == 0 {
		return nil, nil
	}
	// An index, which would miss some, has no such sum.
	far := `(` + distance(v.state.Metric) + `) + 0`
	for rows := firstRows(c, k); ; {
		best := engine.Nearest{K: k, Metric: v.state.Metric}
		n, last, err := v.offer(ctx, query, c, far, rows, &best)
		if v.state.Metric == engine.L2 { // the server's figure is the square root
			last *= last
		}
		if err != nil || n < rows || best.Proved(query, last, v.state.longest) {
			return best.Best(), err
		}
		rows = int(min(int64(rows)*moreRows, v.state.documents+spare))
	}
}

// firstRows is how many documents are asked for first.
func firstRows(c *condition, k int) int {
	if c.free() {
		return k + spare
	}
	return k + spare + k
}

// distance is the server's figure for a query, $1, and a document.
func distance(m engine.Metric) string {
	if m == engine.L2 {
		return `d.vector <-> $1`
	}
	return `d.vector <#> $1`
}

// offer offers best up to so many documents that are nearest by the server's figure far, and
// returns how many there were. last is the highest of the figures.
func (v *view) offer(ctx context.Context, query []float32, c *condition, far string, rows int, best *engine.Nearest) (n int, last float64, err error) {
	sql := c.columns() + `, ` + far + ` AS far ` + c.from() + ` ORDER BY far LIMIT ` + strconv.Itoa(rows)
	var x []float32
	for r, err := range v.query(ctx, sql, query) {
		if err != nil {
			return 0, 0, err
		}
		n++
		last = r.float(columnFar)
		ok, err := c.lets(r)
		if err != nil {
			return 0, 0, err
		}
		if ok {
			x = r.vector(columnX, x)
			best.Offer(r.int(0), v.score(query, x))
		}
	}
	return n, last, nil
}
