// Package ingest makes a store equal to its sources: it walks, loads, splits,
// looks up what the store knows already, embeds the rest concurrently, and
// writes in input order.
//
// Run's goroutine is the only writer. The walk and everything up to the
// batches run in the pool's feeding goroutine, the embedder in its workers;
// batches join in input order, so the store does not depend on timing. What is
// in flight is bounded by workers × batch size, what is not committed by
// CommitDocuments; nothing else grows with the sources but a few bytes for each
// name. A source or a document fails alone; an error of the store, of the
// service or an interrupt ends the run, and what was written until then is
// committed.
//
// A commit may fall within a source. It shows the documents that came so far
// beside the old ones and leaves the source to be read again, so that the next
// run keeps those and goes on. The same holds for a source of which a document
// failed.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/loader"
	"sheaf/internal/progress"
	"sheaf/internal/splitter"
)

// Options are what a run is told.
type Options struct {
	Store     string      // what the store is called in the summary
	Home      engine.Home // of the store
	Roots     []string
	Stdin     io.Reader
	Name      string // of standard input; "": its hash
	Walk      loader.WalkOptions
	Read      loader.ReadOptions // zero: what the source remembers
	Splitter  *splitter.Options  // nil: what the source remembers, else the store's first settings; without a Kind records stay whole
	Meta      []Meta             // nil: likewise
	Workers   int
	BatchSize int // texts in a request; at least 1
	Force     bool
	Prune     bool // remove sources whose files are gone from folders among the roots
	FailFast  bool
	Notice    func(string) // may be nil
	Progress  *progress.Counter
	Estimate  bool // find out how much there is to read, for Progress to tell when the run ends

	// A commit is due after so many documents, or so much time: a kill costs at
	// most what came since.
	CommitDocuments int64         // 0: DefaultCommitDocuments
	CommitEvery     time.Duration // 0: DefaultCommitEvery
}

// Defaults of Options.
const (
	DefaultCommitDocuments = 10_000
	DefaultCommitEvery     = 5 * time.Second
)

func (o *Options) setDefaults() {
	o.BatchSize = max(o.BatchSize, 1)
	if o.CommitDocuments <= 0 {
		o.CommitDocuments = DefaultCommitDocuments
	}
	if o.CommitEvery <= 0 {
		o.CommitEvery = DefaultCommitEvery
	}
}

// Run brings the sources below o.Roots into the store of w. The summary tells
// what was done and is valid beside an error too.
func Run(ctx context.Context, w Writer, e embed.Embedder, o Options) (Summary, error) {
	r := newRun(w, e, o)
	r.w = w
	r.sum.Embedding.Embedder = w.Facts().Embedder
	err := r.run(ctx)
	if err != nil { // what was not committed is not there
		r.sum.Sources.Added, r.sum.Sources.Updated, r.sum.Sources.Removed = r.kept.added, r.kept.updated, r.kept.removed
		r.sum.Chunks = r.kept.chunks
		if r.current != nil {
			r.sum.Sources.Unfinished = 1
		}
	}
	info, infoErr := w.Info(context.WithoutCancel(ctx))
	r.sum.Chunks.Total = info.Documents
	r.finish()
	return r.sum, errors.Join(err, infoErr)
}

// Reader is what a run asks of a store.
type Reader interface {
	Facts() engine.Facts
	Info(ctx context.Context) (engine.Info, error)
	// Settings are those that SetSettings kept, "" before.
	Settings() string
	// SourcesByKey returns those sources that have one of the keys, by key.
	SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error)
	SourceByName(ctx context.Context, name string) (engine.Source, bool, error)
	// AllSources yields the sources in the order in which they came.
	AllSources(ctx context.Context) iter.Seq2[engine.Source, error]
	// Match looks documents up that src is about to get. A document's Vector,
	// where set, came with it and must equal the stored one.
	Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error)
}

