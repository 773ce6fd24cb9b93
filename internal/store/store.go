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
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/sqlite"
)

const databaseName = "sheaf.db"

// Store answers from a store. It is safe for concurrent use.
type Store struct {
	dir   string
	path  string // of the database
	mu    sync.Mutex
	conn  *sqlite.Conn // nil once closed
	state *state
	alone bool // this process holds the writer lock: state is never behind

	// uncertain: a commit failed, and it is not known whether it came through; or
	// SQLite ended a transaction by itself.
	uncertain bool
	held      bool // a transaction is open for all that is done: Writer.hold

	patience time.Duration // how long to wait for other processes
}

// Is tells whether dir looks like a store: it holds a database of that name.
func Is(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, databaseName))
	return err == nil && info.Mode().IsRegular()
}

// Open opens the store at dir for reading; it never writes there, except that
// it lets SQLite undo what a killed writer left half done. Errors:
// ErrNotExist, *FormatError, *LockedError.
func Open(ctx context.Context, dir string, o engine.Options) (*Store, error) {
	s := newStore(dir, o)
	err := s.connect(ctx, sqlite.ReadOnly)
	if code := sqlite.CodeOf(err); code == sqlite.ReadOnlyRollback || code == sqlite.ReadOnlyCantInit {
		if err = s.rollBack(ctx); err == nil {
			err = s.connect(ctx, sqlite.ReadOnly)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening store %q: %w", dir, err)
	}
	return s, nil
}

func newStore(dir string, o engine.Options) *Store {
	patience := min(o.LockTimeout, math.MaxInt32*time.Millisecond) // SQLite counts so far
	return &Store{dir: dir, path: filepath.Join(dir, databaseName), patience: patience}
}

// rollBack undoes a killed writer's transaction, which takes a connection that may write.
func (s *Store) rollBack(ctx context.Context) error {
	var locked *engine.LockedError
	switch err := s.connect(ctx, sqlite.ReadWrite); {
	case errors.Is(err, engine.ErrNotExist), errors.As(err, &locked), ctx.Err() != nil:
		return err
	case err != nil:
		return &engine.FormatError{
			Path:    s.path,
			Problem: "a killed writer left a journal that cannot be rolled back here: " + err.Error(),
			Remedy:  "open the store once where it can be written, or copy it with its journal to such a place",
		}
	}
	return s.Close()
}

// connect opens the database, which must be a store's, and loads its state.
func (s *Store) connect(ctx context.Context, mode sqlite.Mode) error {
	info, err := os.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return s.nothing()
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &engine.FormatError{Path: s.path, Problem: "not a file", Remedy: remedyDamaged}
	case info.Size() == 0:
		return s.nothing()
	}
	if err := s.patiently(ctx, func(wait time.Duration) error { return s.dial(mode, wait) }); err != nil {
		return err
	}
	err = s.transaction(ctx, func() error { return nil })
	if err != nil {
		s.conn.Close()
		s.conn = nil
	}
	return err
}

// nothing is ErrNotExist, unless there are vectors without a database: then that
// is lost, and nobody may start over in its place.
func (s *Store) nothing() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return engine.ErrNotExist
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && isIndexName(entry.Name()) && info.Size() > faiss.HeaderSize {
			return damaged(s.path, "it is missing or empty, and %q holds vectors", entry.Name())
		}
	}
	return engine.ErrNotExist
}

// writerCache lets a writer keep 32 MiB of the database in memory, not 2 MB: it
// comes back to the same pages of the indexes again and again.
const writerCache = "cache_size = -32768"

// dial opens the connection with the settings of docs/format.md. It waits so long
// for a lock.
func (s *Store) dial(mode sqlite.Mode, wait time.Duration) error {
	conn, err := sqlite.Open(s.path, mode)
	if err != nil {
		return errors.Join(sqliteError(s.path, err), readable(s.path))
	}
	conn.SetBusyTimeout(wait)
	settings := []string{"cache_spill = OFF", "temp_store = MEMORY"}
	if mode != sqlite.ReadOnly {
		settings = append(settings, "journal_mode = DELETE", "synchronous = EXTRA", writerCache)
	}
	for _, setting := range settings {
		if _, err := pragma(conn, setting); err != nil {
			return errors.Join(sqliteError(s.path, err), conn.Close())
		}
	}
	s.conn = conn
	return nil
}

