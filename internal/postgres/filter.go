package postgres

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/words"
)

// A filter is compiled to a condition that holds for every document that matches, and for
// few others. What it lets through is tested by the filter itself, so that filters mean the
// same as over any other store: SQL saves the way of documents that cannot match.

// condition is a filter and words that a text must have or not have, compiled for documents
// d. Passages are not of it.
type condition struct {
	filter *filter.Filter
	sql    string
	of     map[string]*filter.Filter // by the names of sources
}

func compile(f *filter.Filter, asked *words.Condition) *condition {
	return &condition{f, filter.Walk(f, compiler{}).may + wordsCondition(asked), map[string]*filter.Filter{}}
}

// free reports whether every document passes.
func (c *condition) free() bool { return c.sql == always }

// What columns gives of a document, in this order; a caller may add another.
const (
	columnX = 1 + iota // the vector, after the number
	columnFilteredVerbatim
	columnFilteredName
	columnFar
)

// columns and from select the documents for which the SQL holds, as lets reads them.
func (c *condition) columns() string {
	if c.filter == nil {
		return `SELECT d.n, d.vector, NULL, NULL`
	}
	return `SELECT d.n, d.vector, d.verbatim, s.name`
}

func (c *condition) from() string {
	if c.filter == nil {
		return `FROM {documents} d WHERE ` + c.sql
	}
	return fromDocuments + `WHERE ` + c.sql
}

// lets reports whether a document of columns matches.
func (c *condition) lets(r row) (bool, error) {
	return c.matches(r.text(columnFilteredName), r[columnFilteredVerbatim])
}

// matches reports whether a document that passed the SQL matches the filter.
func (c *condition) matches(source string, metadata []byte) (bool, error) {
	if c.filter == nil {
		return true, nil
	}
	f, known := c.of[source]
	if !known {
		f = c.filter.Of(source)
		c.of[source] = f
	}
	return f.Match(metadata)
}

// bounds are conditions of SQL around a part of a filter: where it holds so does may, and it
// holds where must does. They are never NULL.
type bounds struct{ may, must string }

const always, never = "TRUE", "FALSE"

func exactly(sql string) bounds { return bounds{sql, sql} }
func atMost(sql string) bounds  { return bounds{sql, never} }

// unknown is a part of which SQL says nothing.
var unknown = bounds{always, never}

// compiler makes bounds of the parts of a filter.
type compiler struct{}

func (compiler) All(parts []bounds) bounds {
	if len(parts) == 0 {
		return exactly(always)
	}
	return joined(" AND ", parts)
}

func joined(operator string, parts []bounds) bounds {
	var may, must []string
	for _, p := range parts {
		may, must = append(may, p.may), append(must, p.must)
	}
	return bounds{"(" + strings.Join(may, operator) + ")", "(" + strings.Join(must, operator) + ")"}
}

func (compiler) Not(part bounds) bounds { return bounds{not(part.must), not(part.may)} }

func not(sql string) string {
	switch sql {
	case always:
		return never
	case never:
		return always
	}
	return "NOT " + sql
}

// member is the value of a top-level key of metadata in SQL.
type member struct{ json, text, kind string }

// memberOf returns what a key names, not ok where SQL cannot tell.
func memberOf(key string) (m member, ok bool) {
	if strings.Contains(key, ".") || !isText(key) {
		return m, false
	}
	m = member{"d.metadata->" + literal(key), "d.metadata->>" + literal(key), ""}
	m.kind = "jsonb_typeof(" + m.json + ")"
	return m, true
}

// kept completes bounds for a member: of metadata that jsonb cannot hold nothing is known.
func (m member) kept(b bounds) bounds {
	return bounds{"(d.metadata IS NULL OR COALESCE(" + b.may + ", FALSE))", "(d.metadata IS NOT NULL AND COALESCE(" + b.must + ", FALSE))"}
}

// number is the value as a float, NULL for what is no number in Python.
func (m member) number() string {
	return "CASE " + m.kind + " WHEN 'number' THEN (" + m.json + ")::float8 WHEN 'boolean' THEN (" + m.json + ")::boolean::integer::float8 END"
}

func (c compiler) Equal(key string, value any) bounds {
	if key == filter.SourceKey {
		return named("=", value)
	}
	m, ok := memberOf(key)
	if !ok {
		return unknown
	}
	return m.kept(m.equal(value))
}

func (m member) equal(value any) bounds {
	switch v := value.(type) {
	case nil:
		return exactly("COALESCE(" + m.kind + ", 'null') = 'null'")
	case string:
		if !isText(v) {
			return exactly(never)
		}
		return exactly("(" + m.json + ") = " + literal(string(metadata.Quote(v))) + "::jsonb")
	case bool:
		return bounds{m.number() + " = " + map[bool]string{true: "1", false: "0"}[v], "(" + m.json + ") = '" + strconv.FormatBool(v) + "'::jsonb"}
	case json.Number:
		return atMost(m.number() + " = " + float(v))
	case []any:
		return atMost(m.kind + " = 'array'")
	}
	return atMost(m.kind + " = 'object'")
}

