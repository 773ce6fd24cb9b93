package filter_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sheaf/internal/filter"
)

// written writes a filter down.
type written struct{}

func call(name, key string, operands ...any) string {
	for _, x := range operands {
		b, err := json.Marshal(x)
		if err != nil {
			return err.Error()
		}
		key += " " + string(b)
	}
	return name + "(" + key + ")"
}

func (written) All(parts []string) string                  { return "all[" + strings.Join(parts, ", ") + "]" }
func (written) Not(part string) string                     { return "not " + part }
func (written) Equal(key string, x any) string             { return call("equal", key, x) }
func (written) In(key string, c any) string                { return call("in", key, c) }
func (written) NotIn(key string, c any) string             { return call("notin", key, c) }
func (written) Contains(key string, x any) string          { return call("contains", key, x) }
func (written) Exists(key string, want bool) string        { return call("exists", key, want) }
func (written) Glob(key, pattern string) string            { return call("glob", key, pattern) }
func (written) Regex(key string, re *regexp.Regexp) string { return call("regex", key, re.String()) }

func (written) Compare(key, operator string, x any, numeric bool) string {
	return call(fmt.Sprint("compare", operator, " ", numeric), key, x)
}

// TestWalk visits every operator, and each expression as it was written.
func TestWalk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		exprs []string
		want  string
	}{
		{nil, "all[]"},
		{[]string{`{}`}, "all[all[]]"},
		{[]string{`{"a": 1.50, "b": ["x", null]}`}, `all[all[equal(a 1.50), in(b ["x",null])]]`},
		{[]string{`{"a": {"$eq": 1, "$neq": "x"}}`}, `all[all[all[equal(a 1), not equal(a "x")]]]`},
		{[]string{`{"$or": [{"a": {"$gt": 1}}, {"$not": {"a": {"$lte": "x"}}}]}`},
			`all[all[not all[not all[all[compare$gt false(a 1)]], not all[not all[all[compare$lte false(a "x")]]]]]]`},
		{[]string{`{"a": {"$in": "text", "$nin": [1], "$exists": true}}`}, `all[all[all[in(a "text"), not in(a [1]), exists(a true)]]]`},
		{[]string{`{"a": {"$nin": "text", "$contains": 2}}`}, `all[all[all[notin(a "text"), contains(a 2)]]]`},
		{[]string{`{"a": {"$glob": "d/**", "$regex": "^x+"}}`}, `all[all[all[glob(a "d/**"), regex(a "^x+")]]]`},
		{[]string{"page>=3", `name<"b"`, "lang=en", "year!=2024", "source~docs/*", "title=~^A"},
			`all[compare$gte true(page 3), compare$lt false(name "b"), in(lang ["en"]), not in(year ["2024",2024]), glob(source "docs/*"), regex(title "^A")]`},
	} {
		f, err := filter.Parse(c.exprs...)
		if err != nil {
			t.Fatal(err)
		}
		if got := filter.Walk(f, written{}); got != c.want {
			t.Errorf("%q: %s, want %s", c.exprs, got, c.want)
		}
	}
}
