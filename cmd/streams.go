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
// its further lines are indented; but not within what may be a command to copy.
type folding struct {
	io.Writer
	width int
}

func (f folding) Write(b []byte) (int, error) {
	text, whole := strings.CutSuffix(string(b), "\n")
	if !whole || !strings.HasPrefix(text, "sheaf: ") || uniseg.StringWidth(text) <= f.width {
		return f.Writer.Write(b)
	}
	_, err := io.WriteString(f.Writer, folded(text, f.width, 0, 2)+"\n")
	return len(b), err
}

// folded breaks a message, which begins at a column, into lines of width columns, of which all but the first are
// indented. What is longer and may be copied stays whole.
func folded(message string, width, column, indent int) string {
	var b strings.Builder
	for i, part := range copied(message) {
		columns := uniseg.StringWidth(part)
		switch {
		case i == 0:
		case column+1+columns > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(part)
		column += columns
	}
	return b.String()
}

// copied divides a message at those blanks where a line may end: not between quotes, not between a flag and its
// value, and in a command, which begins with sheaf, not before the next comma, colon or semicolon.
func copied(message string) (parts []string) {
	var quote byte // that is open, or 0
	held := false  // the next word belongs to the last one
	command := false
	for word := range strings.SplitSeq(message, " ") {
		if held {
			parts[len(parts)-1] += " " + word
		} else {
			parts = append(parts, word)
		}
		inner := strings.TrimLeft(word, "(")
		quote = openQuote(inner, quote)
		ends := quote == 0 && strings.ContainsAny(word[max(0, len(word)-1):], ",:;")
		command = !ends && (command || inner == "sheaf")
		held = quote != 0 || command || !ends && strings.HasPrefix(inner, "-")
	}
	return parts
}

// openQuote is the quote that is open behind a word, where one was open before it or none, which is 0.
func openQuote(word string, before byte) byte {
	if before == 0 {
		if word == "" || word[0] != '"' && word[0] != '\'' {
			return 0
		}
		before, word = word[0], word[1:]
	}
	word = strings.TrimRight(word, ",:;.?)")
	if n := len(word); n > 0 && word[n-1] == before && !strings.HasSuffix(word[:n-1], `\`) {
		return 0
	}
	return before
}

// hanging breaks a line at blanks, into lines of width columns, of which all but the first are indented.
func hanging(text string, width, indent int) string {
	return strings.Join(wrap(text, max(width, 1)), "\n"+strings.Repeat(" ", indent))
}

// interactive reports whether a user can be asked a question.
func (s Streams) interactive() bool { return s.InTerminal && s.ErrTerminal }
