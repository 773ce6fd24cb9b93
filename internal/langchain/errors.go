package langchain

import "fmt"

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

// IndexNameError says that a folder holds no store of the name that was asked
// for, but others.
type IndexNameError struct {
	Dir, Name string
	Others    []string
}

func (e *IndexNameError) Error() string {
	return fmt.Sprintf("%q holds no %s.faiss", e.Dir, e.Name)
}
