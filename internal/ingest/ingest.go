// Package ingest makes a store equal to its sources: it walks, loads, splits,
// looks up what the store knows already, embeds the rest concurrently, and
// writes in input order.
//
// Run's goroutine is the only writer. The walk and everything up to the
// batches run in the pool's feeding goroutine, the embedder in its workers;
// batches join in input order, so the store does not depend on timing. What is
// in flight is bounded by workers × batch size. A source fails alone; an error
// of the store, of the service or an interrupt ends the run, and what was
// committed stays.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/loader"
	"sheaf/internal/progress"
	"sheaf/internal/splitter"
	"sheaf/internal/store"
)

// Options are what a run is told.
type Options struct {
	Roots     []string
	Stdin     io.Reader
	Name      string // of standard input; "": its hash
	Walk      loader.WalkOptions
	Read      loader.ReadOptions // zero: what the source remembers
	Splitter  *splitter.Options  // nil: what the source remembers, else the store's first settings; without a Kind records stay whole
	Meta      []Meta             // nil: likewise
	Workers   int
	BatchSize int // texts a request; 0: DefaultBatchSize
	Force     bool
	FailFast  bool
	Notice    func(string) // may be nil
	Progress  *progress.Counter
}

// DefaultBatchSize is how many texts go to the embedder at once.
const DefaultBatchSize = 128

// When a commit is due: after so many new documents, or so much time. A kill
// costs at most that.
const (
	commitDocuments = 20_000
	commitEvery     = 5 * time.Second
)

// batchSteps bounds a batch of steps that need no embedding.
const batchSteps = 1024

// Run brings the sources below o.Roots into the store of w. The summary tells
// what was done and is valid beside an error too.
func Run(ctx context.Context, w *store.Writer, e embed.Embedder, o Options) (Summary, error) {
	r := &run{w: w, o: o, start: time.Now(), committed: time.Now()}
	r.sum = Summary{Store: w.Dir(), Failures: []Failure{}, Skips: []Skip{}}
	r.sum.Embedding.Embedder = w.Facts().Embedder
	err := r.run(ctx, e)
	if err != nil { // what was not committed is not there
		r.sum.Sources.Added, r.sum.Sources.Updated, r.sum.Chunks = r.kept.added, r.kept.updated, r.kept.chunks
	}
	info, infoErr := w.Info(context.WithoutCancel(ctx))
	r.sum.Chunks.Total = info.Documents
	if done := o.Progress.Snapshot(); done.Requests > 0 {
		r.sum.Embedding.Requests, r.sum.Embedding.Tokens, r.sum.Embedding.Retries = done.Requests, done.Tokens, done.Retries
	}
	r.sum.Elapsed = time.Since(r.start).Seconds()
	return r.sum, errors.Join(err, infoErr)
}

type run struct {
	w         *store.Writer
	o         Options
	start     time.Time
	committed time.Time
	sum       Summary
	current   *store.Replacement
	kept      tally // of the sum, what is committed
}

type tally struct {
	added, updated int // sources
	chunks         Chunks
}

func (r *run) notice(text string) {
	if r.o.Notice != nil {
		r.o.Notice(text)
	}
}

func (r *run) run(ctx context.Context, e embed.Embedder) error {
	if err := r.firstSettings(ctx); err != nil {
		return err
	}
	p := &planner{run: r}
	err := embed.Run(ctx, e, max(r.o.Workers, 1), p.batches(ctx), func(b *embed.Batch[[]step]) error {
		return r.write(ctx, b)
	})
	err = errors.Join(err, p.close())
	if err != nil {
		if r.current != nil {
			r.current.Abandon()
			r.current = nil
		}
		// What is embedded is paid for: keep it, unless the store itself failed.
		return errors.Join(err, r.salvage(ctx))
	}
	return r.commit(ctx)
}

// firstSettings makes the settings of a store's first run those of all sources
// that come later and are told nothing else.
func (r *run) firstSettings(ctx context.Context) error {
	if r.w.Settings() != "" {
		return nil
	}
	encoded, err := settings{Splitter: r.o.Splitter, Meta: r.o.Meta, Read: r.o.Read}.encode()
	if err != nil {
		return err
	}
	return r.w.SetSettings(ctx, encoded)
}

// salvage commits the sources that were complete when a run was stopped.
func (r *run) salvage(ctx context.Context) error {
	if r.w.Failed() {
		return nil
	}
	return r.commit(context.WithoutCancel(ctx))
}

func (r *run) commit(ctx context.Context) error {
	if err := r.w.Commit(ctx); err != nil {
		return err
	}
	r.committed = time.Now()
	r.kept = tally{r.sum.Sources.Added, r.sum.Sources.Updated, r.sum.Chunks}
	return nil
}

// write applies a batch of steps in order.
func (r *run) write(ctx context.Context, b *embed.Batch[[]step]) error {
	for _, s := range b.Carry {
		if s.text >= 0 && s.kind == stepAdd {
			s.vector = b.Vectors[s.text]
			r.sum.Embedding.Texts++
		}
		if err := r.apply(ctx, s); err != nil {
			return err
		}
	}
	if r.current == nil && (r.w.Pending() >= commitDocuments || time.Since(r.committed) >= commitEvery) {
		return r.commit(ctx)
	}
	return nil
}

// apply does one step. An id that is taken fails alone.
func (r *run) apply(ctx context.Context, s step) (err error) {
	switch s.kind {
	case stepBegin:
		r.current, err = r.w.Replace(ctx, s.source)
	case stepKeep:
		if err = r.current.Keep(s.match, s.doc); err == nil {
			r.o.Progress.AddChunks(1)
			r.sum.Chunks.Reused++
		}
	case stepAdd:
		err = r.add(ctx, s)
	case stepEnd:
		r.sum.Chunks.Removed += r.current.Done(s.source)
		r.current = nil
		r.count(s.existed)
	case stepAbandon:
		r.current.Abandon()
		r.current = nil
	case stepUnchanged:
		r.sum.Sources.Unchanged++
		r.sum.Chunks.Reused += s.source.Documents
		if s.touched {
			r.w.Touch(s.source)
		}
	case stepSkip:
		r.sum.Sources.Skipped++
		r.sum.Skips = append(r.sum.Skips, Skip{s.source.Name, s.reason})
	case stepFail:
		err = r.fail(s.source.Name, s.err, s.whole)
	case stepNotice:
		r.notice(s.reason)
	}
	var foreign *store.ForeignIDError
	var mismatch *store.MismatchError
	if errors.Is(err, store.ErrDuplicateID) || errors.As(err, &foreign) || errors.As(err, &mismatch) && s.origin == store.Given {
		return r.fail(s.source.Name, fmt.Errorf("line %d: %w", s.doc.StartLine, err), false)
	}
	return err
}

func (r *run) add(ctx context.Context, s step) error {
	if err := r.current.Add(ctx, s.doc, s.match, s.vector, s.origin); err != nil {
		return err
	}
	r.o.Progress.AddChunks(1)
	r.sum.Chunks.Added++
	if s.text < 0 && s.origin == store.Embedded {
		r.sum.Chunks.Reused++
	}
	return nil
}

func (r *run) count(existed bool) {
	if existed {
		r.sum.Sources.Updated++
	} else {
		r.sum.Sources.Added++
	}
}

func (r *run) fail(source string, err error, whole bool) error {
	if whole {
		r.sum.Sources.Failed++
	}
	r.sum.Failures = append(r.sum.Failures, Failure{source, err.Error()})
	if r.o.FailFast {
		return fmt.Errorf("%q: %w", source, err)
	}
	return nil
}
