package loader

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// matchPath reports whether a slash-separated path matches a pattern that was split at its slashes, as gitignore(5)
// describes it: a component "**" stands for any number of folders, and at the end for everything inside.
func matchPath(pattern []string, name string) bool {
	i, more := 0, true
	// After a mismatch the last "**" takes one component more, and matching goes on after it.
	retry, retryName, retryMore := -1, "", false
	for {
		if i < len(pattern) && pattern[i] == "**" {
			if i == len(pattern)-1 {
				return more
			}
			i++
			retry, retryName, retryMore = i, name, more
			continue
		}
		if i == len(pattern) && !more {
			return true
		}
		component, rest, left := strings.Cut(name, "/")
		if i < len(pattern) && more && matchName(pattern[i], component) {
			i, name, more = i+1, rest, left
			continue
		}
		if retry < 0 || !retryMore {
			return false
		}
		_, retryName, retryMore = strings.Cut(retryName, "/")
		i, name, more = retry, retryName, retryMore
	}
}

// matchName reports whether one path component matches a shell pattern: "*", "?", "[a-z]", "[!a]", "[[:digit:]]" and
// "\" before a character that is meant literally. A malformed pattern matches nothing. Unlike git, which compares
// bytes, "?" and "[…]" stand for whole characters.
func matchName(pattern, name string) bool {
	retry, retryName := "", ""
	star := false
	for pattern != "" || name != "" {
		if strings.HasPrefix(pattern, "*") {
			pattern = pattern[1:]
			star, retry, retryName = true, pattern, name
			continue
		}
		if width, rest, ok := matchOne(pattern, name); ok {
			pattern, name = rest, name[width:]
			continue
		}
		if !star || retryName == "" {
			return false
		}
		_, width := utf8.DecodeRuneInString(retryName)
		retryName = retryName[width:]
		pattern, name = retry, retryName
	}
	return true
}

// matchOne matches the first element of pattern, which is not a star, with the first character of name. It returns
// the width of that character and the rest of pattern.
func matchOne(pattern, name string) (width int, rest string, ok bool) {
	if pattern == "" || name == "" {
		return 0, "", false
	}
	r, width := utf8.DecodeRuneInString(name)
	switch pattern[0] {
	case '?':
		return width, pattern[1:], true
	case '[':
		in, rest, ok := matchClass(pattern[1:], r)
		return width, rest, in && ok
	}
	char, rest, ok := literal(pattern)
	return width, rest, ok && char == name[:width]
}

// literal returns the first character of a pattern, which a backslash may precede, and the rest. ok is false for a
// backslash at the end.
func literal(pattern string) (char, rest string, ok bool) {
	pattern = strings.TrimPrefix(pattern, `\`)
	_, width := utf8.DecodeRuneInString(pattern)
	return pattern[:width], pattern[width:], width > 0
}

// matchClass reports whether r is in the class that pattern begins with, without its "[", and returns what follows the
// "]". ok is false for a class that is not closed.
func matchClass(pattern string, r rune) (in bool, rest string, ok bool) {
	negate := pattern != "" && (pattern[0] == '!' || pattern[0] == '^')
	if negate {
		pattern = pattern[1:]
	}
	for first := true; ; first = false {
		if pattern == "" {
			return false, "", false
		}
		if pattern[0] == ']' && !first {
			return in != negate, pattern[1:], true
		}
		if name, after, found := posixClass(pattern); found {
			is, known := posixClasses[name]
			if !known {
				return false, "", false
			}
			in, pattern = in || is(r), after
			continue
		}
		low, after, ok := literal(pattern)
		high := low
		if len(after) > 1 && after[0] == '-' && after[1] != ']' {
			high, after, ok = literal(after[1:])
		}
		if !ok {
			return false, "", false
		}
		in, pattern = in || between(low, r, high), after
	}
}

// between reports whether r is in a range. The first character is in it even when the ends are in the wrong order.
func between(low string, r rune, high string) bool {
	first, _ := utf8.DecodeRuneInString(low)
	last, _ := utf8.DecodeRuneInString(high)
	return r == first || first <= r && r <= last
}

// posixClass reads a "[:name:]" at the beginning of the inside of a class.
func posixClass(pattern string) (name, rest string, found bool) {
	if !strings.HasPrefix(pattern, "[:") {
		return "", "", false
	}
	inside, after, _ := strings.Cut(pattern[2:], "]")
	name, closed := strings.CutSuffix(inside, ":")
	return name, after, closed
}

var posixClasses = map[string]func(rune) bool{
	"alnum":  func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) },
	"alpha":  unicode.IsLetter,
	"blank":  func(r rune) bool { return r == ' ' || r == '\t' },
	"cntrl":  unicode.IsControl,
	"digit":  unicode.IsDigit,
	"graph":  func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) },
	"lower":  unicode.IsLower,
	"print":  unicode.IsGraphic,
	"punct":  func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) },
	"space":  unicode.IsSpace,
	"upper":  unicode.IsUpper,
	"xdigit": func(r rune) bool { return strings.ContainsRune("0123456789abcdefABCDEF", r) },
}