// float is a number as a float of SQL. The conversion keeps the order of numbers, so
// equal ones stay equal.
func float(n json.Number) string {
	f, _ := strconv.ParseFloat(string(n), 64) // one that is too large is infinite
	switch {
	case math.IsInf(f, 1):
		return "'Infinity'::float8"
	case math.IsInf(f, -1):
		return "'-Infinity'::float8"
	}
	return "'" + strconv.FormatFloat(f, 'g', -1, 64) + "'::float8"
}

// named is a condition on the name of the source.
func named(operator string, value any) bounds {
	v, ok := value.(string)
	if !ok || !isText(v) {
		return exactly(never)
	}
	return exactly(ofSource("name " + operator + " " + literal(v)))
}

func ofSource(sql string) string {
	return "d.source IN (SELECT source FROM {sources} WHERE " + sql + ")"
}

// operators are those of SQL by those of filters.
var operators = map[string]string{"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}

func (compiler) Compare(key, operator string, value any, numeric bool) bounds {
	sign := operators[operator]
	if key == filter.SourceKey {
		if text, ok := value.(string); numeric || ok && !isText(text) {
			return unknown
		}
		return named(sign, value)
	}
	m, ok := memberOf(key)
	if !ok {
		return unknown
	}
	switch v := value.(type) {
	case string:
		if numeric || !isText(v) {
			return unknown
		}
		return m.kept(exactly("(" + m.kind + " = 'string' AND (" + m.text + ") COLLATE \"C\" " + sign + " " + literal(v) + ")"))
	case json.Number: // numbers that differ may be equal as floats
		may := m.number() + " " + sign[:1] + "= " + float(v)
		if numeric {
			may = "(" + m.kind + " = 'string' OR " + may + ")"
		}
		return m.kept(atMost(may))
	}
	return unknown
}

func (c compiler) In(key string, container any) bounds {
	entries, ok := container.([]any)
	if !ok {
		return unknown
	}
	if len(entries) == 0 {
		return exactly(never)
	}
	var parts []bounds
	for _, entry := range entries {
		parts = append(parts, c.Equal(key, entry))
	}
	return joined(" OR ", parts)
}

func (c compiler) NotIn(key string, container any) bounds {
	if _, ok := container.([]any); !ok {
		return unknown
	}
	return c.Not(c.In(key, container))
}

func (compiler) Contains(key string, _ any) bounds {
	m, ok := memberOf(key)
	if !ok || key == filter.SourceKey {
		return unknown
	}
	return m.kept(atMost(m.kind + " IN ('array', 'string', 'object')"))
}

func (compiler) Exists(key string, want bool) bounds {
	m, ok := memberOf(key)
	if !ok || key == filter.SourceKey {
		return unknown
	}
	if want {
		return m.kept(exactly(m.kind + " IS NOT NULL"))
	}
	return m.kept(exactly(m.kind + " IS NULL"))
}

func (compiler) Glob(key, pattern string) bounds {
	prefix := pattern
	if end := strings.IndexAny(pattern, `*?[{\`); end >= 0 {
		prefix = strings.TrimRight(pattern[:end], "/") // docs/** matches docs as well
	}
	m, ok := memberOf(key)
	switch {
	case !isText(prefix):
		return unknown
	case key == filter.SourceKey:
		return atMost(ofSource("starts_with(name, " + literal(prefix) + ")"))
	case !ok:
		return unknown
	}
	return m.kept(atMost("(" + m.kind + " = 'string' AND starts_with(" + m.text + ", " + literal(prefix) + "))"))
}

func (compiler) Regex(key string, _ *regexp.Regexp) bounds {
	m, ok := memberOf(key)
	if !ok || key == filter.SourceKey {
		return unknown
	}
	return m.kept(atMost(m.kind + " = 'string'"))
}

// literal is a string of SQL under standard_conforming_strings. No name of a table in
// braces is replaced in it.
func literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if !strings.Contains(s, "{") {
		return quoted
	}
	return "(" + strings.ReplaceAll(quoted, "{", "' || chr(123) || '") + ")"
}

// isText reports whether PostgreSQL's text can hold a string.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// storable returns the strings that the store may have.
func storable(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !isText(s) })
}

// maxKey is how many bytes of a name PostgreSQL's indexes take.
const maxKey = 2600

// checkKey refuses an id or a name that the store cannot have.
func checkKey(what, s string) error {
	switch {
	case !isText(s):
		return fmt.Errorf("%s %q has bytes that PostgreSQL's text cannot hold: NUL, or no UTF-8", what, s)
	case len(s) > maxKey:
		return fmt.Errorf("%s %.60q… has %d bytes; PostgreSQL indexes at most %d", what, s, len(s), maxKey)
	}
	return nil
}

// What jsonb refuses although it is JSON: NUL, halves of surrogate pairs, numbers beyond
// what numeric holds. Numbers that float8 refuses are left out too, and nesting that would
// take much of the server's stack. The expression may match harmless text as well.
var unfit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\\u0000|\\ud[89a-f]|[0-9]e[+-]?[0-9]{3}|[0-9.]{200}`)
})

const maxNesting = 500

// jsonb returns a metadata object for the column of that type: nil where it may not fit.
func jsonb(object []byte) any {
	depth := 0
	for _, b := range object {
		if b == '{' || b == '[' {
			depth++
		}
	}
	if depth > maxNesting || unfit().Match(object) {
		return nil
	}
	return string(object)
}
