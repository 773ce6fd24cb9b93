package store

import (
	"context"
	"fmt"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/bmatcuk/doublestar/v4"

	"sheaf/internal/engine"
)

// set is an engine.Set of this package.
type set struct{ numbers *roaring.Bitmap }

func (s set) Len() int64 { return int64(s.numbers.GetCardinality()) }

// SelectIDs returns the documents with the given ids, and those ids that the
// store does not have.
func (s *Store) SelectIDs(ctx context.Context, ids []string) (_ engine.Set, missing []string, err error) {
	found := roaring.New()
	err = s.transaction(ctx, func() error {
		for _, id := range ids {
			n, err := s.find(id)
			switch {
			case err != nil:
				return err
			case n < 0:
				missing = append(missing, id)
			default:
				found.Add(uint32(n))
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return set{found}, missing, nil
}

// Select returns the documents that are meant. A malformed pattern is
// doublestar.ErrBadPattern.
func (s *Store) Select(ctx context.Context, what engine.Selection) (engine.Set, error) {
	if !doublestar.ValidatePattern(what.Source) {
		return nil, fmt.Errorf("source pattern %q: %w", what.Source, doublestar.ErrBadPattern)
	}
	var found *roaring.Bitmap
	err := s.transaction(ctx, func() (err error) {
		if found, err = s.matching(what.Filter, noLimit); err != nil || what.Source == "" {
			return err
		}
		named, err := s.ofSources(what.Source)
		if err == nil {
			found.And(named)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if what.Among != nil {
		found.And(what.Among.(set).numbers)
	}
	return set{found}, nil
}

// ofSources finds the documents of the sources whose name a pattern matches. The
// caller is inside a transaction.
func (s *Store) ofSources(pattern string) (*roaring.Bitmap, error) {
	found := roaring.New()
	for row, err := range s.conn.Query(`SELECT source, name FROM source`) {
		if err != nil {
			return nil, err
		}
		if !doublestar.MatchUnvalidated(pattern, row.Text(1)) {
			continue
		}
		if err := s.visibleOf(row.Int64(0), found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// visibleOf adds the numbers of a source's visible documents.
func (s *Store) visibleOf(source int64, to *roaring.Bitmap) error {
	for row, err := range s.conn.Query(`SELECT n FROM document WHERE source = ?`, source) {
		if err != nil {
			return err
		}
		if n := row.Int64(0); s.state.alive(n) {
			to.Add(uint32(n))
		}
	}
	return nil
}

// IDs yields the ids of a set's documents in the order of insertion.
func (s *Store) IDs(ctx context.Context, documents engine.Set) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		numbers := documents.(set).numbers.ManyIterator()
		page := make([]uint32, listPage)
		for {
			var ids []string
			n := numbers.NextMany(page)
			err := s.transaction(ctx, func() (err error) { ids, err = s.idsOf(page[:n]); return err })
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
			if n < len(page) {
				return
			}
		}
	}
}

func (s *Store) idsOf(numbers []uint32) (ids []string, err error) {
	for _, n := range numbers {
		for row, err := range s.conn.Query(`SELECT id FROM document WHERE n = ?`, n) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, row.Text(0))
		}
	}
	return ids, nil
}

// Delete takes the documents of a set away and commits: all or, on an error,
// none. A source that lost some is read again by its next ingest, which brings
// them back; one that lost all is forgotten. IDs still answers for the set
// until the writer is closed: only then their rows go.
func (w *Writer) Delete(ctx context.Context, documents engine.Set) error {
	if err := w.withdraw(ctx, documents.(set).numbers, nil); err != nil {
		return err
	}
	w.unswept = w.unswept || documents.Len() > 0
	return w.publish(ctx)
}

// withdraw marks documents dead and takes them off their sources' counts,
// except those of settled sources, whose counts are right already. After an
// error nothing is staged.
func (w *Writer) withdraw(ctx context.Context, numbers *roaring.Bitmap, settled map[int64]bool) error {
	if numbers.IsEmpty() {
		return nil
	}
	lost := map[int64]int64{} // documents by source
	stored := map[int64]engine.Source{}
	err := w.transaction(ctx, func() error {
		for it := numbers.Iterator(); it.HasNext(); {
			for row, err := range w.conn.Query(`SELECT source FROM document WHERE n = ?`, it.Next()) {
				if err != nil {
					return err
				}
				lost[row.Int64(0)]++
			}
		}
		for source := range lost {
			src, found, err := w.readSource(`source`, source)
			if err != nil {
				return err
			}
			if found {
				stored[source] = src
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.doomed.Or(numbers)
	staged := map[int64]int{} // the last change of each source
	for i, c := range w.sources {
		staged[c.Number] = i
	}
	for source, n := range lost {
		if settled[source] {
			continue
		}
		if i, is := staged[source]; is {
			w.sources[i].lose(n)
		} else if src, found := stored[source]; found {
			change := sourceChange{Source: src, documents: src.Documents}
			change.lose(n)
			w.sources = append(w.sources, change)
		}
	}
	return nil
}

// lose takes n documents off a source's count. The source is read again by its
// next ingest, or forgotten where none is left.
func (c *sourceChange) lose(n int64) {
	c.Hash, c.documents = nil, c.documents-n
	c.gone = c.documents <= 0
}
