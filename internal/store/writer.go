package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"maps"
	"math"
	"os"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/sqlite"
	"sheaf/internal/vector"
)

// Writer is a store that this process alone may change. What it is told is
// staged: documents numbered past the committed count, floats past the
// committed rows. Nothing counts before Commit.
//
// After an error of a write every later call fails with it: what a failed sync
// left on the disk is not known. Close then leaves the last committed state.
type Writer struct {
	*Store
	lock     *os.File
	index    *os.File
	progress func(n int)
	poisoned error
	unswept  bool     // rows of deleted documents wait for Close
	fresh    bool     // Create made the store, and nothing was committed since
	made     []string // the folders that Create made, the innermost first

	// given has the number of the document that came with an id, by the id's
	// hash: for those that a Match in use may not have seen. All of these were
	// made after the commit that asOf stands for.
	seed      maphash.Seed
	given     map[uint64]int64
	asOf      int64
	replacing *replacement // the open one; nil: none
	bulk      *bulk        // the one on its way; nil: none
	stage

	heldDocuments, heldBytes int // staged in the transaction that is open
}

// stage is what the next commit will make visible.
type stage struct {
	buffer  []staged                  // documents not yet in the database
	floats  []byte                    // their floats, not yet in the file
	texts   int                       // bytes of their texts and metadata
	next    int64                     // number of the next document
	rows    int64                     // rows in the file and the buffer
	unit    bool                      // no staged vector has another length than 1 or 0
	extent  extent                    // the last extent with the staged floats that are in the file
	object  string                    // the metadata of the last document that went to the database
	meta    int64                     // its number, 0 before the first
	doomed  *roaring.Bitmap           // committed documents that go
	updates map[int64]engine.Document // committed documents that stay with other lines or metadata
	sources []sourceChange
}

type staged struct {
	doc    engine.Document
	origin engine.Origin
	source int64
	fields []field // of its metadata; nil: not known
}

// extent is a run of rows and the CRC-32C of its floats.
type extent struct {
	first, count int64
	crc          uint32
}

// What Add may hold back before it writes to disk.
const (
	stageDocuments = 1000
	stageBytes     = 8 << 20
)

// OpenWriter opens the store at dir for writing, and repairs what a killed
// writer left staged. Errors: those of Open.
func OpenWriter(ctx context.Context, dir string, o engine.Options) (*Writer, error) {
	w := newWriter(dir, o)
	if err := w.open(ctx, o); err != nil {
		return nil, fmt.Errorf("opening store %q: %w", dir, errors.Join(err, w.release()))
	}
	return w, nil
}

