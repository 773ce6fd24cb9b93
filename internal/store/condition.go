package store

import (
	"context"
	"errors"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// The condition of a query narrows its search to the documents that have the terms
// which it needs. What depends on their order is found by reading texts: those of the
// best documents, and of more, until as many hold as are asked for.

const (
	// firstRead is how many of the best documents are read first, at least.
	firstRead = 64
	// moreRead is how many times as many are read when too few of them hold.
	moreRead = 8
)

// scanHolding is scanText for queries of which some have a condition.
func (snap *snapshot) scanHolding(ctx context.Context, queries []float32, o engine.SearchOptions, s faiss.Search) ([][]faiss.Hit, error) {
	found := make([][]faiss.Hit, len(o.Texts))
	var free []int // without a condition
	for q := range o.Texts {
		if o.Condition(q) == nil {
			free = append(free, q)
			continue
		}
		query, one := snap.subset(queries, o, []int{q})
		hits, err := snap.holding(ctx, query, one, s)
		if err != nil {
			return nil, err
		}
		found[q] = hits
	}
	queries, o = snap.subset(queries, o, free)
	o.Conditions = nil
	if len(free) == 0 {
		return found, nil
	}
	more, err := snap.scanText(ctx, queries, o, s)
	for i := range more {
		found[free[i]] = more[i]
	}
	return found, err
}

// subset gives some of the queries of a search.
func (snap *snapshot) subset(queries []float32, o engine.SearchOptions, which []int) (some []float32, _ engine.SearchOptions) {
	dim := snap.state.facts.Dim
	texts, conditions := o.Texts, o.Conditions
	o.Texts, o.Conditions = nil, nil
	for _, q := range which {
		if queries != nil {
			some = append(some, queries[q*dim:(q+1)*dim]...)
		}
		if texts != nil {
			o.Texts = append(o.Texts, texts[q])
		}
		if conditions != nil {
			o.Conditions = append(o.Conditions, conditions[q])
		}
	}
	return some, o
}

// holding finds the best rows for one query that hold its condition.
func (snap *snapshot) holding(ctx context.Context, query []float32, o engine.SearchOptions, s faiss.Search) ([]faiss.Hit, error) {
	c, k := o.Condition(0), s.K
	o.Conditions = nil
	err := snap.state.findsWords()
	if err != nil {
		return nil, err
	}
	if s.Skip, err = snap.narrow(ctx, c, s.Skip); err != nil {
		return nil, err
	}
	if c.Literal() {
		s.K = max(k, firstRead)
	}
	for ; ; s.K *= moreRead {
		found, err := snap.scanText(ctx, query, o, s)
		if err != nil {
			return nil, err
		}
		best := found[0]
		if c.Literal() {
			best, err = snap.firstHolding(ctx, c, best, k)
		}
		if err != nil || len(best) == k || len(found[0]) < s.K {
			return best, err
		}
	}
}

// narrow adds to the rows that a search passes over those of documents without the
// terms that a condition needs, and with those that it excludes.
func (snap *snapshot) narrow(ctx context.Context, c *words.Condition, skip []uint64) (narrowed []uint64, err error) {
	allowed := roaring.AndNot(snap.state.present, snap.state.dead)
	err = snap.read(ctx, func(t *tx) error {
		x, err := snap.wordIndex(t)
		if err != nil {
			return err
		}
		with := func(term uint64) *roaring.Bitmap {
			documents, failed := x.With(term)
			err = errors.Join(err, failed)
			return roaring.BitmapOf(documents...)
		}
		for _, term := range c.Has {
			allowed.And(with(term))
		}
		for _, term := range c.Lacks {
			allowed.AndNot(with(term))
		}
		if errors.Is(err, postings.ErrMalformed) {
			err = t.damagedWords("%v", err)
		}
		return err
	})
	narrowed = snap.state.skipBut(allowed)
	for i := range skip {
		narrowed[i] |= skip[i]
	}
	return narrowed, err
}

// firstHolding gives the first k of some rows whose texts hold a condition.
func (snap *snapshot) firstHolding(ctx context.Context, c *words.Condition, rows []faiss.Hit, k int) (first []faiss.Hit, err error) {
	numbers, err := snap.numbers(rows)
	if err != nil {
		return nil, err
	}
	err = snap.read(ctx, func(t *tx) error {
		for i, n := range numbers {
			if len(first) == k || ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for row, err := range t.Query(`SELECT text FROM document WHERE n = ?`, n) {
				if err != nil {
					return err
				}
				if c.Holds(snap.tokenizer, row.Text(0)) {
					first = append(first, rows[i])
				}
			}
		}
		return nil
	})
	return first, err
}
