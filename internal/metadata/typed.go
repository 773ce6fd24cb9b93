package metadata

import (
	"math"
	"strconv"
	"strings"
)

// Kind is the type of a value as the database knows it. Its numbers are part of the store's format.
type Kind int

// The kinds of a value.
const (
	Null  Kind = iota
	Bool       // kept as 0 or 1, so that SQL compares it with numbers as Python does
	Int        // fits int64
	Float      // fits float64
	String
	Other // an object, an array, or a number that neither int64 nor float64 holds
)

// Typed returns the kind of the member's value and what the database compares: an int64, a float64 or a string; of
// Null and Other, for which SQL has no values, the JSON as bytes, which sort after all texts.
func (m Member) Typed() (Kind, any) {
	switch m.Value[0] {
	case 'n':
		return Null, m.Value
	case 't':
		return Bool, int64(1)
	case 'f':
		return Bool, int64(0)
	case '"':
		return String, Unquote(m.Value)
	case '{', '[':
		return Other, m.Value
	}
	text := string(m.Value)
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Int, i
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || !strings.ContainsAny(text, ".eE") {
		return Other, m.Value
	}
	return Float, f
}
