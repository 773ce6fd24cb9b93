// Package filtertest draws metadata and filters for tests of those who evaluate filters.
package filtertest

import (
	"strings"

	"pgregory.net/rapid"
)

var (
	// Sources are names of sources that filters ask for.
	Sources = []string{"docs/a.md", "a", "docs/x/b.md", "é", "1", "shard-2/a.md", "b"}

	keys    = []string{"a", "b", "a.b", "a.b.c", "c", "", "é", "source"}
	scalars = []string{
		"null", "true", "false", "0", "1", "-1", "2", "0.0", "-0.0", "1.0", "1.5", "-1e-9", "1e19", "1e400", "-1e400",
		"9007199254740992", "9007199254740993", "9007199254740992.0", "9223372036854775807", "9223372036854775808", "9223372036854775808.0", "-9223372036854775809", "18446744073709551616",
		`""`, `"1"`, `"01"`, `"1.5"`, `" 2 "`, `"1e400"`, `"a"`, `"b"`, `"ab"`, `"é"`, `"e\u0301"`, `"\u0000"`, `"a\u0000b"`, `"\uffff"`, `"😀"`, `"docs"`, `"docs/a.md"`, `"docs/x/b.md"`, `"null"`, `"true"`,
	}
)

func pick(t *rapid.T, from []string) string { return rapid.SampledFrom(from).Draw(t, "one of") }

func some(t *rapid.T, most int, f func() string) string {
	parts := make([]string, rapid.IntRange(0, most).Draw(t, "some"))
	for i := range parts {
		parts[i] = f()
	}
	return strings.Join(parts, ",")
}

func value(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		return "[" + some(t, 3, func() string { return value(t, depth-1) }) + "]"
	case kind <= 2 && depth > 0:
		return object(t, depth-1)
	}
	return pick(t, scalars)
}

func object(t *rapid.T, depth int) string {
	return "{" + some(t, 4, func() string { return quoted(pick(t, keys)) + ":" + value(t, depth) }) + "}"
}

// Metadata draws a metadata object.
func Metadata(t *rapid.T) string { return object(t, 3) }

func quoted(s string) string { return `"` + s + `"` }

// Expr draws a filter in either syntax.
func Expr(t *rapid.T) string {
	if rapid.Bool().Draw(t, "json") {
		return filterObject(t, 3)
	}
	key := pick(t, []string{"a", "b", "a.b", "a.b.c", "é", "source"})
	switch kind := rapid.IntRange(0, 4).Draw(t, "operator"); kind {
	case 0:
		return key + pick(t, []string{"~docs/*", "~docs/**", "~*", "~a*", `~"\u0000"`, "~{a,é}"})
	case 1:
		return key + pick(t, []string{"=~^a", "=~.", "=~^$"})
	case 2:
		return key + pick(t, []string{"=", "!="}) + pick(t, scalars)
	default:
		return key + pick(t, []string{"<", "<=", ">", ">="}) + pick(t, scalars[3:]) // null, true and false have no order
	}
}

func filterObject(t *rapid.T, depth int) string {
	var members []string
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(append([]string{"$and", "$or", "$not"}, keys...)), 0, 3, rapid.ID).Draw(t, "keys") {
		switch {
		case !strings.HasPrefix(key, "$"):
			members = append(members, quoted(key)+":"+condition(t))
		case depth == 0:
		case key == "$not":
			members = append(members, `"$not":`+filterObject(t, depth-1))
		default:
			members = append(members, quoted(key)+":["+some(t, 3, func() string { return filterObject(t, depth-1) })+"]")
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func condition(t *rapid.T) string {
	switch rapid.IntRange(0, 3).Draw(t, "condition") {
	case 0:
		return pick(t, scalars)
	case 1:
		return "[" + some(t, 4, func() string { return value(t, 1) }) + "]"
	}
	var operators []string
	for _, op := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"$eq", "$neq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$contains", "$exists", "$glob", "$regex",
	}), 1, 2, rapid.ID).Draw(t, "operators") {
		operators = append(operators, quoted(op)+":"+operand(t, op))
	}
	return "{" + strings.Join(operators, ",") + "}"
}

func operand(t *rapid.T, operator string) string {
	switch operator {
	case "$exists":
		return pick(t, []string{"true", "false"})
	case "$glob":
		return pick(t, []string{`"docs/*"`, `"docs/**"`, `"docs/**/b.md"`, `"*"`, `"[ab]"`, `"a"`, `"é*"`})
	case "$regex":
		return pick(t, []string{`"^a"`, `"b$"`, `"(?i)DOCS"`, `""`})
	case "$in", "$nin":
		return pick(t, []string{value(t, 2), "[" + some(t, 4, func() string { return value(t, 2) }) + "]"})
	}
	return value(t, 2)
}
