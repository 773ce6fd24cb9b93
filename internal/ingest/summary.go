package ingest

import "fmt"

// Summary says what a run did, in the form of `sheaf ingest --json`.
type Summary struct {
	Store     string    `json:"store"`
	Sources   Sources   `json:"sources"`
	Chunks    Chunks    `json:"chunks"`
	Embedding Embedding `json:"embedding"`
	Report
	Elapsed float64 `json:"elapsed_seconds"`
	DryRun  bool    `json:"dry_run"`
	NoStore bool    `json:"-"` // there is none at the place, and nothing to make one for
	Blank   int     `json:"-"` // sources without text that were read and, as no other is in the store, not added
}

// Report is what there is to say of single inputs.
type Report struct {
	Failures []Failure `json:"failures"`
	Skips    []Skip    `json:"skips"`
	Notices  []string  `json:"notices"` // filled by those who show them

	FailedSources int `json:"-"`
	FailedChunks  int `json:"-"` // also records that could not be read

	Oversize Oversize `json:"-"`

	lastFailed string // the source of the last failure
	listed     int    // how many of its failures are in Failures
}

// Oversize counts the chunks that are longer than the chunk size: no separator divides them.
type Oversize struct {
	Chunks, Sources int
	Longest         int // code points of the longest
}

// String says so, "" where there is none.
func (o Oversize) String() string {
	if o.Chunks == 0 {
		return ""
	}
	return fmt.Sprintf("%s longer than the chunk size, in %s, the longest with %d code points: no separator divides them (--splitter recursive divides any text)",
		countIs(o.Chunks), count(o.Sources, "source"), o.Longest)
}

// add adds those of a source.
func (o *Oversize) add(chunks, longest int) {
	if chunks > 0 {
		o.Chunks, o.Sources, o.Longest = o.Chunks+chunks, o.Sources+1, max(o.Longest, longest)
	}
}

func newReport() Report { return Report{Failures: []Failure{}, Skips: []Skip{}, Notices: []string{}} }

// listedFailures is how many failures of one source are listed. The rest is counted.
const listedFailures = 20

// fail adds the failure of a source, or of one of its chunks.
func (r *Report) fail(source string, err error, whole bool) {
	if whole {
		r.FailedSources++
	} else {
		r.FailedChunks++
	}
	if source != r.lastFailed {
		r.endFailures()
		r.lastFailed = source
	}
	if !whole {
		r.listed++
	}
	if r.listed <= listedFailures || whole {
		r.Failures = append(r.Failures, Failure{source, err.Error(), err})
	}
}

// endFailures adds how many failures of the last source are not listed.
func (r *Report) endFailures() {
	if more := r.listed - listedFailures; more > 0 {
		err := fmt.Errorf("%d more of its records or chunks failed", more)
		r.Failures = append(r.Failures, Failure{r.lastFailed, err.Error(), err})
	}
	r.lastFailed, r.listed = "", 0
}

// Failed reports whether an input failed.
func (r *Report) Failed() bool { return len(r.Failures) > 0 }

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

	Failed int64 `json:"failed,omitempty"` // also records that could not be read
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
	Told   bool   `json:"-"` // a notice says so
}
