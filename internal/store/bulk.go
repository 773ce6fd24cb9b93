package store

import (
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"iter"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"sheaf/internal/dense"
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
	fields []metaField // not staged yet
}

// The typed rows of metadata wait in a table of their own for being sorted, and
// are added to it by so many at once: a statement costs more than a row.
const (
	fieldsStaged = `CREATE TEMP TABLE staged (key, value, kind, meta)`
	fieldsSorted = `INSERT INTO field SELECT key, value, kind, meta FROM staged ORDER BY 1, 2, 3, 4`
	fieldsDone   = `DROP TABLE staged`
	fieldRows    = 100
)

// metaField is a row of table field.
type metaField struct {
	field
	meta int64
}

// bulkSettings are those that let a transaction grow, regularSettings their
// opposites: see Store.dial. Not both can be changed inside one.
var (
	bulkSettings    = []string{"cache_spill = ON", "temp_store = FILE"}
	regularSettings = []string{"cache_spill = OFF", "temp_store = MEMORY"}
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
	w.bulk = &bulk{seed: maphash.MakeSeed()}
	return w.update(ctx, func() error {
		for name := range indexes() {
			if err := sqlitex.ExecuteTransient(w.conn, "DROP INDEX "+name, nil); err != nil {
				return err
			}
		}
		return sqlitex.ExecuteTransient(w.conn, fieldsStaged, nil)
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
		return sqlitex.Execute(w.conn, rows, &sqlitex.ExecOptions{
			ResultFunc: func(*sqlite.Stmt) error { empty = false; return nil },
		})
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
	if err := errors.Join(w.settleBulk(ctx), <-synced); err != nil {
		return err
	}
	w.bulk = nil
	if err := w.letGo(); err != nil {
		return err
	}
	return w.set(regularSettings)
}

// settleBulk can be interrupted, since nothing that is lost then would stay.
func (w *Writer) settleBulk(ctx context.Context) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.SetInterrupt(ctx.Done())
	defer func() {
		w.conn.SetInterrupt(nil)
		err = w.explain(ctx, err)
		w.poisoned = err
	}()
	if err := w.bulk.stageFields(w.conn, len(w.bulk.fields)); err != nil {
		return err
	}
	steps := []string{fieldsSorted, fieldsDone}
	for _, create := range indexes() {
		steps = append(steps, create)
	}
	for _, step := range steps {
		if err := sqlitex.ExecuteTransient(w.conn, step, nil); err != nil {
			return err
		}
	}
	return nil
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
	if fields == nil {
		var err error
		if fields, err = fieldsOf(object); err != nil {
			return 0, err
		}
	}
	meta, err := insertMeta(conn, object)
	if err != nil {
		return 0, err
	}
	b.metas.Add(hash, uint32(meta))
	for _, f := range fields {
		b.fields = append(b.fields, metaField{f, meta})
	}
	return meta, b.stageFields(conn, fieldRows)
}

// isMeta tells whether a metadata object has a number.
func isMeta(conn *sqlite.Conn, meta int64, object json.RawMessage) (same bool, err error) {
	err = sqlitex.Execute(conn, `SELECT json = ? FROM meta WHERE meta = ?`, &sqlitex.ExecOptions{
		Args:       []any{string(object), meta},
		ResultFunc: func(stmt *sqlite.Stmt) error { same = stmt.ColumnBool(0); return nil },
	})
	return same, err
}

// stageFields stages so many rows at a time, for as long as there are.
func (b *bulk) stageFields(conn *sqlite.Conn, n int) error {
	for n > 0 && len(b.fields) >= n {
		query := `INSERT INTO staged VALUES (?, ?, ?, ?)` + strings.Repeat(`, (?, ?, ?, ?)`, n-1)
		err := insertRow(conn, query, func(row *sqlite.Stmt) {
			for i, f := range b.fields[:n] {
				row.BindText(4*i+1, f.key)
				bindValue(row, 4*i+2, f.value)
				row.BindInt64(4*i+3, int64(f.kind))
				row.BindInt64(4*i+4, f.meta)
			}
		})
		if err != nil {
			return err
		}
		b.fields = b.fields[:copy(b.fields, b.fields[n:])]
	}
	return nil
}

// bindValue binds a value that [typed] made.
func bindValue(row *sqlite.Stmt, i int, value any) {
	switch v := value.(type) {
	case int:
		row.BindInt64(i, int64(v))
	case int64:
		row.BindInt64(i, v)
	case float64:
		row.BindFloat(i, v)
	case string:
		row.BindText(i, v)
	case []byte:
		row.BindBytes(i, v)
	}
}

// indexes yields the names of the schema's indexes with what makes them.
func indexes() iter.Seq2[string, string] {
	return func(yield func(name, create string) bool) {
		for statement := range strings.SplitSeq(schema, ";") {
			words := strings.Fields(statement)
			if len(words) > 2 && words[1] == "INDEX" && !yield(words[2], statement) {
				return
			}
		}
	}
}
