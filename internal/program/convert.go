package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"sheaf/internal/crash"
)

// place stands in a command for the path of a file.
const place = "{}"

// Convert starts a command that prints the text of a file, by the shell. The file is its standard
// input or, where the command has {}, its path takes the place of that. Reading gives what it prints,
// and at the end an *[Error] if it failed. It ends with ctx; the caller must close it.
func Convert(ctx context.Context, command, path string) (io.ReadCloser, error) {
	script := strings.ReplaceAll(command, place, `"$1"`)
	if strings.HasPrefix(path, "-") { // or the command would take it for an option
		path = "./" + path
	}
	c := &conversion{command: command, cmd: exec.CommandContext(ctx, "/bin/sh", "-c", script, "sh", path), said: &lastLine{}, ended: make(chan struct{})}
	c.cmd.Stderr, c.cmd.WaitDelay = c.said, exitTime
	separate(c.cmd)
	c.cmd.Cancel = func() error { killGroup(c.cmd); return nil }
	if script == command {
		in, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		c.cmd.Stdin = in
	}
	if err := c.start(); err != nil {
		return nil, &Error{Command: command, Err: err}
	}
	return c, nil
}

// Quoted reports whether a command has {} within quotes. The path, which gets quotes of its own, would
// stand outside of them there, and the shell would take it apart.
func Quoted(command string) bool {
	quote := byte(0)
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '\\' && quote != '\'':
			i++
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && strings.HasPrefix(command[i:], place):
			return true
		}
	}
	return false
}

// conversion is a command that prints a text.
type conversion struct {
	command string
	cmd     *exec.Cmd
	out     *os.File
	said    *lastLine

	ended  chan struct{} // closed when the command has ended
	status error         // set before ended is closed

	waited time.Duration // for output once the command had ended
}

// start starts the command.
func (c *conversion) start() (err error) {
	var in *os.File
	if c.out, in, err = os.Pipe(); err != nil {
		return err
	}
	defer in.Close()
	c.cmd.Stdout = in
	if err := c.cmd.Start(); err != nil {
		return errors.Join(err, c.out.Close())
	}
	go func() {
		defer close(c.ended)
		defer crash.Catch(&c.status)
		if c.status = c.cmd.Wait(); errors.Is(c.status, exec.ErrWaitDelay) {
			c.status = nil // of its standard error, which is no part of the text
		}
		_ = c.out.SetReadDeadline(time.Now().Add(exitTime)) // also of a Read that waits
	}()
	return nil
}

// Read waits for the command as long as it runs, and for what it left behind, which may write without an end,
// for exitTime and no longer. The time that the caller takes between two calls does not count.
func (c *conversion) Read(p []byte) (int, error) {
	select {
	case <-c.ended:
		begun := time.Now()
		_ = c.out.SetReadDeadline(begun.Add(exitTime - c.waited))
		defer func() { c.waited += time.Since(begun) }()
	default:
	}
	n, err := c.out.Read(p)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &Error{Command: c.command, Err: errors.New("it ended, and what it started keeps its output open"), Said: c.said.line()}
	case errors.Is(err, io.EOF):
		if <-c.ended; c.status != nil {
			err = &Error{Command: c.command, Err: fmt.Errorf("it ended with %w", c.status), Said: c.said.line()}
		}
	}
	return n, err
}

// Close ends a command that has not ended.
func (c *conversion) Close() error {
	select {
	case <-c.ended:
	default:
		killGroup(c.cmd)
		<-c.ended
	}
	return c.out.Close()
}