func newWriter(dir string, o engine.Options) *Writer {
	w := &Writer{Store: newStore(dir, o), progress: o.Progress}
	if w.progress == nil {
		w.progress = func(int) {}
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
	if err := w.connect(ctx, sqlite.ReadWrite); err != nil {
		return err
	}
	// In a writing transaction: a writer whose lock file was taken away from it
	// may be about to commit.
	w.mu.Lock()
	err = w.within(ctx, "BEGIN IMMEDIATE", func() (err error) {
		if w.index, err = repairIndex(w.indexPath(w.state.indexFile), w.state); err != nil {
			return err
		}
		return w.removeStale()
	})
	w.mu.Unlock()
	if err != nil {
		return err
	}
	w.alone = true
	w.begin()
	return w.sweep(ctx)
}

// begin starts an empty stage after the committed state.
func (w *Writer) begin() {
	if w.given == nil {
		w.seed, w.given = maphash.MakeSeed(), map[uint64]int64{}
	}
	maps.DeleteFunc(w.given, func(_ uint64, n int64) bool { return n < w.asOf })
	w.stage = stage{
		next: w.state.count, rows: w.state.rows, unit: w.state.unit,
		doomed: roaring.New(), updates: map[int64]engine.Document{},
	}
}

// Close drops what was not committed and releases the lock.
func (w *Writer) Close() error {
	w.mu.Lock()
	open := w.conn != nil
	w.mu.Unlock()
	if !open {
		return nil
	}
	var err error
	switch {
	case w.next > w.state.count:
		err = w.drop()
	case w.unswept && w.poisoned == nil:
		err = w.sweep(context.Background())
	}
	return errors.Join(err, w.release())
}

// drop gives back the room that staged documents took. The next writer would
// do the same; on a full disk it must not wait for it. Where it is not known
// whether a commit came through, everything is left to the next writer.
func (w *Writer) drop() error {
	err := errors.Join(w.endHold("ROLLBACK"), w.leaveBulk())
	if w.uncertain {
		return err
	}
	err = errors.Join(err, w.cut())
	if w.poisoned != nil {
		return err
	}
	w.begin()
	if w.fresh { // the whole store goes with Discard; its rows need no sweep
		w.poisoned = errDiscard
		return err
	}
	return errors.Join(err, w.sweep(context.Background()))
}

// errDiscard says that the first thing written to a new store failed.
var errDiscard = errors.New("a new store whose first run failed can only be discarded")

// cut brings the index file back to the committed rows. It must not do so where
// another process has come to write: what it would cut may be committed.
func (w *Writer) cut() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.poisoned, engine.ErrLockLost) {
		return nil
	}
	return w.within(context.Background(), "BEGIN IMMEDIATE", func() error {
		if err := w.undisturbed(); err != nil {
			return err
		}
		return cutTail(w.index, w.state)
	})
}

func (w *Writer) release() error {
	err := w.Store.Close()
	if w.index != nil {
		err = errors.Join(err, w.index.Close())
	}
	if w.lock != nil {
		err = errors.Join(err, releaseLock(w.lock))
	}
	return err
}

// usable reports why nothing can be written any more. The caller holds w.mu.
func (w *Writer) usable() error {
	switch {
	case w.conn == nil:
		return engine.ErrClosed
	case w.poisoned != nil:
		return w.poisoned
	case w.uncertain:
		return errUncertain
	}
	return nil
}

// errUncertain says that SQLite ended a transaction of the writer by itself.
var errUncertain = errors.New("an earlier error ended the transaction in which documents were staged")

// undisturbed reports whether this process is still the only writer: its lock is
// the one at the lock's path, and the last commit is its own. Each writing
// transaction must begin with it, since users and tools remove lock files.
func (w *Writer) undisturbed() error {
	if !holdsLock(w.lock) {
		return fmt.Errorf("%w: its lock file was removed or replaced", engine.ErrLockLost)
	}
	crc, err := w.conn.Int64(`SELECT crc FROM store`)
	if err == nil && crc != w.state.checksum() {
		err = fmt.Errorf("%w: another process has committed", engine.ErrLockLost)
	}
	return err
}

// stageUndisturbed reports in addition whether the documents that were staged are
// still the last ones.
func (w *Writer) stageUndisturbed() error {
	err := w.undisturbed()
	written := w.next - int64(len(w.buffer))
	if err != nil || written == w.state.count {
		return err
	}
	last, err := w.conn.Int64(`SELECT coalesce(max(n), -1) FROM document`)
	if err == nil && last != written-1 {
		err = fmt.Errorf("%w: another process has changed what was staged", engine.ErrLockLost)
	}
	return err
}

// update runs f inside a writing transaction. An interrupt does not break into
// it: the transaction is short, and half of one would cost the whole stage.
func (w *Writer) update(ctx context.Context, f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	guarded := f
	if !w.held {
		guarded = func() error {
			if err := w.stageUndisturbed(); err != nil {
				return err
			}
			return f()
		}
	}
	err := w.within(context.WithoutCancel(ctx), "BEGIN IMMEDIATE", guarded)
	w.poisoned = err
	return err
}

// fail poisons the writer.
func (w *Writer) fail(err error) {
	w.mu.Lock()
	w.poisoned = err
	w.mu.Unlock()
}

