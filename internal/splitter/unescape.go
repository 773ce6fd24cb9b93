package splitter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Unescape reads the escapes \n, \t, \r and \\ in s, as a shell user writes
// them in a separator. Any other escape is an error that names it.
func Unescape(s string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		if s = s[i+1:]; s == "" {
			return "", fmt.Errorf(`lone \ at the end: write \\ for a backslash`)
		}
		r, size := utf8.DecodeRuneInString(s)
		switch r {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case '\\':
			b.WriteByte('\\')
		default:
			return "", fmt.Errorf(`unknown escape \%s: \n, \t, \r and \\ are known; write \\ for a backslash`, s[:size])
		}
		s = s[size:]
	}
}
