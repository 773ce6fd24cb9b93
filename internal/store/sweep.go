package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2"
)

// removeStale removes index files that a killed Compact left: the next one
// before its commit, or the last one after it.
func (w *Writer) removeStale() error {
	entries, err := os.ReadDir(w.dir)
	for _, entry := range entries {
		if name := entry.Name(); isIndexName(name) && name != indexName(w.state.indexFile) {
			err = errors.Join(err, os.Remove(filepath.Join(w.dir, name)))
		}
	}
	return err
}

// sweepBatch is how many documents are removed in one transaction: as many as are
// added, for the same reasons.
const sweepBatch = holdDocuments

// sweep removes rows of documents that nobody sees: those staged by a killed
// writer, and those that a commit marked dead.
func (w *Writer) sweep(ctx context.Context) error {
	for ctx.Err() == nil { // the next writer does the rest
		left := false
		err := w.update(ctx, func() error {
			numbers, err := w.unseen()
			if err != nil {
				return err
			}
			for _, n := range numbers {
				if err := w.conn.Exec(`DELETE FROM document WHERE n = ?`, n); err != nil {
					return err
				}
			}
			left = len(numbers) == sweepBatch
			return nil
		})
		if err != nil || !left {
			w.unswept = w.unswept && err != nil
			return err
		}
	}
	return nil
}

// unseen returns up to sweepBatch numbers of documents that have a row in the
// database and cannot be seen. Most often it finds none by two key lookups.
func (w *Writer) unseen() (numbers []int64, err error) {
	for row, err := range w.conn.Query(`SELECT n FROM document WHERE n >= ? LIMIT ?`, w.state.count, sweepBatch) {
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, row.Int64(0))
	}
	if len(numbers) == sweepBatch {
		return numbers, nil
	}
	unswept, err := loadBitmap(w.conn, w.path, kindUnswept)
	if err != nil || unswept.IsEmpty() {
		return numbers, err
	}
	swept := roaring.New()
	for it := unswept.Iterator(); it.HasNext() && len(numbers) < sweepBatch; {
		n := it.Next()
		numbers = append(numbers, int64(n))
		swept.Add(n)
	}
	unswept.AndNot(swept)
	return numbers, savePages(w.conn, kindUnswept, unswept, swept)
}
