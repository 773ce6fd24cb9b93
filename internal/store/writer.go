package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// Writer is a store that this process alone may change. What it is told is
// staged: documents numbered past the committed count, floats past the
// committed rows. Nothing counts before Commit.
//
// After an error of a read or a write every later write fails with it: what a
// failed sync left on the disk is not known. Close then leaves the last committed
// state.
type Writer struct {
	*Store
	progress func(n int)
	indexing func(done, total int64)
	lock     *os.File
	vectors  *column.File

	mu      sync.Mutex // guards what follows
	db      *database  // nil once closed
	tx      *tx        // the transaction in which documents are staged; nil: none is open
	failure error      // of a read or a write: nothing can be written any more

	stage
	coding
	unswept bool     // rows of deleted documents wait for Close
	fresh   bool     // Create made the store, and nothing was committed since
	made    []string // the folders that Create made, the innermost first
}

// OpenWriter opens the store at dir for writing, and removes what a killed
// writer left staged. Errors: those of Open.
func OpenWriter(ctx context.Context, dir string, o engine.Options) (*Writer, error) {
	w := newWriter(dir, o)
	if err := w.open(ctx, o); err != nil {
		return nil, fmt.Errorf("opening store %q: %w", dir, errors.Join(err, w.release()))
	}
	return w, nil
}

func newWriter(dir string, o engine.Options) *Writer {
	w := &Writer{progress: o.Progress, indexing: o.Indexing, coding: coding{from: codesFrom, listRows: listRows}}
	w.Store = &Store{dir: dir, session: w}
	if w.progress == nil {
		w.progress = func(int) {}
	}
	if w.indexing == nil {
		w.indexing = func(int64, int64) {}
	}
	return w
}

