package filter_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/filter"
)

// TestMatch holds what the golden cases do not: one row is a filter, metadata
// that it matches, and metadata that it does not.
func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		filter  string
		yes, no []string
	}{
		{`{"n": 9007199254740993}`, []string{`{"n":9007199254740993}`}, []string{`{"n":9007199254740992}`, `{"n":9007199254740993.0}`, `{"n":"9007199254740993"}`}},
		{`{"n": 1e400}`, []string{`{"n":1e999}`}, []string{`{"n":-1e400}`, `{"n":1` + strings.Repeat("0", 400) + `}`}},
		{`{"n": 18446744073709551616}`, []string{`{"n":18446744073709551616}`, `{"n":1.8446744073709551616e19}`}, []string{`{"n":18446744073709551617}`}},
		{`{"n": {"$gt": 9223372036854775807}}`, []string{`{"n":9223372036854775808}`, `{"n":1e19}`, `{"n":1e400}`}, []string{`{"n":9223372036854775807}`, `{"n":9.2e18}`}},
		{`{"n": {"$lt": -1e400}}`, nil, []string{`{"n":-1e400}`, `{"n":0}`}},
		{`{"n": [0, "x"]}`, []string{`{"n":false}`, `{"n":-0}`, `{"n":-0.0}`, `{"n":"x"}`}, []string{`{"n":""}`, `{}`, `{"n":null}`}},
		{`{"t": {"$gt": "a"}}`, []string{`{"t":"á"}`, `{"t":"aa"}`}, []string{`{"t":"Z"}`, `{"t":1}`, `{"t":["b"]}`}},
		{`{"t": {"$lt": "\uffff"}}`, []string{`{"t":"\ufffe"}`}, []string{`{"t":"\ud83d\ude42"}`}},
		{`{"t": {"$lte": [1, "a"]}}`, []string{`{"t":[1,"a"]}`, `{"t":[0,{}]}`, `{"t":[]}`}, []string{`{"t":[1,2]}`, `{"t":[1,"a",0]}`, `{"t":{}}`, `{"t":0}`}},
		{`{"t": {"$eq": {"a": [1, true]}}}`, []string{`{"t":{"a":[true,1.0]}}`}, []string{`{"t":{"a":[1,true],"b":0}}`, `{"t":{"b":[1,true]}}`, `{"t":{"a":[1]}}`}},
		{`{"t": {"$in": {"a": 1}}}`, []string{`{"t":"a"}`}, []string{`{"t":1}`, `{"t":["a"]}`, `{}`}},
		{`{"t": {"$nin": {"a": 1}}}`, []string{`{"t":1}`, `{}`}, []string{`{"t":"a"}`, `{"t":["a"]}`}},
		{`{"t": {"$nin": "abc"}}`, []string{`{"t":"d"}`}, []string{`{"t":"b"}`, `{"t":1}`, `{}`}},

		{`{"t": {"$eq": {"a": null}}}`, []string{`{"t":{"a":null}}`}, []string{`{"t":{"b":null}}`}},
		{`{"t": {"$in": {"": 1}}}`, []string{`{"t":""}`}, []string{`{"t":1}`}},
		{`{"t": {"$glob": "*"}}`, []string{`{"t":""}`}, []string{`{"t":1}`, `{}`}},
		{`{"t": {"$regex": ".*"}}`, []string{`{"t":""}`}, []string{`{"t":1}`, `{}`}},
		{`{"t": {"$glob": "` + strings.Repeat("{a,b}", 8) + `"}}`, []string{`{"t":"abababab"}`}, []string{`{"t":"ab"}`}},
		{`{"t": [1,2,3,4,5,6,7,8,9,{}]}`, []string{`{"t":9}`, `{"t":{}}`}, []string{`{"t":10}`}},
		{"t=\uFFFD", []string{"{\"t\":\"\uFFFD\"}"}, []string{`{}`}},

		{`{"t": {"$exists": true}}`, []string{`{"t":null}`}, []string{`{}`, `{"u":1}`}},
		{`{"t": {"$exists": false}}`, []string{`{}`, `{"u":1}`}, []string{`{"t":null}`}},
		{`{"t": {"$contains": 1}}`, []string{`{"t":[0,true]}`}, []string{`{"t":["1"]}`, `{"t":"1"}`, `{"t":1}`, `{"t":{"1":1}}`}},
		{`{"t": {"$contains": "b"}}`, []string{`{"t":["b"]}`, `{"t":"abc"}`, `{"t":{"b":0}}`}, []string{`{"t":["abc"]}`, `{}`}},
		{`{"t": {"$glob": "a/*.md"}}`, []string{`{"t":"a/b.md"}`}, []string{`{"t":"a/b/c.md"}`, `{"t":["a/b.md"]}`, `{}`}},
		{`{"t": {"$glob": "a/**/*.md"}}`, []string{`{"t":"a/b.md"}`, `{"t":"a/b/c.md"}`}, []string{`{"t":"b/a/c.md"}`}},
		{`{"t": {"$regex": "n.t"}}`, []string{`{"t":"sonnets"}`}, []string{`{"t":"n\nt"}`, `{"t":1}`}},

		{`{"a.b": 1}`, []string{`{"a.b":1}`, `{"a":{"b":1}}`}, []string{`{"a.b":2,"a":{"b":1}}`, `{"a":{"c":1}}`, `{"a":1}`, `{"a":[{"b":1}]}`}},
		{`{"abc": 1}`, []string{`{"abc":1}`}, []string{`{"a":{"c":1}}`, `{"ab":{"c":1}}`}},
		{`{"a.b.c": {"$exists": true}}`, []string{`{"a":{"b.c":0}}`, `{"a.b":{"c":0}}`, `{"a":{"b":{"c":null}}}`, `{"a":{"b":1},"a.b":{"c":0}}`}, []string{`{"a":{"b":{"d":0}}}`}},
		{`{"a.b": null}`, []string{`{}`, `{"a":{"b":null}}`, `{"a":{}}`}, []string{`{"a":{"b":0}}`}},
		{`{"$and": [{"$or": [{"a": 1}], "b": 1}], "$not": {"c": 1}}`, []string{`{"a":1,"b":1}`}, []string{`{"a":1}`, `{"b":1}`, `{"a":1,"b":1,"c":1}`}},
	}
	for _, tt := range tests {
		check(t, tt.filter, tt.yes, tt.no)
	}
}

