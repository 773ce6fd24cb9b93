package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
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
	if err := w.sweep(ctx); err != nil {
		return c, fmt.Errorf("compacting %q: %w", w.dir, err)
	}
	c.Rows = w.state.rows - w.state.documents
	if c.Rows > 0 {
		if err := w.rewrite(ctx); err != nil {
			return c, fmt.Errorf("compacting %q: %w", w.dir, err)
		}
	}
	if err := w.forgetMetadata(ctx); err != nil {
		return c, fmt.Errorf("compacting %q: %w", w.dir, err)
	}
	if err := w.vacuum(ctx); err != nil {
		return c, fmt.Errorf("compacting %q: %w", w.dir, err)
	}
	after, err := w.size()
	c.Bytes = max(0, before-after)
	return c, err
}

// rewrite copies the rows that are alive into the next index file and commits
// to it. The old file goes when the commit is done; readers that have it open
// keep it.
func (w *Writer) rewrite(ctx context.Context) error {
	if err := w.VerifyVectors(ctx); err != nil { // new checksums must not bless damage
		return err
	}
	next := *w.state
	next.indexFile++
	next.present = roaring.AndNot(w.state.present, w.state.dead)
	next.dead = roaring.New()
	next.rows = next.documents
	next.generation++
	file, extents, err := w.copyRows(ctx, &next)
	if err != nil {
		return err
	}
	err = w.update(ctx, func() error {
		next.updated = time.Now()
		return w.commitRewrite(&next, extents)
	})
	if err != nil {
		err = errors.Join(err, file.Close())
		if !w.uncertain && !errors.Is(err, engine.ErrLockLost) {
			err = errors.Join(err, os.Remove(file.Name()))
		}
		return err
	}
	old := w.index
	w.mu.Lock()
	w.state, w.index = &next, file
	w.mu.Unlock()
	w.begin()
	return errors.Join(old.Close(), os.Remove(old.Name()), publish.SyncDir(w.dir))
}

// copyRows writes the next index file and syncs it and its name.
func (w *Writer) copyRows(ctx context.Context, next *state) (file *os.File, extents []extent, err error) {
	path := w.indexPath(next.indexFile)
	// Where this process is not the only writer any more, that file may count.
	err = w.update(ctx, func() error {
		file, err = newIndexFile(path)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	out := bufio.NewWriterSize(file, copyBlock)
	if _, err = out.Write(next.header()); err == nil {
		extents, err = w.copyAlive(ctx, out)
	}
	if err = errors.Join(err, out.Flush()); err == nil {
		err = errors.Join(file.Sync(), publish.SyncDir(w.dir))
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("writing %q: %w", path, err), file.Close())
		if holdsLock(w.lock) {
			err = errors.Join(err, os.Remove(path))
		}
		return nil, nil, err
	}
	return file, extents, nil
}

// copyBlock is how many bytes of rows are copied at once.
const copyBlock = 1 << 20

// copyAlive copies the rows that are not dead, in their order, and returns the
// checksums of what it wrote.
func (w *Writer) copyAlive(ctx context.Context, out io.Writer) (extents []extent, err error) {
	rowBytes := 4 * int64(w.state.facts.Dim)
	buf := make([]byte, max(copyBlock/rowBytes, 1)*rowBytes)
	skip := w.state.skip()
	for row := int64(0); row < w.state.rows; {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		n := min(int64(len(buf))/rowBytes, w.state.rows-row)
		block := buf[:n*rowBytes]
		if _, err := w.index.ReadAt(block, faiss.HeaderSize+row*rowBytes); err != nil {
			return nil, err
		}
		block = closeUp(block, rowBytes, row, skip)
		if _, err := out.Write(block); err != nil {
			return nil, err
		}
		extents = appendExtent(extents, block, rowBytes)
		row += n
		w.progress(int(n))
	}
	return extents, nil
}

// closeUp moves the rows of a block that are not skipped together. The first
// row of the block has number row.
func closeUp(block []byte, rowBytes, row int64, skip []uint64) []byte {
	kept := block[:0]
	for i := int64(0); i*rowBytes < int64(len(block)); i++ {
		if n := row + i; skip[n/64]>>(n%64)&1 == 0 {
			kept = append(kept, block[i*rowBytes:(i+1)*rowBytes]...)
		}
	}
	return kept
}

// appendExtent adds a block of rows to the last extent, or begins another.
func appendExtent(extents []extent, block []byte, rowBytes int64) []extent {
	if len(extents) == 0 || extents[len(extents)-1].count >= extentRows {
		first := int64(0)
		if len(extents) > 0 {
			first = extents[len(extents)-1].first + extents[len(extents)-1].count
		}
		extents = append(extents, extent{first: first})
	}
	last := &extents[len(extents)-1]
	last.count += int64(len(block)) / rowBytes
	last.crc = crc32.Update(last.crc, castagnoli(), block)
	return extents
}

// commitRewrite makes the next index file the store's.
func (w *Writer) commitRewrite(next *state, extents []extent) error {
	for _, query := range []string{`DELETE FROM extent`, `DELETE FROM bitmap`} {
		if err := w.conn.Exec(query); err != nil {
			return err
		}
	}
	for _, e := range extents {
		w.extent = e
		if err := w.saveExtent(); err != nil {
			return err
		}
	}
	if err := savePages(w.conn, kindPresent, next.present, next.present); err != nil {
		return err
	}
	return saveState(w.conn, next)
}

// forgetBatch is how many metadata objects are looked at in one transaction.
const forgetBatch = 20_000

// forgetMetadata removes metadata objects that no document names.
func (w *Writer) forgetMetadata(ctx context.Context) error {
	for last, more := int64(-1), true; more; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := w.update(ctx, func() (err error) {
			last, more, err = w.forgetSome(last)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetSome looks at the metadata objects numbered above last.
func (w *Writer) forgetSome(last int64) (_ int64, more bool, err error) {
	const query = `SELECT m.meta, NOT EXISTS (SELECT 1 FROM document d WHERE d.meta = m.meta) FROM meta m WHERE m.meta > ? ORDER BY m.meta LIMIT ?`
	var orphans []int64
	seen := 0
	for row, err := range w.conn.Query(query, last, forgetBatch) {
		if err != nil {
			return last, false, err
		}
		seen++
		last = row.Int64(0)
		if row.Bool(1) {
			orphans = append(orphans, last)
		}
	}
	for _, meta := range orphans {
		if err := forget(w.conn, meta); err != nil {
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
		err := w.update(ctx, func() (err error) {
			if _, err = pragma(w.conn, fmt.Sprintf("incremental_vacuum(%d)", vacuumPages)); err != nil {
				return err
			}
			free, err = pragma(w.conn, "freelist_count")
			return err
		})
		if err != nil || free == 0 {
			return err
		}
	}
}

// size is how many bytes the store's files have together.
func (s *Store) size() (bytes int64, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if fi, err := os.Stat(filepath.Join(s.dir, entry.Name())); err == nil && fi.Mode().IsRegular() {
			bytes += fi.Size()
		}
	}
	return bytes, nil
}
