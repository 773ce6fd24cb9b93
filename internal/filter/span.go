package filter

import (
	"bytes"
	"math"
	"math/big"
)

// span is a range of values of one key, from low to below high, in the order
// in which SQLite sorts them: numbers (int64 and float64, exactly), strings by
// their bytes, then what is kept as the bytes of its JSON. A test names spans
// that hold every value for which it is true; others may lie in them.
type span struct{ low, high any }

// The spans of each kind. JSON tells its kind by its first byte.
var (
	everything = span{math.Inf(-1), []byte{0xff}}
	numbers    = span{math.Inf(-1), ""}
	texts      = span{"", []byte{}}
	beyond     = span{[]byte("-"), []byte(":")} // numbers that neither int64 nor float64 holds
	lists      = span{[]byte("["), []byte("\\")}
	nulls      = span{[]byte("n"), []byte("o")}
	objects    = span{[]byte("{"), []byte("|")}
)

// equalTo holds what equals x.
func equalTo(x any) []span {
	if n, ok := number(x); ok {
		low, high := around(n)
		if math.Abs(high) < 1<<62 { // far from what SQLite's integers do not hold
			return []span{{low, high}}
		}
		return []span{{low, high}, beyond}
	}
	switch x := x.(type) {
	case string:
		return []span{{x, x + "\x00"}}
	case []any:
		return []span{lists}
	case map[string]any:
		return []span{objects}
	}
	return []span{nulls}
}

// around returns a number, or the float64 below one too large for SQLite, and
// the float64 above it.
func around(n any) (low any, high float64) {
	f, _ := exact(n).Float64()
	if _, large := n.(*big.Int); large {
		n = math.Nextafter(f, math.Inf(-1))
	}
	return n, math.Nextafter(f, math.Inf(1))
}

// above holds what is greater than x or equal to it.
func above(x any) []span {
	if n, ok := number(x); ok {
		low, _ := around(n)
		return []span{{low, numbers.high}, beyond}
	}
	switch x := x.(type) {
	case string:
		return []span{{x, texts.high}}
	case []any:
		return []span{lists}
	}
	return nil
}

// below holds what is less than x or equal to it.
func below(x any) []span {
	if n, ok := number(x); ok {
		_, high := around(n)
		return []span{{numbers.low, high}, beyond}
	}
	switch x := x.(type) {
	case string:
		return []span{{texts.low, x + "\x00"}}
	case []any:
		return []span{lists}
	}
	return nil
}

// within holds what may be found in a container.
func within(container any) (spans []span) {
	switch c := container.(type) {
	case []any:
		for _, entry := range c {
			spans = append(spans, equalTo(entry)...)
		}
	case string:
		spans = []span{texts}
	case map[string]any:
		for key := range c {
			spans = append(spans, equalTo(key)...)
		}
	}
	return spans
}

// startingWith holds the strings that begin with a prefix.
func startingWith(prefix string) []span {
	if prefix == "" {
		return []span{texts}
	}
	last := len(prefix) - 1
	return []span{{prefix, prefix[:last] + string([]byte{prefix[last] + 1})}}
}

// intersect returns what lies in a span of a and in one of b.
func intersect(a, b []span) (both []span) {
	for _, x := range a {
		for _, y := range b {
			if less(y.low, x.low) {
				y.low = x.low
			}
			if less(x.high, y.high) {
				y.high = x.high
			}
			if less(y.low, y.high) {
				both = append(both, y)
			}
		}
	}
	return both
}

// less is the order in which SQLite sorts values.
func less(a, b any) bool {
	if x, y := rank(a), rank(b); x != y {
		return x < y
	}
	switch a := a.(type) {
	case string:
		return a < b.(string)
	case []byte:
		return bytes.Compare(a, b.([]byte)) < 0
	}
	return compareNumbers(a, b) < 0
}

func rank(v any) int {
	switch v.(type) {
	case string:
		return 1
	case []byte:
		return 2
	}
	return 0
}