func check(t *testing.T, expr string, yes, no []string) {
	t.Helper()
	f, err := filter.Parse(expr)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	for want, group := range map[bool][]string{true: yes, false: no} {
		for _, metadata := range group {
			if got, err := f.Match(json.RawMessage(metadata)); got != want || err != nil {
				t.Errorf("%s on %s: %v (%v), want %v", expr, metadata, got, err, want)
			}
		}
	}
}

func TestSeveralExpressionsMustAllHold(t *testing.T) {
	t.Parallel()
	f := parse(t, "a=1", `{"b": 1}`)
	for metadata, want := range map[string]bool{`{"a":1,"b":1}`: true, `{"a":1}`: false, `{"b":1}`: false} {
		if got, err := f.Match(json.RawMessage(metadata)); got != want || err != nil {
			t.Errorf("%s: %v, %v", metadata, got, err)
		}
	}
	f, err := filter.Parse()
	if f != nil || err != nil {
		t.Errorf("no expressions: %v, %v", f, err)
	}
	if ok, err := f.Match(json.RawMessage(`{}`)); !ok || err != nil {
		t.Errorf("no filter does not match: %v", err)
	}
}

func TestMatchRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for metadata, problem := range map[string]string{
		``: ": EOF", `[]`: "", `1`: "", `{`: ": unexpected EOF", `{"a":1}x`: ": something follows it",
	} {
		_, err := parse(t, "a=1").Match(json.RawMessage(metadata))
		if !errors.Is(err, filter.ErrMetadata) || err.Error() != filter.ErrMetadata.Error()+problem {
			t.Errorf("%q: %v", metadata, err)
		}
	}
}

// FuzzParse: what is no filter is an error with a place in it; what is one can
// be held against any metadata.
func FuzzParse(f *testing.F) {
	for _, c := range goldenCases(f) {
		f.Add(string(c.Filter), `{"lang":"en","tags":["red"],"owner":{"name":"ann"}}`)
	}
	for _, expr := range []string{"page=1", "page>=3", "lang!=en", "source~docs/**/*.md", "title=~^Intro", `a="x"`, "n<1e400", `{"a.b":{"$contains":1}}`} {
		f.Add(expr, `{"page":12345678901234567890,"a":{"b":[1,2.5,null]},"n":"1e5"}`)
	}
	f.Fuzz(func(t *testing.T, expr, metadata string) {
		parsed, err := filter.Parse(expr)
		if err != nil {
			checkPlace(t, expr, err)
			return
		}
		_, err = parsed.Match(json.RawMessage(metadata))
		var object map[string]any
		if want := json.Unmarshal([]byte(metadata), &object); want == nil && err != nil {
			t.Errorf("%s on %s: %v", expr, metadata, err)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	f, err := filter.Parse(`{"$or": [{"b": 1}, {"$not": {"a.c": {"$gt": 1, "$lt": 3}}}], "source": "x"}`, "b=2")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Keys(), []string{"b", "a.c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestInIsEqualToOne compares a list of values of every kind with each of them.
func TestInIsEqualToOne(t *testing.T) {
	t.Parallel()
	values := []string{`"a"`, `"1"`, `""`, `1`, `1.0`, `true`, `0`, `null`, `[1, "a"]`, `{"a": 1}`, `12345678901234567890`, `"A"`}
	match := func(condition, value string) bool {
		f, err := filter.Parse(`{"k": ` + condition + `}`)
		if err != nil {
			t.Fatal(err)
		}
		ok, err := f.Match([]byte(`{"k": ` + value + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for from := range values {
		list := values[from:min(from+5, len(values))]
		in, not := `{"$in": [`+strings.Join(list, ",")+`]}`, `{"$nin": [`+strings.Join(list, ",")+`]}`
		for _, value := range values {
			want := slices.ContainsFunc(list, func(entry string) bool { return match(`{"$eq": `+entry+`}`, value) })
			if got := match(in, value); got != want {
				t.Errorf("%s of %s: %v, want %v", in, value, got, want)
			}
			if got := match(not, value); got == want {
				t.Errorf("%s of %s: %v", not, value, got)
			}
		}
	}
}