// put stages a document of a source with its vector as the store keeps it and,
// where they are known already, the typed rows of its metadata. It stays in the
// buffer until the caller flushes.
func (w *Writer) put(doc engine.Document, origin engine.Origin, src *engine.Source, x []float32, fields []field) error {
	if err := w.room(); err != nil {
		return err
	}
	doc.Source, doc.Vector = src.Name, nil
	w.buffer = append(w.buffer, staged{doc, origin, src.Number, fields})
	w.floats = append(w.floats, vector.Bytes(x)...)
	w.texts += len(doc.Text) + len(doc.Metadata)
	w.unit = w.unit && engine.IsUnit(x, len(x))
	w.next++
	w.rows++
	return nil
}

// room reports whether a document number is left.
func (w *Writer) room() error {
	if w.next > math.MaxUint32 {
		return errors.New("the store is full: it has had 2^32 documents")
	}
	return nil
}

// full tells whether the buffer is to be flushed.
func (w *Writer) full() bool {
	return len(w.buffer) >= stageDocuments || len(w.floats)+w.texts >= stageBytes
}

// flush writes the buffer: floats past the end of the file, documents past the
// count. The caller is inside a writing transaction.
func (w *Writer) flush() error {
	if len(w.buffer) == 0 {
		return nil
	}
	offset := faiss.HeaderSize + 4*(w.rows-int64(len(w.buffer)))*int64(w.state.facts.Dim)
	if _, err := w.index.WriteAt(w.floats, offset); err != nil {
		return err
	}
	if err := w.extend(); err != nil {
		return err
	}
	first := w.next - int64(len(w.buffer))
	for i := range w.buffer {
		if err := w.insert(first+int64(i), &w.buffer[i]); err != nil {
			return err
		}
	}
	clear(w.buffer)
	w.buffer, w.floats, w.texts = w.buffer[:0], w.floats[:0], 0
	return nil
}

