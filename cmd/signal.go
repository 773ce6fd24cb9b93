package cmd

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal has cancelled.
type interrupted struct{ signal syscall.Signal }

func (e interrupted) Error() string {
	if e.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// Interruptible returns a context that the first SIGINT or SIGTERM cancels.
// From then on both signals do what they do to any program, so a second one
// ends the process at once. stop releases the signals.
func Interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(interrupted{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// promptReader reads from in and gives up when ctx ends: a signal must end a
// run that waits for somebody to type.
type promptReader struct {
	ctx    context.Context
	in     io.Reader
	chunks chan chunkRead // nil until the first read
	rest   chunkRead
}

// chunkRead is what one read of the input gave.
type chunkRead struct {
	data []byte
	err  error
}

// promptChunk is how much is read ahead.
const promptChunk = 64 << 10

func (r *promptReader) Read(p []byte) (int, error) {
	if r.chunks == nil {
		r.chunks = make(chan chunkRead)
		go r.feed()
	}
	if len(r.rest.data) == 0 && r.rest.err == nil {
		select {
		case r.rest = <-r.chunks:
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

// feed reads until the input or the run ends. A read that nobody waits for any
// more stays behind and ends with the process.
func (r *promptReader) feed() {
	for {
		data := make([]byte, promptChunk)
		n, err := r.in.Read(data)
		select {
		case r.chunks <- chunkRead{data[:n], err}:
		case <-r.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
