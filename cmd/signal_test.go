package cmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// The first signal cancels; the second one ends even a process that goes on.
func TestASecondSignalEndsTheProcess(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := exec.CommandContext(t.Context(), "stubborn")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for _, want := range []string{"ready", interrupted{s}.Error()} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%v: it says %q, want %q", s, lines.Text(), want)
			}
			if err := c.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != s {
			t.Errorf("after two of %v: %v", s, err)
		}
	}
}

// Of two signals that come before the first is heeded none is lost.
func TestTwoSignalsAtOnceEndTheProcess(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), "stubborn")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it says %q", lines.Text())
	}
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCONT} {
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("it ended with %v", err)
	}
}

func TestPromptReader(t *testing.T) {
	t.Parallel()
	const text = "some text that takes more than one read"
	for _, in := range []io.Reader{
		strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text)),
	} {
		r := &interruptibleReader{ctx: t.Context(), in: in}
		if err := iotest.TestReader(r, []byte(text)); err != nil {
			t.Error(err)
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(&interruptibleReader{ctx: t.Context(), in: iotest.ErrReader(broken)}); !errors.Is(err, broken) {
		t.Errorf("%v, want the input's error", err)
	}
}

func TestPromptReaderGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	in, _ := io.Pipe() // nobody ever writes
	r := &interruptibleReader{ctx: ctx, in: in}
	cause := interrupted{syscall.SIGINT}
	cancel(cause)
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, cause) {
		t.Errorf("%v, want %v", err, cause)
	}
}

// Ctrl-C ends a verb that waits for somebody to type.
func TestASignalWhileWaitingForStdin(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	in, typed := io.Pipe()
	s, _, errs := recorded("")
	s.In = in
	code := make(chan int)
	go func() { code <- Main(ctx, []string{"split", "--config", "/dev/null", "-"}, s) }()
	if _, err := typed.Write([]byte("half a text")); err != nil { // returns once it is read
		t.Fatal(err)
	}
	cancel(interrupted{syscall.SIGINT})
	if got := <-code; got != exitInterrupted {
		t.Errorf("exit code %d, %s", got, errs)
	}
}
