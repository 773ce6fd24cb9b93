package cmd

import (
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
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
		s.Width = columnsOfTerminal(os.Stdout)
	}
	if s.ErrTerminal {
		s.Err = folding{os.Stderr, columnsOfTerminal(os.Stderr)}
	}
	return s
}

// errTerminal returns the terminal that Err writes to, where it is one, and its number of columns.
func (s Streams) errTerminal() (io.Writer, int) {
	if f, ok := s.Err.(folding); ok {
		return f.Writer, f.width
	}
	return s.Err, s.Width
}

func columnsOfTerminal(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return fallbackWidth
}

// folding writes to a terminal of some width. A message of sheaf's that is longer is broken at blanks, and
// its further lines are indented; but not a hint, which may have a command to copy.
type folding struct {
	io.Writer
	width int
}

func (f folding) Write(b []byte) (int, error) {
	text, whole := strings.CutSuffix(string(b), "\n")
	if !whole || !strings.HasPrefix(text, "sheaf: ") || strings.HasPrefix(text, "sheaf: hint: ") || uniseg.StringWidth(text) <= f.width {
		return f.Writer.Write(b)
	}
	_, err := io.WriteString(f.Writer, hanging(text, f.width-2, 2)+"\n")
	return len(b), err
}

// hanging breaks a line at blanks, into lines of width columns, of which all but the first are indented.
func hanging(text string, width, indent int) string {
	return strings.Join(wrap(text, max(width, 1)), "\n"+strings.Repeat(" ", indent))
}

// interactive reports whether a user can be asked a question.
func (s Streams) interactive() bool { return s.InTerminal && s.ErrTerminal }