func (w *Writer) insert(n int64, s *staged) error {
	d := &s.doc
	if w.meta == 0 || w.object != string(d.Metadata) { // chunks of a source most often share it
		meta, err := w.intern(d.Metadata, s.fields)
		if err != nil {
			return err
		}
		w.object, w.meta = string(d.Metadata), meta
	}
	return w.conn.Exec(`INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, n, d.ID, s.source, w.meta, int(s.origin),
		d.StartIndex, d.StartLine, d.EndLine, textHash(d.Text), documentHash(d, n, s.origin), d.Text)
}

// intern is the number of a metadata object in this store.
func (w *Writer) intern(object json.RawMessage, fields []field) (int64, error) {
	if w.bulk != nil {
		return w.bulk.intern(w.conn, object, fields)
	}
	return intern(w.conn, object, fields)
}

// Failed tells whether a write failed: the writer can only be closed.
func (w *Writer) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.poisoned != nil || w.uncertain
}

// Pending tells how many documents wait for the next commit: new ones, and
// those that stay in another place.
func (w *Writer) Pending() int64 { return w.next - w.state.count + int64(len(w.updates)) }

// Commit makes everything visible that was staged since the last one: all of
// it or, when the process dies before the end, nothing.
func (w *Writer) Commit(ctx context.Context) error {
	if w.replacing != nil {
		w.replacing.settle()
	}
	doomed := !w.doomed.IsEmpty()
	if err := w.publish(ctx); err != nil || !doomed {
		return err
	}
	return w.sweep(ctx)
}

// publish is Commit without the removal of rows that nobody sees any more.
func (w *Writer) publish(ctx context.Context) error {
	if w.Pending() == 0 && len(w.sources) == 0 && w.doomed.IsEmpty() {
		return nil
	}
	next := *w.state
	err := w.hold(ctx)
	if err == nil {
		err = w.update(ctx, func() error {
			next = *w.state
			return w.commit(&next)
		})
	}
	if err == nil {
		err = w.letGo()
	}
	if err != nil {
		return fmt.Errorf("committing to %q: %w", w.dir, err)
	}
	w.mu.Lock()
	w.state = &next
	w.mu.Unlock()
	w.fresh = false
	w.begin()
	// Readers do not believe the header, and the next writer mends it: that it
	// cannot be written does not undo the commit.
	_, _ = w.index.WriteAt(next.header(), 0)
	return nil
}

// commit writes the next state. The floats are on disk before it returns.
func (w *Writer) commit(next *state) error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.rows > w.state.rows {
		if err := w.index.Sync(); err != nil {
			return err
		}
		if err := w.saveExtent(); err != nil {
			return err
		}
	}
	if err := w.saveBitmaps(next); err != nil {
		return err
	}
	if err := w.savePlaces(); err != nil {
		return err
	}
	if err := w.saveSources(); err != nil {
		return err
	}
	if !w.doomed.IsEmpty() || len(w.updates) > 0 {
		next.generation++
	}
	next.updated = time.Now()
	next.unit = w.unit
	next.count, next.rows = w.next, w.rows
	next.documents = next.rows - int64(next.dead.GetCardinality())
	return saveState(w.conn, next)
}

func (w *Writer) saveBitmaps(next *state) error {
	added := roaring.New()
	added.AddRange(uint64(w.state.count), uint64(w.next))
	next.present = roaring.Or(w.state.present, added)
	next.dead = roaring.Or(w.state.dead, w.doomed)
	if err := savePages(w.conn, kindPresent, next.present, added); err != nil {
		return err
	}
	if w.doomed.IsEmpty() {
		return nil
	}
	if err := savePages(w.conn, kindDead, next.dead, w.doomed); err != nil {
		return err
	}
	unswept, err := loadBitmap(w.conn, w.path, kindUnswept)
	if err != nil {
		return err
	}
	unswept.Or(w.doomed)
	return savePages(w.conn, kindUnswept, unswept, w.doomed)
}

// extentRows is how many rows an extent has at least before the next commit
// starts a new one: one checksum a commit would be too many for small commits.
const extentRows = 1 << 16

// extend adds the buffer's rows to the stage's extent.
func (w *Writer) extend() error {
	if w.extent.count == 0 {
		w.extent.first = w.state.rows
		for row, err := range w.conn.Query(`SELECT first, count, crc FROM extent ORDER BY first DESC LIMIT 1`) {
			if err != nil {
				return err
			}
			if n := row.Int64(1); n < extentRows {
				w.extent = extent{row.Int64(0), n, uint32(row.Int64(2))}
			}
		}
	}
	w.extent.count += int64(len(w.buffer))
	w.extent.crc = crc32.Update(w.extent.crc, castagnoli(), w.floats)
	return nil
}

func (w *Writer) saveExtent() error {
	return w.conn.Exec(`REPLACE INTO extent VALUES (?, ?, ?)`, w.extent.first, w.extent.count, int64(w.extent.crc))
}

// savePlaces rewrites what changed of documents that stay: lines and metadata.
func (w *Writer) savePlaces() error {
	const query = `UPDATE document SET meta = ?, start_index = ?, start_line = ?, end_line = ?, hash = ? WHERE n = ?`
	for n, d := range w.updates {
		meta, err := intern(w.conn, d.Metadata, nil)
		if err != nil {
			return err
		}
		origin, err := w.origin(n)
		if err != nil {
			return err
		}
		err = w.conn.Exec(query, meta, d.StartIndex, d.StartLine, d.EndLine, documentHash(&d, n, origin), n)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) origin(n int64) (origin engine.Origin, err error) {
	value, err := w.conn.Int64(`SELECT origin FROM document WHERE n = ?`, n)
	return engine.Origin(value), err
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
	err := w.update(ctx, func() error {
		next = *w.state
		next.updated = time.Now()
		f(&next)
		return saveState(w.conn, &next)
	})
	if err == nil {
		w.mu.Lock()
		w.state = &next
		w.mu.Unlock()
	}
	return err
}
