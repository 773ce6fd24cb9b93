package splitter

import (
	"strings"
	"unicode"
)

// isSpace is Python's str.isspace: it is true for Unicode's White_Space and the
// four information separators U+001C to U+001F.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

// strip returns what Python's str.strip without arguments does, and its offset
// in s.
func strip(s string) (stripped string, at int) {
	rest := strings.TrimLeftFunc(s, isSpace)
	return strings.TrimRightFunc(rest, isSpace), len(s) - len(rest)
}

// printable returns s without the characters for which Python's str.isprintable
// is false: controls, format characters, and every blank but U+0020.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}
