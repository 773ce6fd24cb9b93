package store

import (
	"errors"
	"fmt"
	"syscall"

	"zombiezen.com/go/sqlite"
)

var (
	// ErrNotExist says that there is no store at the place that was named.
	ErrNotExist = errors.New("no store here")
	// ErrExist says that Create found a store where one was to be made.
	ErrExist = errors.New("a store is already here")
	// ErrClosed says that a store was used after Close.
	ErrClosed = errors.New("store is closed")
	// ErrLockLost says that a writer is no longer the only one: another process
	// took a lock file that was not this one's, and may have written.
	ErrLockLost = errors.New("the store is not this process's alone any more")
	// ErrDuplicateID says that an id was given twice to one source.
	ErrDuplicateID = errors.New("id is given twice")
)

// LockedError says that another process is writing.
type LockedError struct {
	// Holder is what the lock file tells about that process: pid and command.
	Holder string
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return "locked by another writer"
	}
	return "locked by another writer: " + e.Holder
}

// FormatError says that the files at a place are not a store that this
// version can read: damaged, made by a newer version, or something else.
type FormatError struct {
	Path    string
	Problem string
	Remedy  string // what a user can do; may be empty
}

func (e *FormatError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Problem) }

// MismatchError says that what was asked for disagrees with a fact of the store.
type MismatchError struct {
	Fact         string // "embedder", "dim", "metric" or "normalize"
	Store, Given string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the store has %s %s, not %s", e.Fact, e.Store, e.Given)
}

// ForeignIDError says that an id belongs to another source of the store.
type ForeignIDError struct{ ID, Source string }

func (e *ForeignIDError) Error() string {
	return fmt.Sprintf("id %q belongs to source %q", e.ID, e.Source)
}

// OccupiedError says that a store cannot be made in a folder that holds another
// file, or in the place of a file (File is empty).
type OccupiedError struct{ Dir, File string }

func (e *OccupiedError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%q is a file: a store needs a folder of its own", e.Dir)
	}
	return fmt.Sprintf("%q holds other files (%q): a store needs a folder of its own", e.Dir, e.File)
}

const remedyDamaged = "restore the store from a copy, or build it again from its sources"

// damaged reports a store whose files contradict each other.
func damaged(path, format string, args ...any) error {
	return &FormatError{Path: path, Problem: "damaged: " + fmt.Sprintf(format, args...), Remedy: remedyDamaged}
}

// sqliteError turns what SQLite reports about the file at path into the
// package's own errors where they say more.
func sqliteError(path string, err error) error {
	if err == nil {
		return nil
	}
	switch code := sqlite.ErrCode(err).ToPrimary(); code {
	case sqlite.ResultNotADB:
		return &FormatError{Path: path, Problem: "not a sheaf database", Remedy: remedyDamaged}
	case sqlite.ResultCorrupt:
		return damaged(path, "%v", err)
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return &LockedError{Holder: "the database stayed busy"}
	case sqlite.ResultFull:
		return fmt.Errorf("%q: %w (%w)", path, syscall.ENOSPC, err)
	case sqlite.ResultIOErr, sqlite.ResultCantOpen, sqlite.ResultPerm:
		return fmt.Errorf("%q: %w", path, err)
	default:
		return err
	}
}