// Writer is a store that a run may change. What it is told is staged: nothing
// counts before Commit, and Reader's methods answer from what was committed.
type Writer interface {
	Reader
	// Replace starts to replace what src holds. One replacement is open at a
	// time. A Commit before it is Done shows what was added so far beside what
	// the source had, and leaves the source to be read again: its Hash is empty.
	Replace(ctx context.Context, src engine.Source) (engine.Replacement, error)
	// Touch stages that a source was found unchanged, under a new time or key.
	Touch(src engine.Source)
	// Forget stages the end of a source and of its documents.
	Forget(ctx context.Context, src engine.Source) error
	// VectorOf returns the vector that the store's embedder made of a whole
	// text, staged or committed; nil where there is none.
	VectorOf(ctx context.Context, text string) ([]float32, error)
	// SetSettings keeps settings for the sources to come.
	SetSettings(ctx context.Context, settings string) error
	// Pending is how many documents wait for the next commit.
	Pending() int64
	// Commit makes visible what was staged: all of it or, on an error, nothing.
	Commit(ctx context.Context) error
	// Failed reports whether a write failed, after which only Close may follow.
	Failed() bool
}

type run struct {
	store     Reader
	w         Writer // nil: the run is dry
	e         embed.Embedder
	o         Options
	start     time.Time
	committed time.Time
	sum       Summary
	kept      tally // of the sum, what is committed
	window    window
	named     nameSet

	current    engine.Replacement // the open one; nil: none
	stale      int64              // documents of the source at hand that were not kept so far
	incomplete bool               // a record of the source at hand failed
	refused    map[uint64]error   // why, by hash of the text
}

type tally struct {
	added, updated, removed int // sources
	chunks                  Chunks
}

func newRun(s Reader, e embed.Embedder, o Options) *run {
	o.setDefaults()
	r := &run{store: s, e: e, o: o, start: time.Now(), committed: time.Now(), named: nameSet{}}
	r.sum = Summary{Store: o.Store, Failures: []Failure{}, Skips: []Skip{}}
	return r
}

func (r *run) notice(format string, args ...any) {
	if r.o.Notice != nil {
		r.o.Notice(fmt.Sprintf(format, args...))
	}
}

func (r *run) run(ctx context.Context) error {
	if r.o.Estimate {
		defer r.estimate(ctx)()
	}
	p := newPlanner(r)
	// What is written is written whole, whoever wants to stop.
	whole := context.WithoutCancel(ctx)
	err := embed.Run(ctx, r.e, max(r.o.Workers, 1), p.batches(ctx), func(b *batch) error {
		return r.apply(whole, b)
	})
	err = located(err)
	if err == nil && r.o.Prune {
		err = r.prune(ctx, p.walker.Roots(), p.unreadable)
	}
	if err = errors.Join(err, p.close()); r.w == nil || r.w.Failed() {
		return err
	}
	// What is embedded is paid for.
	return errors.Join(err, r.commit(whole))
}

// estimate walks through the sources once more, beside the run. The function
// that it returns ends that.
func (r *run) estimate(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	o := r.walkOptions()
	var walk sync.WaitGroup
	walk.Go(func() {
		bytes := int64(0)
		for found := range loader.Walk(ctx, r.o.Roots, o) {
			bytes += found.Source.Size
		}
		if ctx.Err() == nil {
			r.o.Progress.SetBytes(bytes)
		}
	})
	return func() {
		cancel()
		walk.Wait()
	}
}

func (r *run) walkOptions() loader.WalkOptions {
	o := r.o.Walk
	o.Stdin, o.Encoding = r.o.Stdin, r.o.Read.Encoding
	o.Unread = true
	return o
}

// firstSettings makes splitter and metadata of the first run that stored
// something those of all sources that come later and are told nothing else.
func (r *run) firstSettings(ctx context.Context) error {
	if r.sum.Sources.Added == 0 || r.w.Settings() != "" {
		return nil
	}
	encoded, err := settings{Splitter: r.o.Splitter, Meta: r.o.Meta}.encode()
	if err != nil {
		return err
	}
	return r.w.SetSettings(ctx, encoded)
}

func (r *run) commit(ctx context.Context) error {
	if err := r.firstSettings(ctx); err != nil {
		return err
	}
	if err := r.w.Commit(ctx); err != nil {
		return err
	}
	r.committed = time.Now()
	r.kept = tally{r.sum.Sources.Added, r.sum.Sources.Updated, r.sum.Sources.Removed, r.sum.Chunks}
	r.window.commit()
	return nil
}

// finish completes the summary.
func (r *run) finish() {
	if done := r.o.Progress.Snapshot(); done.Requests > 0 {
		r.sum.Embedding.Requests, r.sum.Embedding.Tokens, r.sum.Embedding.Retries = done.Requests, done.Tokens, done.Retries
	}
	r.sum.Elapsed = time.Since(r.start).Seconds()
}
