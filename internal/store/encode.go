package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/codes"
	"sheaf/internal/column"
	"sheaf/internal/crash"
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
}

// encode makes the codes of committed rows that have none, as far as they fill blocks, in
// another file where that of the others is missing or damaged. A kill leaves the codes
// that the database names, and bytes behind them or a file that it does not name, which
// the next writer removes: new codes are on disk before the transaction that counts them.
func (w *Writer) encode(ctx context.Context) error {
	if w.base.rows < w.coding.from {
		return nil
	}
	if err := w.encodeRows(ctx); err != nil {
		return fmt.Errorf("making codes of the vectors of %q: %w", w.dir, err)
	}
	return nil
}

func (w *Writer) encodeRows(ctx context.Context) (err error) {
	var old coded
	if err := w.view(ctx, func(t *tx) error { old, err = t.coded(); return err }); err != nil {
		return err
	}
	next := old
	file, err := codes.Open(w.sidecarPath(codesKind, old.number), w.base.codesOrigin(), old.rows, os.O_RDWR)
	var damage *column.DamageError
	if errors.As(err, &damage) {
		next = coded{old.number + 1, 0}
		file, err = w.createCodes(ctx, next.number)
	}
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil && next.number != old.number && !w.untouchable() && holdsLock(w.lock) {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	first := next.rows
	if next.rows = w.base.rows / file.BlockRows() * file.BlockRows(); next == old {
		return nil
	}
	if err := w.appendCodes(ctx, file, first, next.rows); err != nil {
		return err
	}
	err = w.update(ctx, func(t *tx) error { return t.saveSidecar(codesKind, next.number, next.rows) })
	if err != nil || next.number == old.number || old.number == 0 {
		return err
	}
	return w.update(ctx, w.removeStale) // the damaged file
}

// createCodes makes a file without codes, of a name that the database does not have.
func (w *Writer) createCodes(ctx context.Context, number int64) (file *codes.File, err error) {
	flat, err := w.flat()
	if err != nil {
		return nil, err
	}
	n := min(w.base.rows, sampleRows)
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = int64(i) * (w.base.rows / n)
	}
	sample := make([]float32, int(n)*w.base.facts.Dim)
	if err := flat.ReadRows(rows, sample); err != nil {
		return nil, err
	}
	// Where this process is not the only writer any more, that file may count.
	err = w.update(ctx, func(*tx) (err error) {
		file, err = codes.Create(w.sidecarPath(codesKind, number), w.base.codesOrigin(), sample, cmp.Or(w.blockRows, codes.BlockRows(w.base.facts.Dim)))
		return err
	})
	return file, err
}

// flat returns a view of the committed vectors.
func (w *Writer) flat() (*faiss.Flat, error) {
	return faiss.NewFlat(w.vectors.File, w.base.facts.Dim, w.base.rows, faissMetric(w.base.facts.Metric))
}

// appendCodes makes the codes of the rows from one number up to another durable behind the
// others of a file. Goroutines take the numbers of blocks from a counter.
func (w *Writer) appendCodes(ctx context.Context, file *codes.File, from, end int64) error {
	flat, err := w.flat()
	if err == nil {
		err = file.Cut(from)
	}
	if err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(from)
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() (err error) {
			defer crash.Catch(&err)
			x := make([]float32, file.BlockRows()*int64(w.base.facts.Dim))
			for {
				first := next.Add(file.BlockRows()) - file.BlockRows()
				switch {
				case first >= end:
					return nil
				case ctx.Err() != nil:
					return context.Cause(ctx)
				}
				if err := flat.ReadRows(rowsFrom(first, file.BlockRows()), x); err != nil {
					return err
				}
				if err := file.Append(first, x); err != nil {
					return err
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return errors.Join(file.Sync(), publish.SyncDir(w.dir))
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

// recode makes all codes anew.
func (w *Writer) recode(ctx context.Context) error {
	err := w.update(ctx, func(t *tx) error { return t.Exec(`DELETE FROM sidecar WHERE kind = ?`, codesKind) })
	if err == nil {
		err = w.encode(ctx)
	}
	if err != nil {
		return err
	}
	return w.update(ctx, w.removeStale)
}
