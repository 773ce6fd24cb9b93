package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sheaf/internal/glob"
)

// langchainOperators stand below a key in LangChain's syntax, fieldOperators here.
var langchainOperators = []string{"$eq", "$neq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"}

var fieldOperators = append(slices.Clone(langchainOperators), "$exists", "$contains", "$glob", "$regex")

// newCondition returns the expression for an operator below a key, or the problem
// where the two do not go together.
func newCondition(key, operator string, operand any) (e expr, problem string) {
	switch operator {
	case "$neq":
		return negation{condition{key: key, operator: "$eq", operand: operand}}, ""
	case "$nin":
		if _, ok := operand.([]any); ok {
			return negation{condition{key: key, operator: "$in", operand: operand}}, ""
		}
	case "$exists":
		if _, ok := operand.(bool); !ok {
			return nil, "$exists needs true or false"
		}
	case "$glob":
		switch pattern, ok := operand.(string); {
		case !ok:
			return nil, "a glob must be a string"
		case glob.Check(pattern) != nil:
			return nil, glob.Check(pattern).Error()
		}
	case "$regex":
		pattern, ok := operand.(string)
		if !ok {
			return nil, "a regular expression must be a string"
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		}
		operand = re
	default:
		if problem := unknownOperator(key, operator); problem != "" {
			return nil, problem
		}
	}
	return condition{key: key, operator: operator, operand: operand}, ""
}

// unknownOperator returns what is wrong with an operator that does not exist.
func unknownOperator(key, operator string) string {
	switch {
	case slices.Contains(fieldOperators, operator):
		return ""
	case strings.HasPrefix(operator, "$"):
		return fmt.Sprintf("unknown operator %q below a key: there are %s", operator, strings.Join(fieldOperators, " "))
	}
	return fmt.Sprintf(`%q is no operator: write the key %q for a value inside, or {"$eq": {...}} for the whole object`, operator, key+"."+operator)
}
