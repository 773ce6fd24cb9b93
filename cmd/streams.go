package cmd

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are what a run reads from and writes to.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer

	InTerminal, OutTerminal, ErrTerminal bool
	// Width is the number of columns of the terminal, where Out is one.
	Width int
}

// fallbackWidth is the Width where none can be found out.
const fallbackWidth = 80

// Standard returns the streams of the process.
func Standard() Streams {
	s := Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Width:       fallbackWidth,
	}
	if s.OutTerminal {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
			s.Width = w
		}
	}
	return s
}

// interactive reports whether a user can be asked a question.
func (s Streams) interactive() bool { return s.InTerminal && s.ErrTerminal }
