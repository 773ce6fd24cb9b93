package cmd

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are what a run reads and writes, and what is known about them.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer

	InTerminal, OutTerminal, ErrTerminal bool
	// Width is the number of columns of the terminal that Out is.
	Width int
}

// fallbackWidth is used where a terminal does not tell its width.
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

// asks tells whether somebody is there who can be asked.
func (s Streams) asks() bool { return s.InTerminal && s.ErrTerminal }
