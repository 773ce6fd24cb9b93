package filter

import "regexp"

// Visitor makes a T of each part of a filter, such as a condition in SQL. Values
// are nil, a bool, a string, a json.Number, []any or map[string]any, and compare as
// in Python. A key with dots that an object does not have is a path into nested
// objects; a value that is not there is nil. The key SourceKey is no metadata: its
// value is the name of the document's source.
type Visitor[T any] interface {
	// All holds where each part does; always, where there is none.
	All(parts []T) T
	Not(part T) T

	Equal(key string, value any) T
	// Compare holds where the value of key is in the order with value that the
	// operator names: $gt, $gte, $lt or $lte. With numeric a string that holds a
	// number counts as that number.
	Compare(key, operator string, value any, numeric bool) T
	// In holds where the value of key is an entry of a list, a part of a string
	// or a key of an object.
	In(key string, container any) T
	// NotIn holds where it could be, and is not.
	NotIn(key string, container any) T
	// Contains is In the other way round: value is in the value of key.
	Contains(key string, value any) T
	Exists(key string, want bool) T
	// Glob matches the whole of a string as doublestar does.
	Glob(key, pattern string) T
	// Regex searches a string.
	Regex(key string, re *regexp.Regexp) T
}

// Walk visits the parts of a filter, the innermost first, and returns what v makes
// of the whole.
func Walk[T any](f *Filter, v Visitor[T]) T {
	if f == nil {
		return v.All(nil)
	}
	return walk(f.expr, v)
}

func walk[T any](e expr, v Visitor[T]) T {
	switch e := e.(type) {
	case every:
		parts := make([]T, len(e))
		for i, part := range e {
			parts[i] = walk(part, v)
		}
		return v.All(parts)
	case negation:
		return v.Not(walk(e.expr, v))
	}
	c := e.(condition)
	switch c.operator {
	case "$eq":
		return v.Equal(c.key, c.operand)
	case "$in":
		return v.In(c.key, c.operand)
	case "$nin":
		return v.NotIn(c.key, c.operand)
	case "$contains":
		return v.Contains(c.key, c.operand)
	case "$exists":
		return v.Exists(c.key, c.operand.(bool))
	case "$glob":
		return v.Glob(c.key, c.operand.(string))
	case "$regex":
		return v.Regex(c.key, c.operand.(*regexp.Regexp))
	}
	return v.Compare(c.key, c.operator, c.operand, c.numeric)
}

// expr is a part of a filter as it was written: every, negation or condition.
type expr any

// every holds where each of its parts does. There is no expression for "one of":
// it is what remains where none of them holds.
type every []expr

// negation holds where its expression does not.
type negation struct{ expr }

func oneOf(parts every) expr {
	var none every
	for _, part := range parts {
		none = append(none, negation{part})
	}
	return negation{none}
}

// condition is an operator below a key. Its operand has the type that Walk needs.
type condition struct {
	key, operator string
	operand       any
	numeric       bool // see Visitor.Compare
}
