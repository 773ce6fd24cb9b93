package embed

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"
)

// Batch is the texts of one call of an embedder on their way through Run, with
// whatever their sender wants back beside the vectors.
type Batch[T any] struct {
	Texts  []string
	Carry  T
	Result // once Run hands the batch to done
}

// job is a batch in flight. Its ready has room for the one value it will get, so
// nobody waits to deliver it.
type job[T any] struct {
	batch *Batch[T]
	ready chan error
}

// BatchError is an error of the embedder, with the batch that met it.
type BatchError[T any] struct {
	Batch *Batch[T]
	Err   error
}

func (e *BatchError[T]) Error() string { return e.Err.Error() }

func (e *BatchError[T]) Unwrap() error { return e.Err }

// Run embeds batches with the given number of workers and calls done for each in
// input order, in the caller's goroutine, so that nothing depends on timing. A
// batch without texts costs no request.
//
// The batches are drawn in a goroutine of Run's own, which a slow done slows: at
// most workers + 2 batches exist at once. The first error in input order, of
// the batches, the embedder (a *BatchError) or done, ends the run: every batch
// before it was handed to done, none after it. When ctx ends, no further batch is taken; those
// with the embedder may come to their end for as long as grace, and are handed
// to done as far as no earlier one is missing; then Run returns ctx's cause. It
// returns when all its goroutines have ended, so the sequence must come to an end
// or to its next batch in any case. With one worker nothing is concurrent.
func Run[T any](ctx context.Context, e Embedder, workers int, batches iter.Seq2[*Batch[T], error], done func(*Batch[T]) error) error {
	late, cancel := graceful(ctx)
	if workers <= 1 {
		defer cancel()
		return runOne(ctx, late, e, batches, done)
	}
	ctx, stop := context.WithCancel(ctx)
	var goroutines sync.WaitGroup
	defer goroutines.Wait()
	defer cancel()
	defer stop()

	// Both channels carry every job: one to whichever worker is free, one to the
	// join.
	work := make(chan *job[T])
	joined := make(chan *job[T], workers)
	goroutines.Go(func() {
		defer close(joined)
		defer close(work)
		feed(ctx, batches, work, joined)
	})
	for range workers {
		goroutines.Go(func() {
			for j := range work {
				j.ready <- j.batch.embed(late, e)
			}
		})
	}
	for j := range joined {
		if err := <-j.ready; err != nil {
			return err
		}
		if err := done(j.batch); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// grace is how long a request that is on its way may take once the run is told
// to stop: its answer is likely paid for.
const grace = 3 * time.Second

// graceful returns a context that ends with the same cause as ctx, but that
// much later.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel(context.Cause(ctx))
		case <-late.Done():
		}
	})
	return late, func() {
		stop()
		cancel(context.Canceled)
	}
}

// feed hands each batch to the join, which keeps the order, and then to a
// worker. A job that the join has gets its ready in any case.
func feed[T any](ctx context.Context, batches iter.Seq2[*Batch[T], error], work, joined chan<- *job[T]) {
	for b, err := range batches {
		j := &job[T]{batch: b, ready: make(chan error, 1)}
		select {
		case joined <- j:
		case <-ctx.Done():
			return
		}
		if err != nil {
			j.ready <- err
			return
		}
		select {
		case work <- j:
		case <-ctx.Done():
			j.ready <- context.Cause(ctx)
			return
		}
	}
}

func runOne[T any](ctx, late context.Context, e Embedder, batches iter.Seq2[*Batch[T], error], done func(*Batch[T]) error) error {
	for b, err := range batches {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = b.embed(late, e)
		}
		if err == nil {
			err = done(b)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// embed fills in the result.
func (b *Batch[T]) embed(ctx context.Context, e Embedder) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(b.Texts) == 0 {
		return nil
	}
	b.Result, err = e.Embed(ctx, b.Texts)
	if err == nil && len(b.Vectors) != len(b.Texts) {
		err = fmt.Errorf("embedder %s: %d vectors for %d texts", e.Identity(), len(b.Vectors), len(b.Texts))
	}
	if err != nil {
		return &BatchError[T]{b, err}
	}
	return nil
}
