package engine

import (
	"context"
	"iter"
	"time"

	"sheaf/internal/metadata"
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
	Metadata   metadata.Object
	Source     string // the name of the source
	Key        string // and its key; Brief lists give none
	StartIndex int    // in code points of the source, -1 where not known
	StartLine  int    // from 1, 0 where not known
	EndLine    int
	Vector     []float32 // dim numbers, only where asked for
	Store      string    // its name in an answer from several stores, else ""
}

// Transfer is a document on its way into a store with the vector that it has
// already: from another store, or from a file that holds such documents.
type Transfer struct {
	Document        // with its Vector
	Origin   Origin // of the vector
	From     Source // the document's source
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
	Key       string
	Documents int64
	Store     string // its name in an answer from several stores, else ""
}

// Match tells what a store knows of a document that a source is about to get.
type Match struct {
	Kept   bool      // the source has it, with this text and vector
	Vector []float32 // else: the vector that an equal text already has; nil where there is none
	Taken  bool      // another source has the id
	Err    error     // the document cannot be stored: a *MismatchError

	// What follows is for Replacement.Keep.
	Number int64 // the engine's own for the document that is kept
	Moved  bool  // it has another place or other metadata
}

// Snapshot is what a store or a file holds at one moment, to be read whole.
type Snapshot struct {
	Name      string // for errors
	Facts     Facts  // zero for a file that does not tell them
	Documents int64

	// Transfers are all documents with their vectors, in the order of insertion.
	// The Key of a source is the path of its file. A vector is valid until the next
	// document. Documents that go away or change meanwhile end them with an error.
	Transfers iter.Seq2[Transfer, error]
}

// Replacement is a source on its way to a new content: the documents that are
// kept and added, in order. What the source had before and is not kept goes with
// Done. Matches are used in the order in which they were made.
//
// After ErrDuplicateID, a *ForeignIDError or a *MismatchError it goes on as if the
// document had not been given.
type Replacement interface {
	// Keep keeps the document that m found, with the place and metadata of d.
	Keep(m Match, d Document) error
	// Check returns the error of Add that is about an id: ErrDuplicateID where
	// the source was given it before, a *ForeignIDError where another source
	// has it.
	Check(ctx context.Context, id string) error
	// Add stages a document with its vector; one of another length than the
	// store's is a *MismatchError.
	Add(ctx context.Context, d Document, vector []float32, origin Origin) error
	// Done ends the replacement with what is now known of the source.
	Done(src Source)
	// Abandon ends it and leaves the source as it was.
	Abandon()
}
