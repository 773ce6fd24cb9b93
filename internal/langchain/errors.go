package langchain

import (
	"errors"
	"fmt"
)

// FormatError reports a file that LangChain does not write: it is damaged, of
// another kind, or made to do harm.
type FormatError struct {
	Path string // empty if an outer error names the file
	Err  error
}

func (e *FormatError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%q: %v", e.Path, e.Err)
}

func (e *FormatError) Unwrap() error { return e.Err }

// IndexError reports an index that cannot be read. The texts of the store may be
// sound.
type IndexError struct{ Err error }

func (e *IndexError) Error() string { return e.Err.Error() }
func (e *IndexError) Unwrap() error { return e.Err }

// ofIndex wraps a *FormatError about the index of a store in an *IndexError.
func ofIndex(err error) error {
	if bad := (*FormatError)(nil); errors.As(err, &bad) {
		return &IndexError{err}
	}
	return err
}

// IndexNameError reports a folder that has other stores than the one with the
// wanted index name.
type IndexNameError struct {
	Dir, Name string
	Others    []string
}

func (e *IndexNameError) Error() string {
	return fmt.Sprintf("%q holds no %s.faiss", e.Dir, e.Name)
}
