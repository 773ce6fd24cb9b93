package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// place stands in a command for the path of a file.
const place = "{}"

// Convert starts a command that prints the text of a file, by the shell. The file is its standard
// input or, where the command has {}, its path takes the place of that. Reading gives what it prints,
// and at the end an *[Error] if it failed. It ends with ctx; the caller must close it.
func Convert(ctx context.Context, command, path string) (io.ReadCloser, error) {
	script := strings.ReplaceAll(command, place, `"$1"`)
	c := &conversion{command: command, cmd: exec.CommandContext(ctx, "/bin/sh", "-c", script, "sh", path), said: &lastLine{}}
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
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, &Error{Command: command, Err: err}
	}
	c.out = out
	return c, nil
}

// conversion is a command that prints a text.
type conversion struct {
	command string
	cmd     *exec.Cmd
	out     io.Reader
	said    *lastLine
	ended   bool
}

func (c *conversion) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if err != nil && !c.ended {
		c.ended = true
		if failed := c.cmd.Wait(); failed != nil && errors.Is(err, io.EOF) {
			err = &Error{Command: c.command, Err: fmt.Errorf("it ended with %w", failed), Said: c.said.line()}
		}
	}
	return n, err
}

// Close ends a command that has not ended.
func (c *conversion) Close() error {
	if !c.ended {
		c.ended = true
		killGroup(c.cmd)
		_ = c.cmd.Wait()
	}
	return nil
}
