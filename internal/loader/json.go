package loader

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"sheaf/internal/vector"
)

// members yields the members of a JSON object, values as they are written. The object must be valid JSON: that is not
// checked again. encoding/json itself would lose the order of keys or cost a token stream.
func members(object []byte) iter.Seq[member] {
	return func(yield func(member) bool) {
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
			m := member{key: rest[:n], name: unquote(rest[:n])}
			rest = skipBlanks(skipBlanks(rest[n:])[1:]) // ":"
			n = valueEnd(rest)
			m.value, rest = rest[:n], rest[n:]
			if !yield(m) {
				return
			}
		}
	}
}

func skipBlanks(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// stringEnd is the length of the string that valid JSON begins with.
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

// valueEnd is the length of the value that valid JSON begins with.
func valueEnd(b []byte) int {
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		return nestedEnd(b)
	}
	for i, c := range b {
		if c == ',' || c == '}' || c == ']' || isSpace(c) {
			return i
		}
	}
	return len(b)
}

// nestedEnd is the length of the object or array that valid JSON begins with.
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

// unquote decodes a valid JSON string.
func unquote(quoted []byte) string {
	inside := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return string(inside)
	}
	return s
}

var errHalfPair = errors.New("has half of a surrogate pair, which is no character")

// halfPair tells whether a valid JSON string escapes one half of a surrogate pair alone: that is no character, and decodes
// to U+FFFD.
func halfPair(quoted []byte) bool {
	for i := bytes.Index(quoted, []byte(`\`)); i >= 0 && i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		if quoted[i+1] != 'u' {
			i++
			continue
		}
		r := escaped(quoted[i:])
		switch {
		case utf16.IsSurrogate(r) && utf16.DecodeRune(r, escaped(quoted[i+6:])) == utf8.RuneError:
			return true
		case utf16.IsSurrogate(r):
			i += 11
		default:
			i += 5
		}
	}
	return false
}

// escaped is the code unit of the \uXXXX that b begins with, or -1.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// quote writes a JSON string, with "<" and its like as they are.
func quote(s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // every string has a JSON form, and a buffer takes it
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func isNull(value []byte) bool { return string(value) == "null" }

func isNumber(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

// jsonText reads a text: it must be there, and a string.
func jsonText(value []byte) (string, error) {
	switch {
	case value == nil:
		return "", errors.New("is missing")
	case value[0] != '"':
		return "", errors.New("is not a string")
	case halfPair(value):
		return "", errHalfPair
	}
	return unquote(value), nil
}

// jsonID reads an id: a string, or a number, whose JSON text is the id. No id and null are none.
func jsonID(value []byte) (string, error) {
	switch {
	case value == nil || isNull(value):
		return "", nil
	case value[0] == '"' && halfPair(value):
		return "", errHalfPair
	case value[0] == '"':
		return unquote(value), nil
	case isNumber(value):
		return string(value), nil
	}
	return "", errors.New("is neither a string nor a number")
}

// jsonVector reads a vector: an array of numbers. No vector and null are none.
func jsonVector(value []byte) ([]float32, error) {
	if value == nil || isNull(value) {
		return nil, nil
	}
	return vector.ParseJSON(value)
}
