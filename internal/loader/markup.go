package loader

import (
	"html"
	"iter"
	"strings"
)

// token is a tag of HTML, or the text between two.
type token struct {
	raw    string // as it stands in the page
	name   string // of the element, in lower case; "" for text
	text   string // with its character references resolved
	end    bool   // it ends the element
	closed bool   // it begins and ends it
	hidden bool   // it has the attribute hidden
}

// markup yields the tags and texts of a page, as browsers divide it: whatever is not well formed is text or a tag, and
// what is in a script, a style and the like is one text. Comments and declarations are tags without meaning, named "!".
//
// golang.org/x/net/html would do this and more. Its tables are made before main, at each start of the program.
func markup(page string) iter.Seq[token] {
	return func(yield func(token) bool) {
		for rest := page; rest != ""; {
			t := nextToken(rest)
			rest = rest[len(t.raw):]
			if !yield(t) {
				return
			}
			if body := rawBody(t, rest); body != "" {
				rest = rest[len(body):]
				if !yield(token{raw: body, text: html.UnescapeString(body)}) {
					return
				}
			}
		}
	}
}

func nextToken(s string) token {
	if s[0] != '<' || len(s) < 2 {
		return textToken(s, 1)
	}
	switch c := s[1]; {
	case strings.HasPrefix(s, "<!--"):
		return token{raw: through(s, 4, "-->"), name: "!"}
	case c == '!' || c == '?':
		return token{raw: through(s, 2, ">"), name: "!"}
	case c == '/' && len(s) > 2 && isLetter(s[2]):
		t := tag(s, 2)
		t.end = true
		return t
	case isLetter(c):
		return tag(s, 1)
	}
	return textToken(s, 1)
}

// textToken returns the text up to the next < from a place on.
func textToken(s string, from int) token {
	if i := strings.IndexByte(s[from:], '<'); i >= 0 {
		s = s[:from+i]
	}
	return token{raw: s, text: html.UnescapeString(s)}
}

// through returns s up to the end of a mark that is looked for from a place on; all of it where there is none.
func through(s string, from int, mark string) string {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return s[:from+i+len(mark)]
	}
	return s
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// tag returns the tag at the beginning of s, whose name begins at a place.
func tag(s string, at int) token {
	var t token
	t.name, at = word(s, at)
	t.name = strings.ToLower(t.name)
	for at < len(s) && s[at] != '>' {
		t.closed = s[at] == '/'
		if s[at] == '/' || isBlank(s[at]) {
			at++
			continue
		}
		var name string
		name, at = word(s, at+1) // a name may begin with =
		t.hidden = t.hidden || strings.EqualFold(s[at-len(name)-1:at], "hidden")
		at = value(s, at)
	}
	t.raw = s[:min(at+1, len(s))]
	return t
}

// word returns what stands before the next blank, slash, = or >, and where it ends.
func word(s string, from int) (string, int) {
	if n := strings.IndexAny(s[from:], " \t\r\n\f/=>"); n >= 0 {
		return s[from : from+n], from + n
	}
	return s[from:], len(s)
}

func isBlank(c byte) bool { return strings.IndexByte(" \t\r\n\f", c) >= 0 }

// value returns where the value of an attribute ends, whose name ends at a place; the place itself where it has none.
func value(s string, at int) int {
	after := func(i int) int {
		for i < len(s) && isBlank(s[i]) {
			i++
		}
		return i
	}
	equals := after(at)
	if equals >= len(s) || s[equals] != '=' {
		return at
	}
	begin := after(equals + 1)
	if begin < len(s) && (s[begin] == '"' || s[begin] == '\'') {
		return begin + len(through(s[begin:], 1, s[begin:begin+1]))
	}
	if n := strings.IndexAny(s[begin:], " \t\r\n\f>"); n >= 0 {
		return begin + n
	}
	return len(s)
}

// rawBody returns what follows the tag of an element whose content has no tags.
func rawBody(t token, rest string) string {
	switch t.name {
	case "script", "style", "noscript", "iframe", "title", "textarea":
		if t.end || t.closed {
			return ""
		}
	default:
		return ""
	}
	for i := 0; ; {
		next := strings.Index(rest[i:], "</")
		if next < 0 {
			return rest
		}
		i += next
		i += 2
		if name, _ := word(rest, i); strings.EqualFold(name, t.name) {
			return rest[:i-2]
		}
	}
}
