// Package hint lets an error carry what its reader can do about it: a command, a flag or a
// name. The hint is no part of the error's message; whoever reports the error asks for it.
package hint

import (
	"errors"
	"fmt"
	"strings"
)

// Hinter is an error that knows what to do about itself.
type Hinter interface {
	error
	Hint() string
}

// With returns err with a hint, which is formatted as fmt.Sprintf does. The message is
// err's own, and errors.Is and errors.As see err.
func With(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// Of returns the hint of the outermost error in the tree of err that has one, or "".
func Of(err error) string {
	var h Hinter
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }
func (e *hinted) Hint() string  { return e.hint }

// ShellQuote returns a word of a command line as a shell reads it.
func ShellQuote(word string) string {
	if strings.ContainsAny(word, " \t\n'\"$`\\!*?[]{}()<>|&;#~") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
