// Package store keeps documents and their vectors in one directory: a SQLite
// database (sheaf.db) and a Faiss IndexFlat file (index.<n>.faiss).
//
// The row of facts in sheaf.db is the single commit point. These must hold at
// every moment, whatever is killed when:
//
//   - a document number is assigned once and never reused; numbers at or past
//     the committed count must be ignored by every reader;
//   - a document's row in the index file is the rank of its number in the
//     bitmap of present documents;
//   - the floats of committed rows must be on disk before the commit that
//     counts them, and are never written again;
//   - readers believe the database's count, never the index file's header;
//   - generation must grow with every commit that takes a document away or
//     changes one.
//
// A writer therefore appends floats, syncs them, commits one transaction, and
// then refreshes the header. A kill leaves the old state or the new one; the
// next writer removes what was staged. One process writes at a time, any
// number read. docs/format.md gives the format byte for byte.
//
// The files of the package form layers, each of which calls those below:
//
//	merge, create, compact, check, check_rows, check_words, check_codes, repair  what takes the store as a whole
//	writer, stage, replace, delete, build, indexing, encode, order               what changes it
//	search, ranked, condition, explain, fused, filtered, candidates, filter, read, whole, transfer   what asks it
//	coded, listed                                      the codes of the vectors, the lists that they lie in
//	store                                              the open store and its sessions
//	document, match, meta, source, state, words        tables of the database, as methods of tx
//	database, schema, lock                             the connection and its transactions
//	ahead, terms, errors, ignore                       reading ahead of what writes; errors; .gitignore
//
// A test holds this and lists the few references that run up, with the reason for each.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/sqlite"
	"sheaf/internal/vector"
)

const databaseName = "sheaf.db"

// Store answers from a store. It is safe for concurrent use.
type Store struct {
	dir string
	session

	codesMost int64 // see codes.Search; tests, which have few rows, set it

	mu   sync.Mutex
	kept []io.Closer // what snapshots read, until the store is closed
}

// session runs what reads a store. The one of a writer sees what it has staged.
type session interface {
	// view runs f in a transaction. It must be short: writers wait for it.
	view(ctx context.Context, f func(*tx) error) error
	// seen is the state as of the last transaction.
	seen() *state
	// freeze returns a session whose views all see the state that t sees.
	freeze(ctx context.Context, t *tx) (session, error)
	// Close ends the session. A second call does nothing.
	Close() error
}

// Is reports whether dir looks like a store: it holds a database of that name.
func Is(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, databaseName))
	return err == nil && info.Mode().IsRegular()
}

// Open opens the store at dir for reading; it never writes there, except that
// it lets SQLite undo what a killed writer left half done. Errors:
// ErrNotExist, *FormatError, *LockedError.
func Open(ctx context.Context, dir string, o engine.Options) (*Store, error) {
	db, err := open(ctx, dir, sqlite.ReadOnly, o)
	if code := sqlite.CodeOf(err); code == sqlite.ReadOnlyRollback || code == sqlite.ReadOnlyCantInit {
		if err = rollBack(ctx, dir, o); err == nil {
			db, err = open(ctx, dir, sqlite.ReadOnly, o)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening store %q: %w", dir, err)
	}
	return &Store{dir: dir, session: &reader{db: db}}, nil
}

// open opens the database of the store at dir.
func open(ctx context.Context, dir string, mode sqlite.Mode, o engine.Options) (*database, error) {
	db, err := openDatabase(ctx, filepath.Join(dir, databaseName), mode, o.LockTimeout)
	if errors.Is(err, engine.ErrNotExist) {
		err = nothing(dir)
	}
	return db, err
}

// rollBack undoes a killed writer's transaction, which takes a connection that may write.
func rollBack(ctx context.Context, dir string, o engine.Options) error {
	db, err := open(ctx, dir, sqlite.ReadWrite, o)
	var locked *engine.LockedError
	switch {
	case err == nil:
		return db.conn.Close()
	case errors.Is(err, engine.ErrNotExist), errors.As(err, &locked), ctx.Err() != nil:
		return err
	}
	return &engine.FormatError{
		Path:    filepath.Join(dir, databaseName),
		Problem: "a killed writer left a journal that cannot be rolled back here: " + err.Error(),
		Remedy:  "open the store once where it can be written, or copy it with its journal to such a place",
	}
}

// nothing is ErrNotExist, unless there are vectors without a database: then that
// is lost, and nobody may start over in its place.
func nothing(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return engine.ErrNotExist
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && isIndexName(entry.Name()) && info.Size() > faiss.HeaderSize {
			return damaged(filepath.Join(dir, databaseName), "it is missing or empty, and %q holds vectors", entry.Name())
		}
	}
	return engine.ErrNotExist
}

// reader is the session of a store that is only read: each view is a transaction
// of its own.
type reader struct {
	mu   sync.Mutex
	db   *database  // nil once closed
	kept []*os.File // to be closed after it
	last *state     // of the last transaction

	frozen bool // the database is a copy of its own
}

