package engine

import "time"

// Info tells what a store holds.
type Info struct {
	Facts
	ID                   string // of the store, in hex; another one for each store that is made
	Generation           int64  // grows, at the least, with every commit that takes documents away
	FormatVersion        int
	Normalized           bool // every vector has length 1 (or is zero)
	Documents, Sources   int64
	DeadRows             int64 // rows of deleted documents that still take room
	Bytes                int64 // of all files of the store
	IndexType, IndexFile string
	Partitions           int64    // of a table; 0: it is one
	Approximate          string   // HNSW or IVFFlat, where searches go by such an index of a table
	Pending              bool     // that index is not made yet
	CodesFile            string   // of the codes that searches read in place of vectors; "" where there are none
	CodedRows            int64    // that have codes
	Lists                *Lists   // of the approximate index; nil where there is none
	Weaker               []string // what can be relied on less than in a folder, a sentence each
	CreatedAt, UpdatedAt time.Time
}

// Lists is an approximate index: the rows are divided into lists of such that are near to one
// another, of which a search looks at some.
type Lists struct {
	File      string  // "" where it does not fit the rows any more, or cannot be read
	Damage    error   // why it cannot be read; nothing else is known of it then
	Lists     int     // how many there are
	Rows      int64   // in them
	Tail      int64   // rows that came later, which every search looks at
	Gone      int64   // documents of the rows in lists that were deleted since
	Stale     bool    // so many rows came or went that the lists should be made anew
	Promise   float64 // the recall that was asked for
	Sample    Sample  // the questions by which it was measured
	Questions int     // how many they are
	K         int     // what follows was measured for the K nearest
	Looked    int     // lists that a search for the promise looks at; Lists: all
	Recall    float64 // what the half of the questions finds that was not used to choose Looked
	Low, High float64 // and its 95 % interval
	Read      float64 // the share of the rows that it looks at, a mean
}

// Sample says where the questions come from by which an approximate index is measured.
type Sample string

// The samples.
const (
	Asked     Sample = "questions" // of users
	Sentences Sample = "sentences" // first sentences of the texts, embedded as questions
	Moved     Sample = "rows"      // rows, moved as far as questions are from what answers them
)

// Compacted is what a compaction gained.
type Compacted struct {
	Rows  int64 // rows of deleted documents that are gone
	Bytes int64 // that all files of the store are smaller
}

// The kinds of approximate indexes that a table may have: a graph, and lists.
const (
	HNSW    = "hnsw"
	IVFFlat = "ivfflat"
)

// Options are how a store is opened.
type Options struct {
	LockTimeout time.Duration // how long to wait for other processes
	Holder      string        // the command line, shown to whoever finds the store locked
	// Progress, where set, is told of each document that a writer's Merge was
	// given and of the rows that its Compact has copied.
	Progress func(n int)
	// Indexing, where set, is told how many of the documents have been made to be
	// found by their words, when the store was made before there was that.
	Indexing func(done, total int64)
	// Partitions is of how many partitions a table is made; 0: it is one.
	Partitions int
	// Index is the kind of approximate index that a table is to have, HNSW or IVFFlat; "":
	// none.
	Index string
	// Partial has a reader answer from the documents that are within reach, where a server
	// of a cluster is away. Notice then tells of how many they are.
	Partial bool
	// Notice, where set, is told what a user should know and is no error.
	Notice func(text string)
	// AllWords makes a check compare the words by which documents are found with the
	// texts of all, not of a sample.
	AllWords bool
}
