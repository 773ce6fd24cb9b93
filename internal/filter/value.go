package filter

import (
	"cmp"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// equal is Python's ==.
func equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && compareNumbers(x, y) == 0
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalObjects(a, b)
	}
	return false
}

func equalObjects(a, b map[string]any) bool {
	for key, x := range a {
		if y, ok := b[key]; !ok || !equal(x, y) {
			return false
		}
	}
	return len(a) == len(b)
}

// compare is Python's order; false where there is none.
func compare(a, b any) (order int, ok bool) {
	if x, ok := number(a); ok {
		y, ok := number(b)
		if !ok {
			return 0, false
		}
		return compareNumbers(x, y), true
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case []any:
		if b, ok := b.([]any); ok {
			return compareLists(a, b)
		}
	}
	return 0, false
}

// compareLists compares the first entries that differ.
func compareLists(a, b []any) (order int, ok bool) {
	for i := range min(len(a), len(b)) {
		if !equal(a[i], b[i]) {
			return compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b)), true
}

// contains is Python's "v in container"; not ok where Python has no answer.
func contains(container, v any) (found, ok bool) {
	switch c := container.(type) {
	case []any:
		return slices.ContainsFunc(c, func(entry any) bool { return equal(entry, v) }), true
	case lookupList:
		if s, ok := v.(string); ok {
			return c.texts[s], true
		}
		return contains(c.others, v)
	case string:
		s, ok := v.(string)
		return ok && strings.Contains(c, s), ok
	case map[string]any:
		if !hashable(v) {
			return false, false
		}
		s, ok := v.(string)
		if ok {
			_, ok = c[s]
		}
		return ok, true
	}
	return false, false
}

// lookupList is a list whose texts are looked up, which takes the same time in a long one.
type lookupList struct {
	texts  map[string]bool
	others []any
}

// indexed returns a list as a lookupList, and another container as it is.
func indexed(container any) any {
	list, ok := container.([]any)
	if !ok {
		return container
	}
	l := lookupList{texts: map[string]bool{}}
	for _, entry := range list {
		if s, ok := entry.(string); ok {
			l.texts[s] = true
		} else {
			l.others = append(l.others, entry)
		}
	}
	return l
}

// hashable tells what may be in a set, or a key, in Python.
func hashable(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}

// number returns the int64, *big.Int or float64 that a value stands for:
// booleans are 0 and 1.
func number(v any) (n any, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case int64, *big.Int, float64:
		return v, true
	case json.Number:
		return parseNumber(string(v)), true
	}
	return nil, false
}

// parseNumber reads a decimal number: with a point or an exponent it is a
// float, of which those too large are infinite, else an integer.
func parseNumber(s string) any {
	if strings.ContainsAny(s, ".eE") {
		f, _ := strconv.ParseFloat(s, 64)
		return f
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	b, _ := new(big.Int).SetString(s, 10)
	return b
}

// compareNumbers compares what number returns exactly, across kinds too.
func compareNumbers(a, b any) int {
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	}
	return exact(a).Cmp(exact(b))
}

// exact holds every number without rounding.
func exact(n any) *big.Float {
	switch n := n.(type) {
	case int64:
		return new(big.Float).SetInt64(n)
	case *big.Int:
		return new(big.Float).SetInt(n)
	}
	return new(big.Float).SetFloat64(n.(float64))
}
