package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// langchainOperators stand below a key in LangChain's syntax, fieldOperators here.
var langchainOperators = []string{"$eq", "$neq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"}

var fieldOperators = append(slices.Clone(langchainOperators), "$exists", "$contains", "$glob", "$regex")

// condition returns the node for an operator below a key, or the problem where
// the two do not go together.
func condition(key, operator string, operand any) (n node, problem string) {
	switch operator {
	case "$eq":
		return leaf{key, equals(operand), equalTo(operand)}, ""
	case "$neq":
		return not{leaf{key, equals(operand), equalTo(operand)}}, ""
	case "$gt", "$gte":
		return leaf{key, ordered(operator, operand), above(operand)}, ""
	case "$lt", "$lte":
		return leaf{key, ordered(operator, operand), below(operand)}, ""
	case "$in":
		return leaf{key, in(operand), within(operand)}, ""
	case "$nin":
		if _, ok := operand.([]any); ok {
			return not{leaf{key, in(operand), within(operand)}}, ""
		}
		return leaf{key, notIn(operand), []span{everything}}, ""
	case "$contains":
		return leaf{key, containing(operand), []span{texts, lists, objects}}, ""
	case "$exists":
		return existence(key, operand)
	case "$glob":
		return glob(key, operand)
	case "$regex":
		return expression(key, operand)
	}
	if strings.HasPrefix(operator, "$") {
		return nil, fmt.Sprintf("unknown operator %q below a key: there are %s", operator, strings.Join(fieldOperators, " "))
	}
	return nil, fmt.Sprintf(`%q is no operator: write the key %q for a value inside, or {"$eq": {...}} for the whole object`, operator, key+"."+operator)
}

func equals(x any) test {
	return func(v any, _ bool) bool { return equal(v, x) }
}

// ordered compares by $gt, $gte, $lt or $lte; without an order it is false.
func ordered(operator string, x any) test {
	return func(v any, _ bool) bool {
		order, ok := compare(v, x)
		return ok && inOrder(operator, order)
	}
}

func inOrder(operator string, order int) bool {
	switch operator {
	case "$gt":
		return order > 0
	case "$gte":
		return order >= 0
	case "$lt":
		return order < 0
	}
	return order <= 0
}

// in tests for one of a list's entries, a part of a string, a key of an object.
func in(container any) test {
	return func(v any, _ bool) bool {
		found, ok := contains(container, v)
		return ok && found
	}
}

// notIn is not the negation of in: both are false of a value that cannot be
// looked for in the container. In a list all can.
func notIn(container any) test {
	return func(v any, _ bool) bool {
		found, ok := contains(container, v)
		return ok && !found
	}
}

// containing is in the other way round.
func containing(x any) test {
	return func(v any, _ bool) bool {
		found, ok := contains(v, x)
		return ok && found
	}
}

func existence(key string, operand any) (node, string) {
	want, ok := operand.(bool)
	if !ok {
		return nil, "$exists needs true or false"
	}
	exists := func(_ any, present bool) bool { return present == want }
	return leaf{key, exists, []span{everything}}, ""
}

// glob matches the whole of a string; * and ? stop at a slash, ** does not.
func glob(key string, operand any) (node, string) {
	pattern, ok := operand.(string)
	switch {
	case !ok:
		return nil, "a glob must be a string"
	case !doublestar.ValidatePattern(pattern):
		return nil, fmt.Sprintf("bad glob %q", pattern)
	}
	return leaf{key, func(v any, _ bool) bool {
		s, ok := v.(string)
		return ok && doublestar.MatchUnvalidated(pattern, s)
	}, startingWith(literalPrefix(pattern))}, ""
}

// literalPrefix is what every match of a glob begins with. A slash at its end
// is none of it: "docs/**" matches "docs".
func literalPrefix(glob string) string {
	if i := strings.IndexAny(glob, `*?[{\`); i >= 0 {
		glob = glob[:i]
	}
	return strings.TrimRight(glob, "/")
}

// expression searches a string for a regular expression.
func expression(key string, operand any) (node, string) {
	pattern, ok := operand.(string)
	if !ok {
		return nil, "a regular expression must be a string"
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	return leaf{key, func(v any, _ bool) bool {
		s, ok := v.(string)
		return ok && re.MatchString(s)
	}, []span{texts}}, ""
}
