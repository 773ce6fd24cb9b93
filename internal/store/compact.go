package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/publish"
)

// Compact drops dead rows from the index file, metadata that no document names
// any more, and the database's free pages. Readers go on meanwhile: the rows
// are copied into a new file, and one small transaction names it. Nothing may
// be staged. Killed at any point it leaves a store with the same documents.
func (w *Writer) Compact(ctx context.Context) (c engine.Compacted, err error) {
	before, err := w.size()
	if err != nil {
		return c, err
	}
	c.Rows = w.base.rows - w.base.documents
	for _, step := range []func(context.Context) error{w.sweep, w.rewrite, w.renewCodes, w.forgetMetadata, w.compactWords, w.vacuum} {
		if err := step(ctx); err != nil {
			return c, fmt.Errorf("compacting %q: %w", w.dir, err)
		}
	}
	after, err := w.size()
	c.Bytes = max(0, before-after)
	return c, err
}

// rewrite copies the rows that are alive, if any is dead, into the next index file and commits
// to it. The old file goes when the commit is done; readers that have it open
// keep it.
func (w *Writer) rewrite(ctx context.Context) error {
	if w.base.rows == w.base.documents {
		return nil
	}
	if err := w.verifyVectors(ctx); err != nil { // new checksums must not bless damage
		return err
	}
	next := *w.base
	next.indexFile++
	next.present = roaring.AndNot(next.present, next.dead)
	next.dead = roaring.New()
	next.rows = next.documents
	var file *column.File
	// Where this process is not the only writer any more, that file may count.
	err := w.update(ctx, func(*tx) (err error) {
		file, err = column.Create(filepath.Join(w.dir, indexName(next.indexFile)), next.vectorFormat())
		return err
	})
	if err != nil {
		return err
	}
	extents, err := w.vectors.CopyTo(ctx, file, w.base.rows, w.base.skip(), w.progress)
	if err == nil {
		err = publish.SyncDir(w.dir)
	}
	if err == nil {
		err = w.update(ctx, func(t *tx) error {
			next.updated = time.Now()
			return t.saveRewritten(&next, extents)
		})
	}
	if err != nil {
		err = errors.Join(err, file.Close())
		if !w.untouchable() && holdsLock(w.lock) {
			err = errors.Join(err, os.Remove(file.Name()))
		}
		return err
	}
	old := w.vectors
	w.vectors = file
	w.moveTo(&next)
	err = w.update(ctx, w.removeStale) // the old index file and the sidecars
	return errors.Join(err, old.Close(), publish.SyncDir(w.dir))
}

// saveRewritten makes the next index file the store's.
func (t *tx) saveRewritten(next *state, extents column.Extents) error {
	// Lists stay, though they do not fit any more: they say how they are made anew.
	for _, query := range []string{`DELETE FROM extent`, `DELETE FROM bitmap`, `DELETE FROM sidecar WHERE kind <> '` + listsKind + `'`} {
		if err := t.Exec(query); err != nil {
			return err
		}
	}
	if err := t.saveExtents(extents); err != nil {
		return err
	}
	if err := t.savePages(kindPresent, next.present, next.present); err != nil {
		return err
	}
	return t.saveState(next)
}

// forgetBatch is how many metadata objects are looked at in one transaction.
const forgetBatch = 20_000

// forgetMetadata removes metadata objects that no document names.
func (w *Writer) forgetMetadata(ctx context.Context) error {
	for last, more := int64(-1), true; more; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := w.update(ctx, func(t *tx) (err error) {
			last, more, err = t.forgetMetadata(last)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetMetadata looks at the metadata objects numbered above last.
func (t *tx) forgetMetadata(last int64) (_ int64, more bool, err error) {
	const query = `SELECT m.meta, EXISTS (SELECT 1 FROM document d WHERE d.meta = m.meta) FROM meta m WHERE m.meta > ? ORDER BY m.meta LIMIT ?`
	var unused []int64
	seen := 0
	for row, err := range t.Query(query, last, forgetBatch) {
		if err != nil {
			return last, false, err
		}
		seen++
		last = row.Int64(0)
		if !row.Bool(1) {
			unused = append(unused, last)
		}
	}
	for _, meta := range unused {
		if err := t.deleteMeta(meta); err != nil {
			return last, false, err
		}
	}
	return last, seen == forgetBatch, nil
}

// vacuumPages is how many free pages are given back in one transaction.
const vacuumPages = 10_000

// vacuum gives the free pages of the database back to the file system.
func (w *Writer) vacuum(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var free int64
		err := w.update(ctx, func(t *tx) (err error) {
			if _, err = pragma(t.Conn, fmt.Sprintf("incremental_vacuum(%d)", vacuumPages)); err != nil {
				return err
			}
			free, err = pragma(t.Conn, "freelist_count")
			return err
		})
		if err != nil || free == 0 {
			return err
		}
	}
}
