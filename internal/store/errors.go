package store

import (
	"fmt"
	"syscall"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// OccupiedError says that a store cannot be made in a folder that holds another
// file, or in the place of a file (File is empty).
type OccupiedError struct{ Dir, File string }

func (e *OccupiedError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%q is a file: a store needs a folder of its own", e.Dir)
	}
	return fmt.Sprintf("%q holds other files (%q): a store needs a folder of its own", e.Dir, e.File)
}

const (
	remedyDamaged = "restore the store from a copy, or build it again from its sources"
	remedyRepair  = "sheaf check --repair"
)

// damaged reports a store whose files contradict each other.
func damaged(path, format string, args ...any) error {
	return &engine.FormatError{Path: path, Problem: "damaged: " + fmt.Sprintf(format, args...), Remedy: remedyDamaged}
}

// sqliteError turns what SQLite reports about the file at path into the
// package's own errors where they say more.
func sqliteError(path string, err error) error {
	if err == nil {
		return nil
	}
	switch code := sqlite.CodeOf(err).Primary(); code {
	case sqlite.NotADB:
		return &engine.FormatError{Path: path, Problem: "not a sheaf database", Remedy: remedyDamaged}
	case sqlite.Corrupt:
		return damaged(path, "%v", err)
	case sqlite.Busy, sqlite.Locked:
		return &engine.LockedError{Holder: "the database stayed busy"}
	case sqlite.Full:
		return fmt.Errorf("%q: %w (%w)", path, syscall.ENOSPC, err)
	case sqlite.IOErr, sqlite.CantOpen, sqlite.Perm:
		return fmt.Errorf("%q: %w", path, err)
	default:
		return err
	}
}
