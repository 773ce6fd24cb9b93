package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/codes"
	"sheaf/internal/column"
	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/publish"
)

// codesFrom is from how many rows on a store has codes: a scan of fewer takes less time
// than the start of the process.
const codesFrom = 20_000

// sampleRows is of how many rows codes take their mean.
const sampleRows = 4096

// coding says when a writer makes codes. Tests, which have few rows, choose their own.
type coding struct {
	from      int64 // from so many rows on, at least a block of them
	blockRows int   // 0: as many as suit the dim
	listRows  int64 // of a list, about
}

// encode makes the codes of committed rows that have none, as far as they fill blocks, in
// another file where that of the others is missing or damaged. A kill leaves the codes
// that the database names, and bytes behind them or a file that it does not name, which
// the next writer removes: new codes are on disk before the transaction that counts them.
func (w *Writer) encode(ctx context.Context) error {
	e, err := w.beginCodes(ctx, w.base.rows)
	if err == nil {
		err = e.end(ctx, e.append(ctx))
	}
	if err != nil {
		return fmt.Errorf("making codes of the vectors of %q: %w", w.dir, err)
	}
	return nil
}

// encoding makes codes of the first rows of the index file. A nil one does nothing.
type encoding struct {
	w         *Writer
	flat      *faiss.Flat
	file      *codes.File
	old, next coded
	order     []uint32 // of the rows; nil: their own
	lists     int64    // the number of the file of the lists that the codes lie in; 0: there is none
}

// beginCodes returns the encoding of the first rows rows, which are in the index file;
// nil where there is nothing to do.
func (w *Writer) beginCodes(ctx context.Context, rows int64) (_ *encoding, err error) {
	if rows < w.coding.from {
		return nil, nil
	}
	e := &encoding{w: w}
	if err := w.view(ctx, func(t *tx) error { e.old, err = t.coded(); return err }); err != nil {
		return nil, err
	}
	if e.flat, err = faiss.NewFlat(w.vectors.File, w.base.facts.Dim, rows, faiss.MetricFor(w.base.facts.Metric == engine.L2)); err != nil {
		return nil, err
	}
	e.next = e.old
	e.file, err = codes.Open(w.sidecarPath(codesKind, e.old.number), w.base.codesOrigin(), e.old.rows, os.O_RDWR)
	var damage *column.DamageError
	if errors.As(err, &damage) {
		e.next = coded{e.old.number + 1, 0}
		err = e.create(ctx, rows)
	}
	if err != nil {
		return nil, err
	}
	if e.next.rows = rows / e.file.BlockRows() * e.file.BlockRows(); e.next == e.old {
		return nil, e.file.Close()
	}
	return e, nil
}

// create makes a file without codes, of a name that the database does not have.
func (e *encoding) create(ctx context.Context, rows int64) error {
	w := e.w
	sample, err := spread(e.flat, rows, sampleRows, w.base.facts.Dim)
	if err != nil {
		return err
	}
	shape := codes.Shape{Rows: cmp.Or(w.blockRows, codes.BlockRows(w.base.facts.Dim))}
	if e.order != nil {
		shape.Rows = min(shape.Rows, orderedRows)
		shape.Ordered = rows / int64(shape.Rows)
	}
	// Where this process is not the only writer any more, that file may count.
	return w.update(ctx, func(*tx) (err error) {
		e.file, err = codes.Create(w.sidecarPath(codesKind, e.next.number), w.base.codesOrigin(), sample, shape)
		return err
	})
}

// spread returns at most n of the first rows rows, at even distances.
func spread(flat *faiss.Flat, rows, n int64, dim int) ([]float32, error) {
	n = min(rows, n)
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i) * rows / n
	}
	sample := make([]float32, int(n)*dim)
	return sample, flat.ReadRows(numbers, sample)
}

// append makes the codes that are missing durable behind the others. Goroutines take
// the numbers of blocks from a counter.
func (e *encoding) append(ctx context.Context) error {
	if e == nil {
		return nil
	}
	first := int64(0)
	if e.next.number == e.old.number {
		first = e.old.rows
	}
	if err := e.file.Cut(first); err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(first)
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() (err error) {
			defer crash.Catch(&err)
			x := make([]float32, e.file.BlockRows()*int64(e.w.base.facts.Dim))
			for {
				at := next.Add(e.file.BlockRows()) - e.file.BlockRows()
				switch {
				case at >= e.next.rows:
					return nil
				case ctx.Err() != nil:
					return context.Cause(ctx)
				}
				numbers := e.numbers(at)
				if err := e.flat.ReadRows(numbers, x); err != nil {
					return err
				}
				if err := e.file.Append(at, numbers, x); err != nil {
					return err
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return errors.Join(e.file.Sync(), publish.SyncDir(e.w.dir))
}

// numbers are those of the rows of the block at place at.
func (e *encoding) numbers(at int64) []int64 {
	numbers := rowsFrom(at, e.file.BlockRows())
	for i, place := range numbers {
		if place < int64(len(e.order)) {
			numbers[i] = int64(e.order[place])
		}
	}
	return numbers
}

// end makes the codes count that append made, unless it failed with err.
func (e *encoding) end(ctx context.Context, err error) error {
	if e == nil {
		return err
	}
	w, renamed := e.w, e.next.number != e.old.number
	if err == nil {
		err = w.update(ctx, func(t *tx) error {
			if e.lists != 0 {
				if err := t.saveSidecar(listsKind, e.lists, e.next.rows); err != nil {
					return err
				}
			}
			return t.saveSidecar(codesKind, e.next.number, e.next.rows)
		})
	}
	err = errors.Join(err, e.file.Close())
	switch {
	case !renamed:
	case err == nil && e.old.number != 0:
		err = w.update(ctx, e.removeOld)
	case err != nil && !w.untouchable() && holdsLock(w.lock):
		err = errors.Join(err, os.Remove(e.file.Name()))
		if e.lists != 0 {
			err = errors.Join(err, removeIfThere(w.sidecarPath(listsKind, e.lists)))
		}
	}
	return err
}

// removeOld removes the damaged file that another one replaces, if it is there. What else is
// in the folder may be the store's that a builder has not replaced yet.
func (e *encoding) removeOld(*tx) error {
	return removeIfThere(e.w.sidecarPath(codesKind, e.old.number))
}

// removeIfThere removes a file, if there is one.
func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// rowsFrom returns n row numbers that follow one another.
func rowsFrom(first, n int64) []int64 {
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = first + int64(i)
	}
	return rows
}

// cutCodes removes what a killed writer left behind the codes.
func (w *Writer) cutCodes(t *tx) error {
	c, err := t.coded()
	if err != nil || c.number == 0 {
		return err
	}
	file, err := codes.Open(w.sidecarPath(codesKind, c.number), t.codesOrigin(), c.rows, os.O_RDWR)
	var damage *column.DamageError
	if errors.As(err, &damage) {
		return nil // the next codes replace them
	}
	if err == nil {
		err = errors.Join(file.Cut(c.rows), file.Close())
	}
	return err
}

// recode makes all codes anew, and the lists that they lie in.
func (w *Writer) recode(ctx context.Context) error {
	err := w.update(ctx, func(t *tx) error { return t.Exec(`DELETE FROM sidecar WHERE kind = ?`, codesKind) })
	if err == nil {
		err = w.renewCodes(ctx)
	}
	if err != nil {
		return err
	}
	return w.update(ctx, w.removeStale)
}
