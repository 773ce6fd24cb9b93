package vector

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads numbers separated by blanks or by one comma each, in brackets or
// not. A JSON array of numbers is such a text. Numbers are decimal and finite
// as float32. Every error is an *Error.
func Parse(text string) ([]float32, error) {
	text = strings.TrimSpace(text)
	if inside, ok := strings.CutPrefix(text, "["); ok {
		if text, ok = strings.CutSuffix(inside, "]"); !ok {
			return nil, errorf("a malformed vector: the closing bracket is missing")
		}
		text = strings.TrimSpace(text)
	}
	if text == "" {
		return nil, errorf("an empty vector")
	}
	v := make([]float32, 0, strings.Count(text, ",")+1)
	for part := range strings.SplitSeq(text, ",") {
		before := len(v)
		for word := range strings.FieldsSeq(part) {
			x, err := parseNumber(len(v), word)
			if err != nil {
				return nil, err
			}
			v = append(v, x)
		}
		if len(v) == before {
			return nil, errorf("a malformed vector: number %d is missing", len(v)+1)
		}
	}
	return v, Check(v)
}

// parseNumber reads number i, counting from 0.
func parseNumber(i int, word string) (float32, error) {
	x, err := strconv.ParseFloat(word, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, malformed(i, fmt.Sprintf("%q, too large for a float32", word))
	case err != nil || strings.ContainsAny(word, "xX_"):
		return 0, malformed(i, fmt.Sprintf("%.40q", word))
	}
	return float32(x), nil
}

// ParseJSON reads a vector from a JSON value, which must be an array of numbers.
func ParseJSON(value json.RawMessage) ([]float32, error) {
	text := strings.TrimSpace(string(value))
	if !strings.HasPrefix(text, "[") {
		return nil, errorf("a malformed vector: it is not an array of numbers")
	}
	return Parse(text)
}