// readable tells why a file cannot be read, which SQLite does not.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// Close releases the store. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// Facts are the facts of the store, as of the last transaction.
func (s *Store) Facts() engine.Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.facts
}

// Settings are what Writer.SetSettings kept: how the store's first source was split.
func (s *Store) Settings() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.settings
}

// transaction runs f inside a read transaction with s.state fresh. It must be
// short: writers wait for it.
func (s *Store) transaction(ctx context.Context, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return engine.ErrClosed
	}
	return s.within(ctx, "BEGIN", f)
}

// within runs f between begin and COMMIT, and rolls back when it fails. The
// caller holds s.mu.
func (s *Store) within(ctx context.Context, begin string, f func() error) (err error) {
	if s.held { // many short steps: each is done before it can be interrupted
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := s.explain(ctx, f())
		// SQLite rolls the whole transaction back by itself after some errors, also
		// of a read: then all that was staged in it is gone.
		s.uncertain = s.uncertain || err != nil && !s.conn.InTransaction()
		return err
	}
	defer s.conn.SetContext(context.Background())
	if err := s.patiently(ctx, func(wait time.Duration) error { return s.start(ctx, begin, wait) }); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = s.commitTransaction(ctx)
		}
		err = s.abandon(err)
	}()
	return s.explain(ctx, f())
}

// start begins a transaction with s.state fresh. It waits so long for a lock.
func (s *Store) start(ctx context.Context, begin string, wait time.Duration) (err error) {
	s.conn.SetBusyTimeout(wait)
	defer s.conn.SetBusyTimeout(s.patience)
	s.conn.SetContext(ctx)
	if err := s.conn.Exec(begin); err != nil {
		return s.explain(ctx, err)
	}
	defer func() { err = s.abandon(err) }()
	if s.state == nil {
		if err := checkSchema(s.conn, s.path); err != nil {
			return s.explain(ctx, err)
		}
	}
	if s.alone {
		return nil
	}
	st, err := loadState(s.conn, s.path, s.state)
	if err == nil {
		s.state = st
	}
	return s.explain(ctx, err)
}

// abandon rolls back a transaction that failed, where one is open.
func (s *Store) abandon(err error) error {
	if err == nil || !s.conn.InTransaction() {
		return err
	}
	s.conn.SetContext(context.Background())
	return errors.Join(err, s.conn.Exec("ROLLBACK"))
}

// busySlice is how long SQLite waits for a lock at a time: it does not notice
// meanwhile that nobody wants to wait any more.
const busySlice = 100 * time.Millisecond

// patiently does what another process's lock may keep from being done, until that
// is gone, the lock timeout is over or ctx ends. do waits by itself for so long.
func (s *Store) patiently(ctx context.Context, do func(wait time.Duration) error) error {
	until := time.Now().Add(s.patience)
	for {
		left := time.Until(until)
		err := do(max(0, min(left, busySlice)))
		var locked *engine.LockedError
		if !errors.As(err, &locked) || left <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// commitTransaction ends a transaction. A COMMIT that fails most often leaves it
// open or rolls it back; but when only the journal's directory could not be
// synced, it has come through.
func (s *Store) commitTransaction(ctx context.Context) error {
	err := s.conn.Exec("COMMIT")
	s.uncertain = s.uncertain || err != nil && !s.conn.InTransaction()
	return s.explain(ctx, err)
}

// explain prefers the reason of an interrupt, and our own errors, to SQLite's.
func (s *Store) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case sqlite.CodeOf(err).Primary() == sqlite.ReadOnlyDB:
		return err // Open looks at it
	}
	return sqliteError(s.path, err)
}

func indexName(n int64) string { return "index." + strconv.FormatInt(n, 10) + ".faiss" }

func isIndexName(name string) bool {
	number, ok := strings.CutPrefix(name, "index.")
	number, ends := strings.CutSuffix(number, ".faiss")
	return ok && ends && number != "" && strings.Trim(number, "0123456789") == ""
}

func (s *Store) indexPath(n int64) string { return filepath.Join(s.dir, indexName(n)) }