func (w *Writer) open(ctx context.Context, o engine.Options) (err error) {
	if !Is(w.dir) {
		return engine.ErrNotExist
	}
	if w.lock, err = takeLock(ctx, w.dir, o); err != nil {
		return err
	}
	if w.db, err = open(ctx, w.dir, sqlite.ReadWrite, o); err != nil {
		return err
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	if err := w.sweep(ctx); err != nil {
		return err
	}
	return w.indexWords(ctx)
}

// begin takes the committed state over and removes what does not count. It does so
// in a writing transaction: a writer whose lock file was taken away from it may be
// about to commit.
func (w *Writer) begin(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.db.run(ctx, beginWrite, func(t *tx) (err error) {
		if !w.db.inPlace() {
			return &engine.LockedError{Holder: "another writer has built it anew"}
		}
		if w.vectors, err = openIndex(w.dir, t.state, os.O_RDWR); err != nil {
			return err
		}
		if err := t.migrate(); err != nil {
			return err
		}
		if t.version < 3 {
			if err := t.beginWords(t.facts); err != nil {
				return err
			}
		}
		w.stage = newStage(t.state, indexed{})
		w.db.version = formatVersion
		return errors.Join(w.vectors.Cut(t.rows), w.cutCodes(t), w.removeStale(t))
	})
}

// view runs f in the transaction in which documents are staged, where one is open.
// An interrupt does not break into that. After a read that failed nothing is
// committed: the stage may rest on what it missed.
func (w *Writer) view(ctx context.Context, f func(*tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.db == nil:
		return engine.ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case w.tx != nil:
		if err := f(w.tx); err != nil {
			return w.fail(err)
		}
		return nil
	}
	return w.failed(ctx, w.db.run(ctx, beginRead, f))
}

// failed keeps an error, after which nothing can be written. That ctx ended or
// another process has the database locked is none.
func (w *Writer) failed(ctx context.Context, err error) error {
	var locked *engine.LockedError
	if err != nil && ctx.Err() == nil && !errors.As(err, &locked) && w.failure == nil {
		w.failure = err
	}
	return err
}

// fail rolls the open transaction back for an error, after which nothing can be
// written.
func (w *Writer) fail(err error) error {
	w.failure = w.db.end(w.tx, err)
	w.tx = nil
	return w.failure
}

func (w *Writer) seen() *state {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.base
}

// usable returns why nothing can be written any more. The caller holds w.mu.
func (w *Writer) usable() error {
	if w.db == nil {
		return engine.ErrClosed
	}
	return w.failure
}

// write runs f in the transaction in which documents are staged, and opens one
// where none is open. An interrupt does not break into it: half of a transaction
// would cost the whole stage.
func (w *Writer) write(ctx context.Context, f func(*tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	if w.tx == nil {
		if err := w.openTransaction(ctx); err != nil {
			return err
		}
	}
	if err := f(w.tx); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) openTransaction(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	t, err := w.db.begin(ctx, beginWrite)
	if err != nil {
		return w.failed(ctx, err)
	}
	w.tx = t
	if err := w.undisturbed(t); err != nil {
		return w.fail(err)
	}
	w.inTransaction = amount{}
	return nil
}

// endTransaction commits the transaction that is open, if one is.
func (w *Writer) endTransaction() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tx == nil {
		return w.failure
	}
	w.failure = w.db.end(w.tx, nil)
	w.tx = nil
	return w.failure
}

// update runs f in a transaction of its own. The one in which documents are
// staged ends before it.
func (w *Writer) update(ctx context.Context, f func(*tx) error) error {
	if err := w.endTransaction(); err != nil {
		return err
	}
	if err := w.write(ctx, f); err != nil {
		return err
	}
	return w.endTransaction()
}

// undisturbed reports whether this process is still the only writer: its lock is
// the one at the lock's path, the last commit is its own, and so are the documents
// that are staged. Each writing transaction must begin with it, since users and
// tools remove lock files.
func (w *Writer) undisturbed(t *tx) error {
	switch {
	case !holdsLock(w.lock) || !w.db.inPlace():
		return fmt.Errorf("%w: its lock file or its database was removed or replaced", engine.ErrLockLost)
	case t.checksum() != w.base.checksum():
		return fmt.Errorf("%w: another process has committed", engine.ErrLockLost)
	case w.next == w.base.count:
		return nil
	}
	last, err := t.Int64(`SELECT coalesce(max(n), -1) FROM document`)
	if err == nil && last != w.next-1 {
		err = fmt.Errorf("%w: another process has changed what was staged", engine.ErrLockLost)
	}
	return err
}

// untouchable reports that another process may count on what this one wrote last,
// or that a commit may have come through: the next writer removes what does not
// count.
func (w *Writer) untouchable() bool {
	return errors.Is(w.failure, errUncertain) || errors.Is(w.failure, engine.ErrLockLost)
}

// Close drops what was not committed and releases the lock.
func (w *Writer) Close() error {
	w.mu.Lock()
	open := w.db != nil
	w.mu.Unlock()
	if !open {
		return nil
	}
	var err error
	switch {
	case w.next > w.base.count || w.tx != nil:
		err = w.drop()
	case w.unswept && w.failure == nil:
		err = w.sweep(context.Background())
	}
	return errors.Join(err, w.release())
}

// drop gives back the room that staged documents took. The next writer would
// do the same; on a full disk it must not wait for it.
func (w *Writer) drop() error {
	_ = w.endFloats() // that they are not written is no loss
	if err := w.rollBack(); err != nil || w.untouchable() {
		return err
	}
	failed := w.failure != nil
	w.mu.Lock()
	err := w.db.run(context.Background(), beginWrite, func(t *tx) error {
		w.stage = newStage(w.base, w.lookup)
		if err := w.undisturbed(t); err != nil {
			w.failure = err
			return nil // what is there counts for another process
		}
		return w.vectors.Cut(t.rows)
	})
	if w.fresh { // the whole store goes with Discard; its rows need no sweep
		w.failure = errDiscard
	}
	w.mu.Unlock()
	if failed || w.failure != nil {
		return err
	}
	return errors.Join(err, w.sweep(context.Background()))
}

// rollBack ends the transaction that is open, if one is, without its changes.
func (w *Writer) rollBack() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tx == nil {
		return nil
	}
	err := w.db.explain(w.tx.Exec("ROLLBACK"))
	w.tx = nil
	return err
}

