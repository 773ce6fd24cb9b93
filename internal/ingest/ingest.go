// Package ingest makes a store equal to its sources: it walks, loads, splits,
// looks up what the store knows already, embeds the rest concurrently, and
// writes in input order.
//
// Three stages run at the same time. A planner, in a goroutine of embed.Run, walks
// the sources and makes steps of them, such as "add this document"; texts that need
// a vector go into batches, which the workers of embed.Run embed; Run's own
// goroutine applies the steps to the store, in the order of the input, so that the
// store does not depend on timing. Memory is bounded: by workers × batch size for
// batches on their way, by CommitDocuments for documents that are not committed.
// Only the set of source names grows with the input, by a few bytes each.
//
// A source or a document that fails does not stop the others. An error of the store
// or the service, or an interrupt, ends the run, and what was written before it is
// committed.
//
// A commit may happen in the middle of a source. It shows the documents that were
// added so far beside the old ones and makes the next run read the source again,
// which then keeps them and goes on. A source of which a document failed is read
// again as well.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sheaf/internal/crash"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/loader"
	"sheaf/internal/progress"
	"sheaf/internal/splitter"
)

// Options configure a run.
type Options struct {
	Store     string      // the name of the store in the summary
	Home      engine.Home // of the store
	Roots     []string
	Stdin     io.Reader
	Name      string // of standard input as a source; "": a hash of it
	Walk      loader.WalkOptions
	Read      loader.ReadOptions // zero: as the source was read before
	Splitter  *splitter.Options  // nil: as the source was split before, else as the store's first source; without a Kind records are not split
	Meta      []Meta             // nil: as for Splitter
	Workers   int
	BatchSize int // texts in a request; at least 1
	Force     bool
	Prune     bool // remove sources whose files are gone from those roots that are folders
	FailFast  bool
	New       bool         // the store was made for this run: what has no text is not kept in it alone
	Notice    func(string) // may be nil
	Progress  *progress.Counter
	Estimate  bool // count the bytes to read in advance, for Progress

	// A run commits after this many documents or this much time. A process that
	// is killed loses what came after its last commit.
	CommitDocuments int64         // 0: DefaultCommitDocuments
	CommitEvery     time.Duration // 0: DefaultCommitEvery

	splitters splitters
}

// Defaults of Options.
const (
	DefaultCommitDocuments = 10_000
	DefaultCommitEvery     = 5 * time.Second
)

func (o *Options) setDefaults() {
	o.splitters = splitters{}
	o.BatchSize = max(o.BatchSize, 1)
	if o.CommitDocuments <= 0 {
		o.CommitDocuments = DefaultCommitDocuments
	}
	if o.CommitEvery <= 0 {
		o.CommitEvery = DefaultCommitEvery
	}
}

// Run makes the store equal to the sources below o.Roots. The summary says what
// was done; it is valid with an error, too.
func Run(ctx context.Context, w Writer, e embed.Embedder, o Options) (Summary, error) {
	r := newRun(w, e, o)
	r.w = w
	r.sum.Embedding.Embedder = w.Facts().Embedder
	err := r.run(ctx)
	if err == nil && r.o.New {
		r.sum.Blank = r.sum.Sources.Added
	}
	if err != nil || r.o.New { // only what was committed is in the store
		r.sum.Sources.Added, r.sum.Sources.Updated, r.sum.Sources.Removed = r.counted.added, r.counted.updated, r.counted.removed
		r.sum.Chunks = r.counted.chunks
		if r.current != nil {
			r.sum.Sources.Unfinished = 1
		}
	}
	info, infoErr := w.Info(context.WithoutCancel(ctx))
	r.sum.Chunks.Total = info.Documents
	r.finish()
	return r.sum, errors.Join(err, infoErr)
}

// run is the state of one run.
type run struct {
	store     Reader
	w         Writer // nil: the run is dry
	e         embed.Embedder
	o         Options
	start     time.Time
	committed time.Time
	sum       Summary
	counted   tally // the part of sum that is committed
	window    window
	names     nameSet // of new sources
	settings  map[settingsOrigin]encodedSettings

	current    engine.Replacement // of the source at hand; nil between sources
	begun      Chunks             // what was counted before it
	stored     int64              // documents of the source at hand that were kept or added
	stale      int64              // documents that it had and that are not kept so far
	incomplete bool               // a document of it failed
	long       longChunks         // those of it that the embedder did not read to the end
	foreign    foreignSources     // those so far whose language the model does not know
	refused    map[uint64]error   // by hash of the text: why the embedder refused it
}

// tally is what a run counts in its commits.
type tally struct {
	added, updated, removed int // sources
	chunks                  Chunks
}

func newRun(s Reader, e embed.Embedder, o Options) *run {
	o.setDefaults()
	r := &run{store: s, e: e, o: o, start: time.Now(), committed: time.Now(), names: nameSet{}, settings: map[settingsOrigin]encodedSettings{}}
	r.sum = Summary{Store: o.Store, Report: newReport()}
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
	// An interrupt ends the planning and the embedding, but not a write.
	whole := context.WithoutCancel(ctx)
	err := embed.Run(ctx, r.e, max(r.o.Workers, 1), p.batches(ctx), func(b *batch) error {
		return r.apply(whole, b)
	})
	err = located(err)
	r.tellForeign()
	if err == nil {
		err = r.afterWalk(ctx, p)
	}
	if err = errors.Join(err, p.close()); r.w == nil || r.w.Failed() {
		return err
	}
	// Commit even after an error: what is embedded is paid for.
	return errors.Join(err, r.commit(whole))
}

// estimate counts the bytes of all sources, in a goroutine of its own. The function
// that it returns stops it.
func (r *run) estimate(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	o := r.walkOptions()
	var walk sync.WaitGroup
	walk.Go(func() {
		var failed error // the run meets it too
		defer crash.Catch(&failed)
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

// firstSettings keeps the splitter and metadata of the first run that adds a
// source. They hold for all later sources that are given none.
func (r *run) firstSettings(ctx context.Context) error {
	if r.sum.Sources.Added == 0 || r.w.Settings() != "" {
		return nil
	}
	encoded, err := settings{Splitter: r.o.Splitter, ByKind: r.o.Splitter == nil, Meta: r.o.Meta}.encode()
	if err != nil {
		return err
	}
	return r.w.SetSettings(ctx, encoded)
}

func (r *run) commit(ctx context.Context) error {
	if r.o.New && r.w.Pending() == 0 { // the first text is to choose the embedder, in the store of a later run
		return nil
	}
	r.o.New = false
	if err := r.firstSettings(ctx); err != nil {
		return err
	}
	if err := r.w.Commit(ctx); err != nil {
		return err
	}
	r.committed = time.Now()
	r.counted = tally{r.sum.Sources.Added, r.sum.Sources.Updated, r.sum.Sources.Removed, r.sum.Chunks}
	r.window.commit()
	return nil
}

// finish completes the summary.
func (r *run) finish() {
	r.sum.endFailures()
	r.sum.Sources.Failed, r.sum.Chunks.Failed = r.sum.FailedSources, int64(r.sum.FailedChunks)
	if done := r.o.Progress.Snapshot(); done.Requests > 0 {
		r.sum.Embedding.Requests, r.sum.Embedding.Tokens, r.sum.Embedding.Retries = done.Requests, done.Tokens, done.Retries
	}
	r.sum.Elapsed = time.Since(r.start).Seconds()
}
