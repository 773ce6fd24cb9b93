package cmd

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sheaf/internal/crash"
)

// interrupted is the cause of a context that a signal has cancelled.
type interrupted struct{ signal syscall.Signal }

func (e interrupted) Error() string {
	if e.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// unheeded is how long a run leaves signals their default effect. To await them takes threads,
// and these a twentieth of the time of a short run, which is over before it can be interrupted.
const unheeded = 20 * time.Millisecond

// Interruptible returns a context that the first SIGINT or SIGTERM cancels.
// After it both signals have their default effect, so a second one ends the
// process at once. They have it also in the first milliseconds, and after stop.
func Interruptible(parent context.Context) (ctx context.Context, stop func()) {
	return interruptible(parent, func() {})
}

// interruptible is Interruptible, and calls ready when it awaits signals.
func interruptible(parent context.Context, ready func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	later := time.AfterFunc(unheeded, func() {
		defer close(done)
		awaitSignal(ctx, cancel, ready)
	})
	return ctx, func() {
		cancel(nil)
		if !later.Stop() {
			<-done
		}
	}
}

// awaitSignal cancels ctx with the first signal, or returns when ctx ends.
func awaitSignal(ctx context.Context, cancel context.CancelCauseFunc, ready func()) {
	signals := make(chan os.Signal, 2) // one of each
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ready()
	select {
	case s := <-signals:
		signal.Stop(signals) // before anybody learns of the first: a second one must not be lost
		select {
		case second := <-signals: // it came before Stop
			_ = syscall.Kill(syscall.Getpid(), second.(syscall.Signal))
		default:
			cancel(interrupted{s.(syscall.Signal)})
		}
	case <-ctx.Done():
		signal.Stop(signals)
	}
}

// interruptibleReader reads from in until ctx ends: a signal must end a run that
// waits for input from a terminal.
type interruptibleReader struct {
	ctx   context.Context
	in    io.Reader
	reads chan readResult // nil until the first read
	rest  readResult      // not yet returned
}

// readResult is the result of one read from the input.
type readResult struct {
	data []byte
	err  error
}

// readSize is the number of bytes that are asked for in one read.
const readSize = 64 << 10

func (r *interruptibleReader) Read(p []byte) (int, error) {
	if r.reads == nil {
		r.reads = make(chan readResult)
		go r.feed()
	}
	if len(r.rest.data) == 0 && r.rest.err == nil {
		select {
		case r.rest = <-r.reads:
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		}
	}
	n := copy(p, r.rest.data)
	if r.rest.data = r.rest.data[n:]; len(r.rest.data) > 0 {
		return n, nil
	}
	return n, r.rest.err
}

// feed reads until the input or the context ends. A read that blocks when the
// context ends lasts until the process ends.
func (r *interruptibleReader) feed() {
	for {
		data := make([]byte, readSize)
		n, err := r.read(data)
		select {
		case r.reads <- readResult{data[:n], err}:
		case <-r.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// read is one read from the input.
func (r *interruptibleReader) read(data []byte) (n int, err error) {
	defer crash.Catch(&err)
	return r.in.Read(data)
}