// errDiscard says that the first thing written to a new store failed.
var errDiscard = errors.New("a new store whose first run failed can only be discarded")

func (w *Writer) release() (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db != nil {
		err = w.db.conn.Close()
		w.db = nil
	}
	if w.vectors != nil {
		_ = w.endFloats()
		err = errors.Join(err, w.vectors.Close())
	}
	if w.lock != nil {
		err = errors.Join(err, releaseLock(w.lock))
	}
	return errors.Join(err, w.closeKept())
}

// Failed reports that a read or a write failed: the writer can only be closed.
func (w *Writer) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure != nil
}

// Pending is how many documents wait for the next commit: new ones, and those
// that stay in another place.
func (w *Writer) Pending() int64 { return w.next - w.base.count + int64(len(w.places)) }

// Commit makes everything visible that was staged since the last one: all of
// it or, when the process dies before the end, nothing.
func (w *Writer) Commit(ctx context.Context) error {
	for r := range w.replacing {
		r.show()
	}
	doomed := !w.doomed.IsEmpty()
	if err := w.publish(ctx); err != nil {
		return err
	}
	if doomed {
		if err := w.sweep(ctx); err != nil {
			return err
		}
	}
	if err := w.encode(ctx); err != nil {
		return err
	}
	return w.mergeWords(ctx)
}

// publish is Commit without the removal of rows that nobody sees any more.
func (w *Writer) publish(ctx context.Context) error {
	if w.Pending() == 0 && len(w.sources) == 0 && w.doomed.IsEmpty() {
		return nil
	}
	var next *state
	err := w.write(ctx, func(t *tx) (err error) {
		next, err = w.stage.commit(t, w.vectors)
		return err
	})
	if err == nil {
		err = w.endTransaction()
	}
	if err != nil {
		return fmt.Errorf("committing to %q: %w", w.dir, err)
	}
	w.moveTo(next)
	// Readers do not believe the header, and the next writer mends it: that it
	// cannot be written does not undo the commit.
	_ = w.vectors.WriteHeader(next.rows)
	return nil
}

// moveTo goes on from a state that was just committed.
func (w *Writer) moveTo(next *state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	replacing, lastNew, terms := w.replacing, w.lastNew, w.terms
	w.stage, w.fresh = newStage(next, w.lookup), false
	w.replacing, w.lastNew, w.terms = replacing, lastNew, terms
}

// Bind gives a store that has no embedder its one, for good.
func (w *Writer) Bind(ctx context.Context, embedder, fingerprint string) error {
	if f := w.Facts(); f.Embedder != "" {
		return f.Check(engine.Facts{Embedder: embedder, Fingerprint: fingerprint})
	}
	return w.change(ctx, func(st *state) { st.facts.Embedder, st.facts.Fingerprint = embedder, fingerprint })
}

// SetSettings keeps the settings that new sources take when none are given.
func (w *Writer) SetSettings(ctx context.Context, settings string) error {
	return w.change(ctx, func(st *state) { st.settings = settings })
}

// change commits a change of the facts alone.
func (w *Writer) change(ctx context.Context, f func(*state)) error {
	var next state
	err := w.update(ctx, func(t *tx) error {
		next = *w.base
		next.updated = time.Now()
		f(&next)
		return t.saveState(&next)
	})
	if err == nil {
		w.mu.Lock()
		w.base = &next
		w.mu.Unlock()
	}
	return err
}

// removeStale removes what a killed writer left: files that the database does not
// name, and a database that never came into place.
func (w *Writer) removeStale(t *tx) error {
	named, err := t.files()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(w.dir)
	for _, entry := range entries {
		if isStale(entry.Name(), named) {
			err = errors.Join(err, os.Remove(filepath.Join(w.dir, entry.Name())))
		}
	}
	return err
}

// isStale reports whether a file of a store's folder is what a killed writer left.
func isStale(name string, named map[string]bool) bool {
	return (isIndexName(name) || strings.HasSuffix(name, sidecarSuffix)) && !named[name] || name == buildName
}
