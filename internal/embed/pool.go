package embed

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"sheaf/internal/crash"
)

// Batch is the texts of one call of an embedder, with a value that the caller of Run
// wants back beside the vectors.
type Batch[T any] struct {
	Texts  []string
	Carry  T
	Result // set when Run calls done with the batch
}

// job is a batch that Run has drawn. The channel has a capacity of one, so sending
// its outcome never blocks.
type job[T any] struct {
	batch   *Batch[T]
	outcome chan error
}

// BatchError is an error of the embedder with the batch that met it.
type BatchError[T any] struct {
	Batch *Batch[T]
	Err   error
}

func (e *BatchError[T]) Error() string { return e.Err.Error() }

func (e *BatchError[T]) Unwrap() error { return e.Err }

// Run embeds batches with the given number of workers and calls done for each in
// input order, in the caller's goroutine, so that the result does not depend on
// timing. A batch without texts costs no request.
//
// Run draws the batches in a goroutine of its own and waits for done: at most
// workers + 2 batches exist at once. The first error in input order, of the
// batches, the embedder (a *BatchError) or done, ends the run: done was called with
// every batch before it and with none after it. When ctx ends, no further batch is
// drawn. Calls of the embedder that are running have graceTime to finish, done is
// called with their batches up to the first that is missing, and Run returns ctx's
// cause. Run returns when all its goroutines have ended, so the sequence must not
// block forever. With one worker nothing is concurrent.
func Run[T any](ctx context.Context, e Embedder, workers int, batches iter.Seq2[*Batch[T], error], done func(*Batch[T]) error) error {
	calls, cancel := withGrace(ctx)
	if workers <= 1 {
		defer cancel()
		return runOne(ctx, calls, e, batches, done)
	}
	ctx, stop := context.WithCancel(ctx)
	var goroutines sync.WaitGroup
	defer goroutines.Wait()
	defer cancel()
	defer stop()

	// Every job goes through both channels: to a worker, and to the loop below, which
	// keeps the order.
	work := make(chan *job[T])
	inOrder := make(chan *job[T], workers)
	goroutines.Go(func() {
		defer close(inOrder)
		defer close(work)
		feed(ctx, batches, work, inOrder)
	})
	for range workers {
		goroutines.Go(func() {
			for j := range work {
				j.outcome <- j.batch.embed(calls, e)
			}
		})
	}
	for j := range inOrder {
		if err := <-j.outcome; err != nil {
			return err
		}
		if err := done(j.batch); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// graceTime is how long a call of the embedder may run on after the end of the context:
// its answer is likely paid for.
const graceTime = 3 * time.Second

// withGrace returns a context that ends graceTime after ctx, with the same cause.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(graceTime):
			cancel(context.Cause(ctx))
		case <-later.Done():
		}
	})
	return later, func() {
		stop()
		cancel(context.Canceled)
	}
}

// feed sends each batch to inOrder and then to work. Every job in inOrder receives its
// outcome, even if ctx ends before a worker takes it. Where batches panics, the last job
// fails with that.
func feed[T any](ctx context.Context, batches iter.Seq2[*Batch[T], error], work, inOrder chan<- *job[T]) {
	err := feedAll(ctx, batches, work, inOrder)
	if err == nil {
		return
	}
	last := &job[T]{outcome: make(chan error, 1)}
	last.outcome <- err
	select {
	case inOrder <- last:
	case <-ctx.Done():
	}
}

// feedAll is feed, and returns the error of batches.
func feedAll[T any](ctx context.Context, batches iter.Seq2[*Batch[T], error], work, inOrder chan<- *job[T]) (err error) {
	defer crash.Catch(&err)
	for b, err := range batches {
		if err != nil {
			return err
		}
		j := &job[T]{batch: b, outcome: make(chan error, 1)}
		select {
		case inOrder <- j:
		case <-ctx.Done():
			return nil
		}
		select {
		case work <- j:
		case <-ctx.Done():
			j.outcome <- context.Cause(ctx)
			return nil
		}
	}
	return nil
}

// runOne is Run with one worker. calls is the context of the calls of the embedder.
func runOne[T any](ctx, calls context.Context, e Embedder, batches iter.Seq2[*Batch[T], error], done func(*Batch[T]) error) error {
	for b, err := range batches {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = b.embed(calls, e)
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

// embed sets the result of the batch.
func (b *Batch[T]) embed(ctx context.Context, e Embedder) (err error) {
	defer crash.Catch(&err)
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
