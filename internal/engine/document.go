package engine

import (
	"encoding/json"
	"time"
)

// Origin says where a document's vector came from. Only Embedded vectors are
// used again for an equal text.
type Origin int

// The origins of a vector. Stores keep these numbers.
const (
	Given     Origin = 0 // it came with the document
	Embedded  Origin = 1 // the store's embedder made it from the whole text
	Truncated Origin = 2 // the store's embedder made it from the beginning of the text
)

// Document is one unit of a store: what LangChain calls a Document, with its id
// and where it came from.
type Document struct {
	ID         string
	Text       string
	Metadata   json.RawMessage // a JSON object, verbatim
	Source     string          // the name of the source
	StartIndex int             // in code points of the source, -1 where not known
	StartLine  int             // from 1, 0 where not known
	EndLine    int
	Vector     []float32 // dim numbers, only where asked for
}

// Transfer is a document on its way into a store with the vector that it has
// already: from another store, or from a file that holds such documents.
type Transfer struct {
	Document        // with its Vector; Metadata without blanks between values
	Origin   Origin // of the vector
	From     Source // the document's source, with the Key that it has in the receiving store
}

// StdinPrefix begins the keys of sources that were read from standard input.
const StdinPrefix = "stdin:"

// Source is an input, such as a file, as a store remembers it.
type Source struct {
	Key      string // tells sources apart: see docs/format.md
	Name     string // what users see; unique in a store
	Size     int64
	ModTime  time.Time // zero: not to be trusted
	Hash     []byte    // of the content; empty: the source must be read again
	Settings string    // how it was read and split; opaque to stores

	Documents int64

	// Number is the engine's own for the source, 0 for one that is in no store.
	// Others hand it back and must not read anything else into it.
	Number int64
}

// SourceInfo is a source and how many documents it has.
type SourceInfo struct {
	Name      string
	Documents int64
}

// Match tells what a store knows of a document that a source is about to get.
type Match struct {
	Kept   bool      // the source has it, with this text and vector
	Vector []float32 // else: the vector that an equal text already has; nil where there is none
	Taken  bool      // another source has the id
	Err    error     // the document cannot be stored: a *MismatchError

	// Ref is for the engine that made the match; nil where it needs nothing.
	Ref any
}

// Info tells what a store holds.
type Info struct {
	Facts
	FormatVersion        int
	Normalized           bool // every vector has length 1 (or is zero)
	Documents, Sources   int64
	DeadRows             int64 // rows of deleted documents that still take room
	Bytes                int64 // of all files of the store
	IndexType, IndexFile string
	CreatedAt, UpdatedAt time.Time
}
