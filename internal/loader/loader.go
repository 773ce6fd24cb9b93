// Package loader finds sources of text and reads records from them.
//
// A [Walker] turns what a user names (files, folders, globs, "-") into sources, in an order that does not depend on
// the machine: folders are read recursively and sorted, hidden files and what .gitignore and .sheafignore name
// are left out, and every file comes once, however many roots or links lead to it. A path that cannot be read is reported
// and the walk goes on.
//
// A [Reader] streams the records of one source: a text file is one record or one a page, a JSONL line or a CSV row is one each. Text
// comes out as UTF-8 with "\n" line ends, whatever the encoding of the file. A record file is never held in memory
// whole; a text file is, up to [WalkOptions.MaxFileSize].
//
// The package writes nothing, follows no reference inside a record, and gives files no meaning beyond their format.
package loader

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"sheaf/internal/metadata"
)

// DefaultMaxFileSize is the size in bytes above which a text file is passed over.
const DefaultMaxFileSize = 64 << 20

// maxRecord bounds the bytes of one JSONL line or one CSV row: a file that is one endless line, or a quote that is
// never closed, must not fill the memory.
const maxRecord = 64 << 20

// stdinName is the name of standard input as a source.
const stdinName = "stdin"

// Errors that callers tell apart with [errors.Is].
var (
	// ErrBinary is the error of a text source whose bytes are not text.
	ErrBinary = errors.New("binary, not text")
	// ErrTooLarge is the error of a text that grew past the limit after it was found, or of standard input past it.
	ErrTooLarge = errors.New("too large for one text")
	// ErrStdinTwice is the error of a second "-" among the roots of a walk.
	ErrStdinTwice = errors.New(`standard input ("-") can be read only once`)
)

// Source is one input as a walk found it. Of its content at most the beginning was read, to tell text from binary.
type Source struct {
	Name    string // the path as given, cleaned, with slashes; "stdin" for standard input
	Path    string // what to open; "" for standard input
	Format  Format // not Auto
	Size    int64  // in bytes; 0 for standard input
	ModTime time.Time

	Convert string // the command that makes a text of the file; "": it is read as it is

	Named bool // the user named the file itself, not a folder, a glob or a list

	judged bool // the user says what the bytes are, so that zeros among them do not make them binary

	limit int64     // of the size of a text, in bytes; 0: none
	stdin io.Reader // what to read when Path is ""
}

// Record is one text with its metadata.
type Record struct {
	ID       string // "" when the input gives none
	Text     string // UTF-8; of a text file with "\n" line ends
	Metadata metadata.Object
	Vector   []float32 // nil unless the record brings one; all finite
	Line     int       // 1-based line of the record's first byte in its file; 0 for a whole text file

	// Of a text file: what lies before Text, which is metadata or another page.
	SkippedLines, SkippedRunes int
	// Lines are, of a text that was made of what the file holds, the lines of the file that its lines come from.
	Lines []int

	// Of JSONL that list or export wrote: where the document came from; zero when not given.
	Source             string
	StartLine, EndLine int
}

// RecordError is the error of one record that could not be read. Reading goes on after it.
type RecordError struct {
	Line int // 1-based line of the record
	Err  error
}

func (e *RecordError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *RecordError) Unwrap() error { return e.Err }

// readError wraps err with the name of its source. It drops the path of an [fs.PathError], which is the same.
func readError(name string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("reading %q: %w", name, err)
}
