package ingest

// Summary says what a run did, in the form of `sheaf ingest --json`.
type Summary struct {
	Store     string    `json:"store"`
	Sources   Sources   `json:"sources"`
	Chunks    Chunks    `json:"chunks"`
	Embedding Embedding `json:"embedding"`
	Failures  []Failure `json:"failures"`
	Skips     []Skip    `json:"skips"`
	Elapsed   float64   `json:"elapsed_seconds"`
	DryRun    bool      `json:"dry_run"`
}

// Sources counts the sources of a run by what became of them.
type Sources struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Removed   int `json:"removed"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`

	Unfinished int `json:"unfinished,omitempty"` // begun when the run ended: the next run goes on
}

// Chunks counts the chunks of a run; Total is what the store holds after it.
type Chunks struct {
	Added   int64 `json:"added"`
	Reused  int64 `json:"reused"` // added with a vector that the store had, or kept
	Removed int64 `json:"removed"`
	Total   int64 `json:"total"`
}

// Embedding counts the use of the embedder.
type Embedding struct {
	Embedder string `json:"embedder"`
	Requests int64  `json:"requests"`
	Texts    int64  `json:"texts"`
	Tokens   int64  `json:"tokens"`
	Retries  int64  `json:"retries"`

	Price *float64 `json:"price,omitempty"` // nil: not asked for
}

// Failure is an input that could not be stored.
type Failure struct {
	Source string `json:"source"`
	Error  string `json:"error"`
	Err    error  `json:"-"` // whose text Error is
}

// Skip is a file that was not read.
type Skip struct {
	Source string `json:"source"`
	Reason string `json:"reason"`
}

// Failed reports whether an input failed.
func (s Summary) Failed() bool { return len(s.Failures) > 0 }
