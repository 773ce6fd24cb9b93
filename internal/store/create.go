package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/publish"
	"sheaf/internal/sqlite"
)

// Create makes an empty store at dir, which must be missing, empty, or hold
// only what a creation that was killed left there. Errors: ErrExist,
// *OccupiedError, *LockedError, *FormatError.
func Create(ctx context.Context, dir string, f engine.Facts, o engine.Options) (*Writer, error) {
	w, err := create(ctx, dir, f, o)
	if err != nil {
		return nil, fmt.Errorf("creating store %q: %w", dir, err)
	}
	return w, nil
}

func create(ctx context.Context, dir string, f engine.Facts, o engine.Options) (_ *Writer, err error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	if outer := filepath.Dir(filepath.Clean(dir)); Is(outer) {
		return nil, &OccupiedError{Dir: outer, File: databaseName}
	}
	made, err := publish.MakeDir(dir)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return nil, &OccupiedError{Dir: dir}
	case err != nil:
		return nil, err
	}
	if err := vacant(dir); err != nil {
		return nil, err
	}
	w := newWriter(dir, o)
	if w.lock, err = takeLock(ctx, dir, o); err != nil {
		return nil, err
	}
	begun := false
	defer func() {
		switch {
		case err != nil && begun:
			err = errors.Join(err, w.undo(made))
		case err != nil:
			err = errors.Join(err, w.release())
		}
	}()
	switch w.db, err = open(ctx, dir, sqlite.ReadWrite, o); {
	case err == nil:
		return nil, engine.ErrExist
	case !errors.Is(err, engine.ErrNotExist):
		return nil, err
	}
	begun = true
	if err := startOver(dir); err != nil {
		return nil, err
	}
	st := &state{created: time.Now(), facts: f, unit: true, indexFile: 1, present: roaring.New(), dead: roaring.New()}
	st.updated = st.created
	if _, err := rand.Read(st.id[:]); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, databaseName)
	if w.vectors, err = column.Create(filepath.Join(dir, indexName(st.indexFile)), st.vectorFormat()); err != nil {
		return nil, err
	}
	if w.db, err = createDatabase(path, st, definitions(0, formatVersion), writerSettings, o.LockTimeout); err != nil {
		return nil, sqliteError(path, err)
	}
	if err := writeIgnore(dir); err != nil {
		return nil, err
	}
	w.stage, w.fresh, w.made = newStage(st, indexed{}), true, made
	return w, publish.SyncDir(dir)
}

// Discard closes the store. Where Create made it and nothing was committed
// since, it goes, with the folders that Create made: a run that failed leaves
// nothing.
func (w *Writer) Discard() error {
	if !w.fresh {
		return w.Close()
	}
	return w.undo(w.made)
}

// undo removes a store that this writer began to make, and the folders made for
// it. The lock goes before it is released: who waits for it looks again.
func (w *Writer) undo(made []string) error {
	if !holdsLock(w.lock) { // another process may have made it a store of its own
		return w.release()
	}
	err := startOver(w.dir)
	if index := os.Remove(filepath.Join(w.dir, indexName(1))); !errors.Is(index, os.ErrNotExist) {
		err = errors.Join(err, index)
	}
	err = errors.Join(err, removeIgnore(w.dir), os.Remove(w.lock.Name()), w.release())
	for _, dir := range made {
		err = errors.Join(err, os.Remove(dir))
	}
	return err
}

// vacant refuses a directory that holds files which are not a store's.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == databaseName, name == databaseName+"-journal", name == buildName, name == lockName, name == ignoreName:
		case isIndexName(name), strings.HasSuffix(name, sidecarSuffix):
		default:
			return &OccupiedError{Dir: dir, File: name}
		}
	}
	return nil
}

// startOver removes what a creation that never came to its commit left behind.
func startOver(dir string) error {
	for _, name := range []string{databaseName, databaseName + "-journal", buildName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// createDatabase makes a database with some of the schema and the facts, in one
// transaction: with its commit the store exists.
func createDatabase(path string, st *state, schema []definition, settings []string, patience time.Duration) (*database, error) {
	conn, err := sqlite.Open(path, sqlite.Create)
	if err != nil {
		return nil, err
	}
	// auto_vacuum comes before the first table: compact gives pages back in small
	// transactions. It writes, so the journal's mode must be set.
	err = configure(conn, slices.Concat(settings, []string{"auto_vacuum = INCREMENTAL"}))
	for _, statement := range slices.Concat(
		[]string{beginWrite}, creates(schema),
		[]string{fmt.Sprint("PRAGMA application_id = ", applicationID), fmt.Sprint("PRAGMA user_version = ", formatVersion)},
	) {
		if err == nil {
			err = conn.Exec(statement)
		}
	}
	if err == nil {
		err = (&tx{Conn: conn, path: path}).saveState(st)
	}
	if err == nil {
		err = (&tx{Conn: conn, path: path, state: st}).beginWords(st.facts)
	}
	if err == nil {
		err = commit(conn, path)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	info, err := os.Lstat(path)
	return &database{path: path, patience: patience, conn: conn, last: st, version: formatVersion, file: info}, err
}
