package loader

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"sheaf/internal/metadata"
	"sheaf/internal/vector"
)

var errHalfPair = errors.New("has half of a surrogate pair, which is no character")

// halfPair reports whether a valid JSON string has an escape for one half of a surrogate pair alone, which is no character
// and would be decoded to U+FFFD.
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

// escaped returns the code unit of the \uXXXX that b begins with, or -1.
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

func isNull(value []byte) bool { return string(value) == "null" }

func isNumber(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

// jsonText reads a text, which must be a string.
func jsonText(value []byte) (string, error) {
	switch {
	case value[0] != '"':
		return "", errors.New("is not a string")
	case halfPair(value):
		return "", errHalfPair
	}
	return metadata.Unquote(value), nil
}

// jsonID reads an id: a string, or a number, whose JSON text is the id. It returns "" for a missing value and for null.
func jsonID(value []byte) (string, error) {
	switch {
	case value == nil || isNull(value):
		return "", nil
	case value[0] == '"' && halfPair(value):
		return "", errHalfPair
	case value[0] == '"':
		return metadata.Unquote(value), nil
	case isNumber(value):
		return string(value), nil
	}
	return "", errors.New("is neither a string nor a number")
}

// jsonVector reads a vector, an array of numbers. It returns nil for a missing value and for null.
func jsonVector(value []byte) ([]float32, error) {
	if value == nil || isNull(value) {
		return nil, nil
	}
	return vector.ParseJSON(value)
}
