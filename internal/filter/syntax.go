package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says what is wrong with a filter, and where.
type SyntaxError struct {
	Expr    string
	Offset  int // in bytes of Expr; len(Expr) where something is missing at its end
	Problem string
}

// Column is the place of the problem, in code points from 1.
func (e *SyntaxError) Column() int {
	return utf8.RuneCountInString(e.Expr[:e.Offset]) + 1
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("filter %s, column %d: %s", e.excerpt(), e.Column(), e.Problem)
}

// excerptLength is how many code points of a filter an error shows on each
// side of its place: enough for most filters to be shown whole.
const excerptLength = 40

// excerpt is what stands around the place, on one line.
func (e *SyntaxError) excerpt() string {
	before, after := []rune(e.Expr[:e.Offset]), []rune(e.Expr[e.Offset:])
	head, tail := "", ""
	if len(before) > excerptLength {
		head, before = "…", before[len(before)-excerptLength:]
	}
	if len(after) > excerptLength {
		after, tail = after[:excerptLength], "…"
	}
	shown := strings.Map(printable, string(before)+string(after))
	if shown == "" {
		return `""`
	}
	return head + shown + tail
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
