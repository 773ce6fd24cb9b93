package langchain

import (
	"errors"
	"fmt"
)

// FormatError says that a file is not what LangChain writes: damaged, of
// another kind, or made to do harm.
type FormatError struct {
	Path string // empty where whoever passes the error on names the file
	Err  error
}

func (e *FormatError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%q: %v", e.Path, e.Err)
}

func (e *FormatError) Unwrap() error { return e.Err }

// IndexError says that it is the index of a store that cannot be read: the texts
// may be sound.
type IndexError struct{ Err error }

func (e *IndexError) Error() string { return e.Err.Error() }
func (e *IndexError) Unwrap() error { return e.Err }

// ofIndex makes a *FormatError of a store's index an *IndexError too.
func ofIndex(err error) error {
	if bad := (*FormatError)(nil); errors.As(err, &bad) {
		return &IndexError{err}
	}
	return err
}

// IndexNameError says that a folder holds no store of the name that was asked
// for, but others.
type IndexNameError struct {
	Dir, Name string
	Others    []string
}

func (e *IndexNameError) Error() string {
	return fmt.Sprintf("%q holds no %s.faiss", e.Dir, e.Name)
}
