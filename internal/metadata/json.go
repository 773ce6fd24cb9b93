package metadata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Scan yields the members of a JSON object as they are written, keys decoded, repeated ones each time. The object must
// be valid JSON, which is not checked: encoding/json would lose the order of keys or cost a stream of tokens.
func Scan(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		rest := skipBlanks(object)[1:]
		for {
			rest = skipBlanks(rest)
			if rest[0] == ',' {
				rest = skipBlanks(rest[1:])
			}
			if rest[0] == '}' {
				return
			}
			n := stringEnd(rest)
			key := Unquote(rest[:n])
			rest = skipBlanks(skipBlanks(rest[n:])[1:]) // ":"
			n = valueEnd(rest)
			value := rest[:n]
			rest = rest[n:]
			if !yield(key, value) {
				return
			}
		}
	}
}

func skipBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// stringEnd returns the length of the string that valid JSON begins with.
func stringEnd(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd returns the length of the value that valid JSON begins with.
func valueEnd(b []byte) int {
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		return nestedEnd(b)
	}
	for i, c := range b {
		if c == ',' || c == '}' || c == ']' || isBlank(c) {
			return i
		}
	}
	return len(b)
}

// nestedEnd returns the length of the object or array that valid JSON begins with.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// appendCompact appends valid JSON without its blanks.
func appendCompact(dst, value []byte) []byte {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			n := stringEnd(value[i:])
			dst = append(dst, value[i:i+n]...)
			i += n - 1
		case !isBlank(c):
			dst = append(dst, c)
		}
	}
	return dst
}

// Unquote returns the string that a valid JSON string stands for. It does what encoding/json does, which would check
// once more that it is valid.
func Unquote(quoted []byte) string {
	inside := quoted[1 : len(quoted)-1]
	next := bytes.IndexByte(inside, '\\')
	if next < 0 {
		return string(inside)
	}
	if !utf8.Valid(inside) {
		var s string
		_ = json.Unmarshal(quoted, &s) // the string is valid
		return s
	}
	var s strings.Builder
	s.Grow(len(inside))
	for ; next >= 0; next = bytes.IndexByte(inside, '\\') {
		s.Write(inside[:next])
		var r rune
		r, inside = unescape(inside[next+1:])
		s.WriteRune(r)
	}
	s.Write(inside)
	return s.String()
}

// unescape returns the character of an escape sequence, whose backslash is left out, and what follows it. Half of a
// surrogate pair is U+FFFD.
func unescape(b []byte) (rune, []byte) {
	switch b[0] {
	case 'b':
		return '\b', b[1:]
	case 'f':
		return '\f', b[1:]
	case 'n':
		return '\n', b[1:]
	case 'r':
		return '\r', b[1:]
	case 't':
		return '\t', b[1:]
	case 'u':
		r, b := hex4(b[1:]), b[5:]
		if !utf16.IsSurrogate(r) {
			return r, b
		}
		if len(b) >= 6 && b[0] == '\\' && b[1] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(b[2:])); pair != utf8.RuneError {
				return pair, b[6:]
			}
		}
		return utf8.RuneError, b
	}
	return rune(b[0]), b[1:] // ", \ or /
}

// hex4 returns the number of four hexadecimal digits.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		r = r<<4 | rune(c&15)
		if c > '9' {
			r += 9
		}
	}
	return r
}

// Mismatch returns an error of encoding/json that says a value is of another kind than the
// one it was decoded into in the terms of JSON, with the member that it is about, and any other error as it is.
func Mismatch(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &kind):
		return err
	case kind.Field == "":
		return fmt.Errorf("it is a JSON %s and not an object", kind.Value)
	}
	return fmt.Errorf("%q cannot be a JSON %s", kind.Field, kind.Value)
}

// Quote returns s as a JSON string, with <, > and & as they are.
func Quote(s string) []byte { return AppendQuoted(nil, s) }

// AppendQuoted appends s as a JSON string, with <, > and & as they are.
func AppendQuoted(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return appendEncoded(dst, s)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func appendEncoded(dst []byte, s string) []byte {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // every string has a JSON form, and a buffer takes it
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
