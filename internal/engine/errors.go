package engine

import (
	"errors"
	"fmt"
)

var (
	// ErrNotExist says that there is no store at the place that was named.
	ErrNotExist = errors.New("no store here")
	// ErrExist says that Create found a store where one was to be made.
	ErrExist = errors.New("a store is already here")
	// ErrClosed says that a store was used after Close.
	ErrClosed = errors.New("store is closed")
	// ErrLockLost says that a writer is no longer the only one: another process
	// took a lock that was not this one's, and may have written.
	ErrLockLost = errors.New("the store is not this process's alone any more")
	// ErrSameStore says that a store was to be merged into itself.
	ErrSameStore = errors.New("a store cannot be merged into itself")
	// ErrDuplicateID says that an id was given twice to one source.
	ErrDuplicateID = errors.New("id is given twice")
	// ErrNoWords says that a store was made without an index of words.
	ErrNoWords = errors.New("the store keeps no index of words")
	// ErrFewRows says that a store has too few vectors for an approximate index.
	ErrFewRows = errors.New("a search of so few vectors takes no time")
	// ErrNotIndexed says that the next writer has to index the words of documents.
	ErrNotIndexed = errors.New("the words of the store's documents are not indexed yet")
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

// Hint returns the remedy: see the hint package.
func (e *FormatError) Hint() string { return e.Remedy }

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

// ConflictError says that a document or a source is in the store with another
// content than the one that was to be merged.
type ConflictError struct {
	ID     string // of the document; empty where the source is meant
	Source string
}

func (e *ConflictError) Error() string {
	if e.ID == "" {
		return fmt.Sprintf("source %q has other chunks in the store", e.Source)
	}
	return fmt.Sprintf("id %q of source %q has another text or metadata in the store", e.ID, e.Source)
}

// UnavailableError says that the server of a store does not answer, or not now.
type UnavailableError struct {
	Store string
	Err   error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("store %q: %v", e.Store, e.Err) }
func (e *UnavailableError) Unwrap() error { return e.Err }

// RefusedError says that the server of a store does not let this user do what was
// asked for.
type RefusedError struct {
	Store string
	Err   error
}

func (e *RefusedError) Error() string { return fmt.Sprintf("store %q: %v", e.Store, e.Err) }
func (e *RefusedError) Unwrap() error { return e.Err }

// UnsupportedError says that stores of a kind have no such thing.
type UnsupportedError struct {
	Problem string
	Remedy  string // what a user can do; may be empty
}

func (e *UnsupportedError) Error() string { return e.Problem }

// Hint returns the remedy: see the hint package.
func (e *UnsupportedError) Hint() string { return e.Remedy }
