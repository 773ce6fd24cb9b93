package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/publish"
	"sheaf/internal/sqlite"
)

// database is the connection to a store's sheaf.db. One goroutine uses it at a
// time.
type database struct {
	path     string
	patience time.Duration // how long to wait for other processes
	conn     *sqlite.Conn
	last     *state // of the last transaction; nil before the first
	version  int64  // of the format; 0 before the first transaction
	file     os.FileInfo
}

// inPlace reports whether the database that is open is the one at its path.
func (db *database) inPlace() bool {
	now, err := os.Lstat(db.path)
	return err == nil && os.SameFile(db.file, now)
}

// tx is an open transaction and the state of the store that it sees. What needs a
// transaction is a method of it.
type tx struct {
	*sqlite.Conn
	*state
	path    string // of the database
	version int64  // of its format
}

// How a transaction begins. A writing one takes the right to write at once.
const (
	beginRead  = "BEGIN"
	beginWrite = "BEGIN IMMEDIATE"
)

// openDatabase opens the database at path, which must be a store's. Errors:
// ErrNotExist where it is missing or empty, *FormatError, *LockedError.
func openDatabase(ctx context.Context, path string, mode sqlite.Mode, patience time.Duration) (*database, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, engine.ErrNotExist
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &engine.FormatError{Path: path, Problem: "not a file", Remedy: remedyDamaged}
	case info.Size() == 0:
		return nil, engine.ErrNotExist
	}
	db := &database{path: path, patience: min(patience, math.MaxInt32*time.Millisecond), file: info} // SQLite counts so far
	if err := db.patiently(ctx, func(wait time.Duration) error { return db.connect(mode, wait) }); err != nil {
		return nil, err
	}
	if err := db.run(ctx, beginRead, func(*tx) error { return nil }); err != nil {
		return nil, errors.Join(err, db.conn.Close())
	}
	return db, nil
}

// The settings of a connection. A writer keeps 32 MiB of the database in memory, not
// 2 MB: it comes back to the same pages of the indexes again and again.
var (
	readerSettings = []string{"cache_spill = OFF", "temp_store = MEMORY"}
	writerSettings = append(readerSettings[:2:2], "journal_mode = DELETE", "synchronous = EXTRA", "cache_size = -32768")
)

// connect opens the connection with the settings of docs/format.md.
func (db *database) connect(mode sqlite.Mode, wait time.Duration) error {
	conn, err := sqlite.Open(db.path, mode)
	if err != nil {
		return errors.Join(sqliteError(db.path, err), readable(db.path))
	}
	conn.SetBusyTimeout(wait)
	settings := readerSettings
	if mode != sqlite.ReadOnly {
		settings = writerSettings
	}
	if err := configure(conn, settings); err != nil {
		return errors.Join(sqliteError(db.path, err), conn.Close())
	}
	db.conn = conn
	return nil
}

// configure changes settings of a connection.
func configure(conn *sqlite.Conn, settings []string) error {
	for _, setting := range settings {
		if _, err := pragma(conn, setting); err != nil {
			return err
		}
	}
	return nil
}

// readable returns why a file cannot be read, which SQLite does not say.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// run runs f in a transaction, which is committed when f succeeds and rolled back
// when it fails. Statements end when ctx does.
func (db *database) run(ctx context.Context, how string, f func(*tx) error) error {
	t, err := db.begin(ctx, how)
	if err != nil {
		return err
	}
	return db.end(t, f(t))
}

// begin opens a transaction, for end. Statements of it end when ctx does.
func (db *database) begin(ctx context.Context, how string) (*tx, error) {
	err := db.patiently(ctx, func(wait time.Duration) error {
		db.conn.SetBusyTimeout(wait)
		defer db.conn.SetBusyTimeout(db.patience)
		db.conn.SetContext(ctx)
		return db.explain(db.conn.Exec(how))
	})
	if err != nil {
		db.conn.SetContext(context.Background())
		return nil, err
	}
	t := &tx{Conn: db.conn, path: db.path}
	if db.version == 0 {
		db.version, err = checkSchema(db.conn, db.path)
	}
	t.version = db.version
	if err == nil {
		err = t.loadState(db.last)
	}
	if err != nil {
		return nil, db.end(t, err)
	}
	db.last = t.state
	return t, nil
}

// errUncertain says that a commit failed and it is not known whether it came
// through.
var errUncertain = errors.New("the transaction ended without a certain outcome")

// end commits a transaction, or rolls it back for the error err, which it
// returns. A COMMIT that fails most often leaves the transaction open or rolls it
// back; but when only the folder of the journal could not be synced it has come
// through: the error is then errUncertain too.
func (db *database) end(t *tx, err error) error {
	defer db.conn.SetContext(context.Background())
	failed := db.explain(err)
	if err == nil {
		failed = db.explain(commit(t.Conn, db.path))
		if failed != nil && !t.InTransaction() {
			failed = fmt.Errorf("%w: %w", errUncertain, failed)
		}
	}
	return db.rollBack(t, failed)
}

// rollBack ends a transaction that failed, where SQLite has not done so.
func (db *database) rollBack(t *tx, err error) error {
	if err != nil && t.InTransaction() {
		db.conn.SetContext(context.Background())
		err = errors.Join(err, t.Exec("ROLLBACK"))
	}
	return err
}

// commit commits the transaction of a connection to the database at path. Where that
// has a journal, its name is made durable before: SQLite does so too, and goes on
// when it fails.
func commit(conn *sqlite.Conn, path string) error {
	if _, err := os.Lstat(path + "-journal"); err == nil {
		if err := publish.SyncDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return conn.Exec("COMMIT")
}

// explain prefers our own errors to SQLite's.
func (db *database) explain(err error) error {
	if sqlite.CodeOf(err).Primary() == sqlite.ReadOnlyDB {
		return err // Open looks at it
	}
	return sqliteError(db.path, err)
}

const (
	// busySlice is how long SQLite waits for a lock at a time: it does not notice
	// meanwhile that nobody wants to wait any more.
	busySlice = 100 * time.Millisecond
	// lockPoll is how often a process that waits for another looks again.
	lockPoll = 20 * time.Millisecond
)

// patiently does what another process's lock may prevent, until that is gone, the
// patience is over or ctx ends. do waits by itself for so long.
func (db *database) patiently(ctx context.Context, do func(wait time.Duration) error) error {
	until := time.Now().Add(db.patience)
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