func (r *reader) view(ctx context.Context, f func(*tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.db == nil {
		return engine.ErrClosed
	}
	err := r.db.run(ctx, beginRead, f)
	// A writer may have put another database in the place of an empty or damaged one,
	// and removed the index file that the old one names: then f runs once more.
	if r.frozen || r.db.inPlace() {
		return err
	}
	db, reopened := openDatabase(ctx, r.db.path, sqlite.ReadOnly, r.db.patience)
	if reopened != nil {
		return errors.Join(err, reopened)
	}
	reopened = r.db.conn.Close()
	r.db = db
	var format *engine.FormatError
	if errors.As(err, &format) {
		err = r.db.run(ctx, beginRead, f)
	}
	return errors.Join(err, reopened)
}

func (r *reader) seen() *state {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.db != nil {
		r.last = r.db.last
	}
	return r.last
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.db == nil {
		return nil
	}
	err := r.db.conn.Close()
	r.last, r.db = r.db.last, nil
	for _, f := range r.kept {
		err = errors.Join(err, f.Close())
	}
	return err
}

// Close releases the store, and what its snapshots read. A second call does nothing.
func (s *Store) Close() error { return errors.Join(s.session.Close(), s.closeKept()) }

func (s *Store) closeKept() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.kept {
		err = errors.Join(err, c.Close())
	}
	s.kept = nil
	return err
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// Facts are the facts of the store, as of the last transaction.
func (s *Store) Facts() engine.Facts { return s.seen().facts }

// Settings are what Writer.SetSettings kept: how the store's first source was split.
func (s *Store) Settings() string { return s.seen().settings }

// sidecarPath is the path of a file of derived columns; see sidecar.
func (s *Store) sidecarPath(kind string, number int64) string {
	return filepath.Join(s.dir, sidecarName(kind, number))
}

func isIndexName(name string) bool {
	number, ok := strings.CutPrefix(name, "index.")
	number, ends := strings.CutSuffix(number, ".faiss")
	return ok && ends && number != "" && strings.Trim(number, "0123456789") == ""
}

// vectors are the vectors of a state: its index file, open.
type vectors struct {
	*column.File
	flat *faiss.Flat
}

// openVectors opens the index file that a state names, for reading.
func openVectors(dir string, st *state) (v vectors, err error) {
	if v.File, err = openIndex(dir, st, os.O_RDONLY); err != nil {
		return v, err
	}
	v.flat, err = faiss.NewFlat(v.File.File, st.facts.Dim, st.rows, faiss.MetricFor(st.facts.Metric == engine.L2))
	if err != nil {
		return v, errors.Join(damaged(v.Name(), "%v", err), v.Close())
	}
	return v, nil
}

// of returns the vectors of documents: len(numbers)*dim numbers.
func (v vectors) of(st *state, numbers []int64) ([]float32, error) {
	rows := make([]int64, len(numbers))
	for i, n := range numbers {
		rows[i] = st.row(n)
	}
	x := make([]float32, len(rows)*st.facts.Dim)
	return x, v.flat.ReadRows(rows, x)
}

// add gives documents their vectors, which are damaged where a number is not finite.
func (v vectors) add(st *state, numbers []int64, docs []engine.Document) error {
	x, err := v.of(st, numbers)
	if err == nil {
		if _, infinite := vector.CheckRows(x, st.facts.Dim); infinite != nil {
			err = damaged(v.Name(), "%v", infinite)
		}
	}
	for i := range docs {
		docs[i].Vector = x[i*st.facts.Dim:][:st.facts.Dim:st.facts.Dim]
	}
	return err
}

func openIndex(dir string, st *state, flag int) (*column.File, error) {
	file, err := column.Open(filepath.Join(dir, indexName(st.indexFile)), st.vectorFormat(), st.rows, flag)
	var damage *column.DamageError
	if errors.As(err, &damage) {
		err = damaged(damage.Path, "%s", damage.Problem)
	}
	return file, err
}

// vectorFormat is the format of Faiss's IndexFlat for a store.
func (st *state) vectorFormat() column.Format {
	metric := faiss.MetricFor(st.facts.Metric == engine.L2)
	return column.Format{
		RowBytes: 4 * int64(st.facts.Dim),
		Header: func(rows int64) []byte {
			return faiss.Header{D: st.facts.Dim, Ntotal: rows, Metric: metric, StoreID: st.id}.Append(nil)
		},
		Check: func(header []byte) error {
			h, err := faiss.ParseHeader(header)
			switch {
			case err != nil:
				return err
			case h.StoreID != st.id:
				return errors.New("it belongs to another store")
			case h.D != st.facts.Dim || h.Metric != metric:
				return fmt.Errorf("its header has dim %d and metric %d, the store has dim %d and metric %s", h.D, h.Metric, st.facts.Dim, st.facts.Metric)
			}
			return nil
		},
	}
}
