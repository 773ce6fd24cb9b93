package store

import (
	"context"
	"errors"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// set is an engine.Set of this package.
type set struct{ numbers *roaring.Bitmap }

func (s set) Len() int64 { return int64(s.numbers.GetCardinality()) }

// SelectIDs returns the documents with the given ids, and those ids that the
// store does not have.
func (s *Store) SelectIDs(ctx context.Context, ids []string) (_ engine.Set, missing []string, err error) {
	found := roaring.New()
	err = s.view(ctx, func(t *tx) error {
		for _, id := range ids {
			n, err := t.find(id)
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

// Select returns the documents that are meant.
func (s *Store) Select(ctx context.Context, what engine.Selection) (engine.Set, error) {
	var found *roaring.Bitmap
	err := s.view(ctx, func(t *tx) (err error) {
		found, err = t.matching(what.Filter, noLimit)
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

// IDs yields the ids of a set's documents in the order of insertion.
func (s *Store) IDs(ctx context.Context, documents engine.Set) iter.Seq2[string, error] {
	numbers := documents.(set).numbers.Iterator()
	return whole(ctx, s, func(t *tx) (ids []string, more bool, err error) {
		for _, n := range take(numbers, pageRows) {
			for row, err := range t.Query(`SELECT id FROM document WHERE n = ?`, n) {
				if err != nil {
					return nil, false, err
				}
				ids = append(ids, row.Text(0))
			}
		}
		return ids, numbers.HasNext(), nil
	})
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
// except those of the sources in counted, whose counts are right already. After an
// error nothing is staged.
func (w *Writer) withdraw(ctx context.Context, numbers *roaring.Bitmap, counted map[int64]bool) error {
	if numbers.IsEmpty() {
		return nil
	}
	lost := map[int64]int64{} // documents by source
	stored := map[int64]engine.Source{}
	err := w.view(ctx, func(t *tx) error {
		for it := numbers.Iterator(); it.HasNext(); {
			source, err := t.Int64(`SELECT source FROM document WHERE n = ?`, int64(it.Next()))
			if err != nil {
				return err
			}
			lost[source]++
		}
		for source := range lost {
			src, found, err := t.source(`source`, source)
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
		if counted[source] {
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

// sweepBatch is how many documents are removed in one transaction: as many as are
// added, for the same reasons.
const sweepBatch = transactionDocuments

// sweep removes rows of documents that nobody sees: those staged by a killed
// writer, and those that a commit marked dead.
func (w *Writer) sweep(ctx context.Context) error {
	for left := true; left && ctx.Err() == nil; { // the next writer does the rest
		err := w.update(ctx, func(t *tx) error {
			numbers, err := t.unseen()
			for _, n := range numbers {
				if err == nil {
					err = t.Exec(`DELETE FROM document WHERE n = ?`, n)
				}
			}
			left = len(numbers) == sweepBatch
			return err
		})
		if err != nil {
			return w.forgiveLock(err)
		}
	}
	w.unswept = false
	return w.forgiveLock(w.sweepWords(ctx))
}

// forgiveLock returns the error of a sweep. That a reader has the database locked is
// none: what was to be committed is, and the next writer sweeps.
func (w *Writer) forgiveLock(err error) error {
	var locked *engine.LockedError
	if !errors.As(err, &locked) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unswept, w.failure = true, nil
	return nil
}

// unseen returns up to sweepBatch numbers of documents that have a row in the
// database and cannot be seen. Most often it finds none by two key lookups.
func (t *tx) unseen() (numbers []int64, err error) {
	for row, err := range t.Query(`SELECT n FROM document WHERE n >= ? LIMIT ?`, t.count, sweepBatch) {
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, row.Int64(0))
	}
	if len(numbers) == sweepBatch {
		return numbers, nil
	}
	unswept, err := t.bitmap(kindUnswept)
	if err != nil || unswept.IsEmpty() {
		return numbers, err
	}
	swept := roaring.New()
	for _, n := range take(unswept.Iterator(), sweepBatch-len(numbers)) {
		numbers = append(numbers, n)
		swept.Add(uint32(n))
	}
	unswept.AndNot(swept)
	return numbers, t.savePages(kindUnswept, unswept, swept)
}
