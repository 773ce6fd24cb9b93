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
	if strings.HasPrefix(path, "-") { // or the command would take it for an option
		path = "./" + path
	}
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
