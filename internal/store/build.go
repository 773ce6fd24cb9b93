package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"runtime/debug"

	"sheaf/internal/column"
	"sheaf/internal/crash"
	"sheaf/internal/dense"
	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/publish"
	"sheaf/internal/sqlite"
)

// buildName is the database of a store that is being built.
const buildName = "sheaf.db.new"

// builder makes the content of a store that never had a document: a database and
// an index file beside those that are there, which readers go on using. Nothing is
// synced and nothing can be rolled back before the database is whole; then it is
// synced and renamed into place, which is the commit. A kill leaves files that the
// next writer removes.
//
// The indexes of the database are made at the end, each in one sorted pass: to keep
// them in order while rows come in none takes most of the time. What they would be
// asked is answered from memory, by some 40 bytes a document.
type builder struct {
	*Writer
	seed  maphash.Seed
	ids   dense.Table // document numbers by the hash of the id
	metas dense.Table // numbers of metadata objects by the hash of the object
}

// buildSettings let transactions grow past the memory that SQLite has for them. Rows
// that come in their order need a small cache, of which SQLite takes as much again
// to sort.
var buildSettings = []string{"journal_mode = MEMORY", "synchronous = OFF", "temp_store = FILE", "cache_size = -16384", "threads = 2"}

// newBuilder begins to build the store of a writer.
func (w *Writer) newBuilder(ctx context.Context) (_ *builder, err error) {
	base := *w.base
	base.indexFile++
	b := &builder{Writer: &Writer{progress: w.progress, lock: w.lock, coding: w.coding}, seed: maphash.MakeSeed()}
	b.Store = &Store{dir: w.dir, session: b.Writer}
	b.stage = newStage(&base, b)
	if b.terms != nil {
		b.terms.schema = "temp"
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.discard())
		}
	}()
	// A writer that is not alone any more must not touch files of these names.
	err = w.update(ctx, func(*tx) (err error) {
		path := filepath.Join(w.dir, buildName)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if b.vectors, err = column.Create(filepath.Join(b.dir, indexName(b.base.indexFile)), base.vectorFormat()); err != nil {
			return err
		}
		b.db, err = createDatabase(path, &base, ofKind("TABLE"), buildSettings, w.db.patience)
		return err
	})
	if err != nil {
		return b, err
	}
	for _, create := range []string{`CREATE TEMP TABLE typed (key, value, kind, meta)`, tempSegment, tempPage} {
		if err = b.db.conn.Exec(create); err != nil {
			return b, err
		}
	}
	return b, nil
}

// holder answers from memory; see lookup.
func (b *builder) holder(t *tx, id string, current func(n int64) bool) (holder, error) {
	for n := range b.ids.At(maphash.String(b.seed, id)) {
		if !current(int64(n)) {
			continue
		}
		for row, err := range t.Query(`SELECT source FROM document WHERE n = ? AND id = ?`, int64(n), id) {
			if err != nil {
				return holder{}, err
			}
			return holder{int64(n), row.Int64(0)}, nil
		}
	}
	return holder{n: -1}, nil
}

func (b *builder) added(id string, n int64) {
	b.ids.Add(maphash.String(b.seed, id), uint32(n))
}

// intern answers from memory; see lookup.
func (b *builder) intern(t *tx, object metadata.Object) (int64, error) {
	hash := maphash.Bytes(b.seed, object.JSON())
	for meta := range b.metas.At(hash) {
		same, err := t.Int64(`SELECT json = ? FROM meta WHERE meta = ?`, string(object.JSON()), int64(meta))
		if err != nil || same == 1 {
			return int64(meta), err
		}
	}
	meta, err := t.insertMeta(object)
	if err != nil {
		return 0, err
	}
	b.metas.Add(hash, uint32(meta))
	return meta, t.insertFields(`INSERT INTO typed VALUES (?, ?, ?, ?)`, meta, object)
}

// makeIndexes makes the indexes before the commit. It can be interrupted. Beside it the
// index file is synced and its codes are made, which the commit would do while nothing
// else happens. SQLite sorts in memory of its own: what was needed to take rows goes before.
func (b *builder) makeIndexes(ctx context.Context) error {
	if err := b.update(ctx, func(t *tx) error { return b.writeFloats(t, b.vectors) }); err != nil {
		return err
	}
	b.ids, b.metas = dense.Table{}, dense.Table{}
	debug.FreeOSMemory()
	codes, err := b.beginCodes(ctx, b.rows)
	if err != nil {
		return err
	}
	synced := crash.Go(b.vectors.Sync)
	coded := crash.Go(func() error { return codes.append(ctx) })
	err = b.db.run(ctx, beginWrite, func(t *tx) error {
		if err := t.makeIndexes(); err != nil {
			return err
		}
		return t.Exec(`INSERT INTO field SELECT * FROM typed ORDER BY 1, 2, 3, 4`)
	})
	return codes.end(ctx, errors.Join(err, <-synced, <-coded))
}

// makeIndexes makes the indexes of the schema.
func (t *tx) makeIndexes() error {
	for _, index := range ofKind("INDEX") {
		if err := t.Exec(index.create); err != nil {
			return err
		}
	}
	return nil
}

// become puts what was built in the place of the writer's store, which has the same
// facts, and goes on from there.
func (w *Writer) become(ctx context.Context, b *builder) error {
	built := b.db.file
	if err := b.close(); err != nil {
		return errors.Join(err, b.discard())
	}
	err := w.swapDatabase(ctx)
	if now, is := os.Lstat(filepath.Join(w.dir, databaseName)); is == nil && os.SameFile(now, built) {
		w.fresh = false // the rename came through, whatever else did not
		if err != nil {
			return fmt.Errorf("after the commit to %q: %w", w.dir, err)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("committing to %q: %w", w.dir, err), b.discard())
	}
	return w.reopen(ctx)
}

// swapDatabase puts the new database, which is closed, in the place of the old one.
func (w *Writer) swapDatabase(ctx context.Context) error {
	path := filepath.Join(w.dir, buildName)
	if err := errors.Join(syncFile(path), publish.SyncDir(w.dir)); err != nil {
		return err
	}
	return w.update(ctx, func(*tx) error { return os.Rename(path, filepath.Join(w.dir, databaseName)) })
}

// reopen goes on with the database that was swapped in. What is committed counts,
// whoever wants to stop.
func (w *Writer) reopen(ctx context.Context) (err error) {
	ctx = context.WithoutCancel(ctx)
	err = errors.Join(publish.SyncDir(w.dir), w.db.conn.Close(), w.vectors.Close())
	if err == nil {
		w.db, err = open(ctx, w.dir, sqlite.ReadWrite, engine.Options{LockTimeout: w.db.patience})
	}
	if err == nil {
		err = w.begin(ctx)
	}
	if err == nil {
		err = w.indexWords(ctx) // a repair has made the database without them
	}
	return err
}

// close closes the files of the builder. The lock stays with the writer.
func (b *builder) close() (err error) {
	if b.db != nil {
		err = b.db.conn.Close()
		b.db = nil
	}
	if b.Writer.vectors != nil {
		_ = b.endFloats()
		err = errors.Join(err, b.vectors.Close())
		b.vectors = nil
	}
	return err
}

// discard removes what was built. Files that may be another writer's stay.
func (b *builder) discard() error {
	err := b.close()
	if !holdsLock(b.lock) {
		return err
	}
	for _, name := range []string{buildName, indexName(b.base.indexFile), sidecarName(codesKind, 1)} {
		path := filepath.Join(b.dir, name)
		if gone := os.Remove(path); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// syncFile makes what is in a closed file durable.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
