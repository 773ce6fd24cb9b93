// Package program asks a program of the user's: lines in, a line out for each.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// StallNotice is how long an answer may take before people are told.
const StallNotice = 30 * time.Second

// Program is a command line, which the shell starts at the first question and which runs
// until Close. One call at a time uses it. After a line that is no answer, an unexpected end or
// a cancelled call it is unknown which question the next line answers: the program is killed,
// and every later call fails.
type Program struct {
	command string
	stderr  io.Writer
	stalled func()        // called when an answer takes longer than stall
	stall   time.Duration // StallNotice, but for tests

	mu      sync.Mutex
	process *process // nil: not started
	failed  error    // set once the program cannot be used any more
}

// New returns a program that is not started yet. stderr receives what it writes to its standard
// error, and may be nil. stalled is called when an answer takes longer than stall.
func New(command string, stderr io.Writer, stall time.Duration, stalled func()) *Program {
	return &Program{command: command, stderr: stderr, stall: stall, stalled: stalled}
}

// Error is a program that cannot be used any more: it ended, or its output is no answer.
type Error struct {
	Command string
	Err     error
	Said    string // last line of its standard error
}

func (e *Error) Error() string {
	said := ""
	if e.Said != "" {
		said = ": " + e.Said
	}
	return fmt.Sprintf("program %q: %v%s", e.Command, e.Err, said)
}

func (e *Error) Unwrap() error { return e.Err }

// Ask writes the input, n lines, and calls answer with each of n lines of the output. An error of
// answer says that a line is no answer.
func (p *Program) Ask(ctx context.Context, input []byte, n int, answer func(line []byte) error) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	if p.process == nil {
		if p.process, err = startProcess(p.command, p.stderr); err != nil {
			return &Error{Command: p.command, Err: err}
		}
	}
	stop := context.AfterFunc(ctx, p.process.kill)
	defer stop()
	if err = p.process.exchange(input, n, p.stall, p.stalled, answer); err == nil {
		return nil
	}
	p.process.kill()
	p.failed = &Error{Command: p.command, Err: err, Said: p.process.said()}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.failed
}

// Close closes the program's input and waits until it ends, for at most exitTime. A
// second call does nothing.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = &Error{Command: p.command, Err: errors.New("closed")}
		if p.process != nil {
			return p.process.close()
		}
	}
	return nil
}
