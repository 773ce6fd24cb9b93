package store

import (
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"

	"sheaf/internal/dense"
	"sheaf/internal/sqlite"
)

// bulk is how a merge or an import comes into an empty store: in one
// transaction and without indexes, for to keep these in order while rows come in
// none takes most of the time. They are made at the end, each in one sorted
// pass. What they would be asked meanwhile is answered from memory, some 40
// bytes for a document.
//
// The transaction may outgrow the memory that SQLite has for it, and then nobody
// can read the store, in which there is nothing to see. A kill leaves it empty:
// the journal holds the few pages that it had before.
type bulk struct {
	seed   maphash.Seed
	ids    dense.Table // those so far
	metas  dense.Table // the numbers of metadata objects
	fields *fieldSorter
}

// bulkSettings are those that let a transaction grow, regularSettings their
// opposites: see Store.dial. Not all of them can be changed inside one. Rows that
// come in their order need a smaller cache, of which SQLite takes as much again
// to sort.
var (
	bulkSettings    = []string{"cache_spill = ON", "temp_store = FILE", "cache_size = -16384"}
	regularSettings = []string{"cache_spill = OFF", "temp_store = MEMORY", writerCache}
)

// startBulk starts one where the store is empty.
func (w *Writer) startBulk(ctx context.Context) error {
	if w.bulk != nil {
		return nil
	}
	if empty, err := w.empty(ctx); err != nil || !empty {
		return err
	}
	if err := w.set(bulkSettings); err != nil {
		return err
	}
	if err := w.hold(ctx); err != nil {
		return err
	}
	w.bulk = &bulk{seed: maphash.MakeSeed(), fields: newFieldSorter()}
	return w.update(ctx, func() error {
		for _, index := range indexes() {
			if err := w.conn.Exec("DROP INDEX IF EXISTS " + index.name); err != nil {
				return err
			}
		}
		return nil
	})
}

// empty tells whether there never was a document.
func (w *Writer) empty(ctx context.Context) (empty bool, err error) {
	const rows = `SELECT 1 FROM source UNION ALL SELECT 1 FROM meta UNION ALL SELECT 1 FROM document LIMIT 1`
	if w.next > 0 {
		return false, nil
	}
	empty = true
	err = w.transaction(ctx, func() error {
		for _, err := range w.conn.Query(rows) {
			if err != nil {
				return err
			}
			empty = false
		}
		return nil
	})
	return empty, err
}

// set changes settings of the connection, outside of a transaction.
func (w *Writer) set(settings []string) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, setting := range settings {
		_, one := pragma(w.conn, setting)
		err = errors.Join(err, one)
	}
	return sqliteError(w.path, err)
}

// endBulk makes the indexes, once everything staged is in the database and the
// index file, and ends the transaction.
func (w *Writer) endBulk(ctx context.Context) error {
	synced := make(chan error, 1) // the commit does so too, but would do it while nothing else happens
	go func() { synced <- w.index.Sync() }()
	err := w.settleBulk(ctx)
	if err := errors.Join(err, <-synced); err != nil {
		w.fail(err)
		return err
	}
	if err := w.letGo(); err != nil {
		return err
	}
	return w.leaveBulk()
}

// leaveBulk lets go of what a bulk holds besides the transaction, which is over.
func (w *Writer) leaveBulk() error {
	if w.bulk == nil {
		return nil
	}
	w.bulk.fields.stop()
	w.bulk = nil
	return w.set(regularSettings)
}

// settleBulk can be interrupted, since nothing that is lost then would stay.
func (w *Writer) settleBulk(ctx context.Context) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.SetContext(ctx)
	defer func() {
		w.conn.SetContext(context.Background())
		err = w.explain(ctx, err)
	}()
	if err := w.bulk.fields.sort(); err != nil {
		return err
	}
	for _, index := range indexes() {
		if err := w.conn.Exec(index.create); err != nil {
			return err
		}
	}
	for rows := range w.bulk.fields.out {
		if err := insertFieldRows(w.conn, rows); err != nil {
			return err
		}
	}
	return w.bulk.fields.err
}

// isNew tells whether an id is certainly that of no document so far.
func (b *bulk) isNew(id string) bool {
	hash := maphash.String(b.seed, id)
	for range b.ids.At(hash) {
		return false
	}
	b.ids.Add(hash, 0)
	return true
}

// intern is the bulk's way to do what intern does.
func (b *bulk) intern(conn *sqlite.Conn, object json.RawMessage, fields []field) (int64, error) {
	hash := maphash.Bytes(b.seed, object)
	for meta := range b.metas.At(hash) {
		if same, err := isMeta(conn, int64(meta), object); err != nil || same {
			return int64(meta), err
		}
	}
	meta, fields, err := insertMeta(conn, object, fields)
	if err != nil {
		return 0, err
	}
	b.metas.Add(hash, uint32(meta))
	return meta, b.fields.add(meta, fields)
}

// isMeta tells whether a metadata object has a number.
func isMeta(conn *sqlite.Conn, meta int64, object json.RawMessage) (same bool, err error) {
	equal, err := conn.Int64(`SELECT json = ? FROM meta WHERE meta = ?`, string(object), meta)
	return equal != 0, err
}
