package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
)

// memory is an Index that keeps values as the interface says.
type memory struct {
	objects []json.RawMessage
	looked  int // values and objects that were looked at
}

func (m *memory) Object(meta uint32) (json.RawMessage, error) {
	m.looked++
	return m.objects[meta], nil
}

func (m *memory) Values(key string, low, high any, yield func(uint32, any) error) error {
	for i, raw := range m.objects {
		object, err := decodeObject(raw)
		if err != nil {
			return err
		}
		v, ok := object[key]
		if value := stored(v); ok && !less(value, low) && less(value, high) {
			m.looked++
			if err := yield(uint32(i), value); err != nil {
				return err
			}
		}
	}
	return nil
}

func stored(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	n, _ := number(v)
	switch n := n.(type) {
	case int64:
		return n
	case float64:
		if _, high := around(n); n < high {
			return n
		}
	}
	raw, _ := json.Marshal(v)
	return raw
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func TestFindGolden(t *testing.T) {
	t.Parallel()
	var table struct {
		Documents []struct{ Metadata json.RawMessage }
	}
	var filters struct {
		Cases []struct{ Filter json.RawMessage }
	}
	read(t, "documents.json", &table)
	read(t, "filters.json", &filters)
	m := &memory{}
	for _, d := range table.Documents {
		m.objects = append(m.objects, d.Metadata)
	}
	found := 0
	for _, c := range filters.Cases {
		if f, err := Parse(string(c.Filter)); err == nil {
			compareWays(t, string(c.Filter), f, m)
			found++
		}
	}
	if found < 100 {
		t.Errorf("only %d filters", found)
	}
}

// compareWays holds Find against Match.
func compareWays(t *testing.T, name string, f *Filter, m *memory) {
	t.Helper()
	set, err := f.Find(m, 1<<30)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for i, raw := range m.objects {
		want, err := f.Match(raw)
		if got := set.Metas.Contains(uint32(i)) != set.All; got != want || err != nil {
			t.Errorf("%s on %s: found %v, matched %v (%v)", name, raw, got, want, err)
		}
	}
}

func TestFindDottedKeys(t *testing.T) {
	t.Parallel()
	m := &memory{}
	for _, object := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":1}}`, `{"a":{"b":2},"a.b":1}`, `{"a":{"b":1},"a.b":2}`, `{"a":{"b":null},"a.b":{"c":1}}`,
		`{"a":{"b":{"c":1}}}`, `{"a":{"b.c":1}}`, `{"a.b":{"c":1}}`, `{"a":{"":1,"c":1}}`, `{"a":{"b.c":2},"a.b":{"c":1}}`, `{"a":{"b":{}},"a.b":{"c":1}}`, `{"a.b.c":2,"a":{"b":{"c":1}}}`,
		`{"b":"x"}`, `{"b":"*x"}`,
	} {
		m.objects = append(m.objects, json.RawMessage(object))
	}
	for _, expr := range []string{`{"a.b": 1}`, `{"abc": 1}`, `{"b": {"$glob": "*x"}}`, `{"a.b.c": 1}`, `{"a.b.c": {"$exists": false}}`, `{"a.b": null}`, `{"a.b": {"$neq": 1}}`, `{"a.b.c": {"$lt": 2}}`} {
		f, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		compareWays(t, expr, f, m)
	}
}

// many has n objects: n is a number of its own, half is 0 or 1, and few is only
// in every thousandth.
func many(n int) *memory {
	m := &memory{}
	for i := range n {
		few := ""
		if i%1000 == 0 {
			few = `,"few":"x"`
		}
		m.objects = append(m.objects, fmt.Appendf(nil, `{"n":%d,"half":%d%s}`, i, i%2, few))
	}
	return m
}

func TestFindGivesUp(t *testing.T) {
	t.Parallel()
	const limit = 2000
	m := many(10_000)
	tests := []struct {
		filter string
		found  int // -1: too many
	}{
		{`{"half": 1}`, -1},
		{`{"few": "x"}`, 10},
		{`{"few": {"$neq": "x"}}`, 9990},
		{`{"half": 1, "few": "x"}`, 0},
		{`{"half": 0, "few": "x"}`, 10},
		{`{"half": 0, "n": {"$gte": 5000}, "$not": {"n": 5000}, "few": "x"}`, 4},
		{`{"n": {"$gte": 5000, "$lt": 5300}}`, 300},
		{`{"$and": [{"n": {"$gte": 5000}}, {"half": 0}, {"n": {"$lt": 5010}}]}`, 5},
		{`{"half": 0, "n": {"$lt": 1000}}`, -1},
		{`{"$or": [{"n": 1}, {"few": "x"}]}`, 11},
		{`{"$or": [{"n": 1}, {"half": 1}]}`, -1},
		{`{"$or": [{"few": "x"}, {"few": {"$exists": false}}]}`, 10_000},
		{`{"$not": {"half": 1}, "few": {"$neq": "x"}}`, -1},
	}
	for _, tt := range tests {
		f, err := Parse(tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		m.looked = 0
		set, err := f.Find(m, limit)
		looked := m.looked
		found := -1
		if err == nil {
			found = int(set.Metas.GetCardinality())
			if set.All {
				found = len(m.objects) - found
			}
		}
		if found != tt.found || found < 0 && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: found %d (%v), want %d", tt.filter, found, err, tt.found)
		}
		if _, err := f.Find(m, math.MaxInt); err != nil {
			t.Errorf("%s: without a limit: %v", tt.filter, err)
		}
		if work := 4 * 2 * limit; looked > work {
			t.Errorf("%s: looked at %d values", tt.filter, looked)
		}
	}
}

// TestFindLooksAtAsMuchAsAllowed holds the limit to a value.
func TestFindLooksAtAsMuchAsAllowed(t *testing.T) {
	t.Parallel()
	m := &memory{}
	for range 100 {
		m.objects = append(m.objects, json.RawMessage(`{"a":1,"b":{"c":1}}`))
	}
	for _, expr := range []string{`{"a": 1}`, `{"b.c": {"$glob": "x"}}`} {
		f, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Find(m, 100); err != nil {
			t.Errorf("%s: 100 values, 100 allowed: %v", expr, err)
		}
		if _, err := f.Find(m, 99); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: 100 values, 99 allowed: %v", expr, err)
		}
	}
}

func TestFindWithoutAFilter(t *testing.T) {
	t.Parallel()
	var f *Filter
	if set, err := f.Find(&memory{}, 0); err != nil || !set.All || !set.Metas.IsEmpty() {
		t.Errorf("%+v, %v", set, err)
	}
}

// broken is an index whose JSON is damaged, or that cannot be read.
type broken struct{ err error }

func (b broken) Object(uint32) (json.RawMessage, error) { return json.RawMessage(`{`), b.err }

func (b broken) Values(_ string, _, high any, yield func(uint32, any) error) error {
	if b.err != nil {
		return b.err
	}
	if raw, ok := high.([]byte); ok && bytes.Equal(raw, objects.high.([]byte)) {
		return yield(0, []byte(`{"a`))
	}
	return yield(0, []byte(`[1`))
}

func TestFindReportsDamage(t *testing.T) {
	t.Parallel()
	unreadable := errors.New("unreadable")
	for _, expr := range []string{`{"a": [[1]]}`, `{"a.b": 1}`, `{"a": {"$exists": false}}`, `{"$or": [{"a": {}}, {"b": 1}]}`} {
		f, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Find(broken{}, 10); !errors.Is(err, ErrMetadata) {
			t.Errorf("%s: %v", expr, err)
		}
		if _, err := f.Find(broken{unreadable}, 10); !errors.Is(err, unreadable) {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// TestSpans holds what only costs time when it is wrong: that a span is as
// narrow as it can be.
func TestSpans(t *testing.T) {
	t.Parallel()
	tests := []struct {
		filter string
		in     []any
		out    []any
	}{
		{`{"a": 1}`, []any{int64(1), 1.0}, []any{int64(0), int64(2), 0.999, 1.001, "1", []byte("18446744073709551616")}},
		{`{"a": 0.1}`, []any{0.1}, []any{int64(0), 0.2}},
		{`{"a": 9007199254740993}`, []any{int64(9007199254740993)}, []any{int64(9007199254740992), int64(9007199254740994), "x"}},
		{`{"a": 9223372036854775808}`, []any{9223372036854775808.0, []byte("9223372036854775808")}, []any{int64(1) << 60, []byte("[]")}},
		{`{"a": -9223372036854775809}`, []any{-9223372036854775808.0, []byte("-9223372036854775809")}, []any{int64(-1) << 60}},
		{`{"a": "x"}`, []any{"x"}, []any{"w", "xx", "", int64(0), []byte("[]")}},
		{`{"a": [1, "x"]}`, []any{int64(1), "x"}, []any{int64(2), "w"}},
		{`{"a": {"$gt": 1, "$lte": 3.5}}`, []any{int64(2), 3.5}, []any{int64(0), int64(4), "2", []byte("[]")}},
		{`{"a": {"$lte": 3.5, "$gt": 1}}`, []any{int64(2), 3.5}, []any{int64(0), int64(4), "2", []byte("[]")}},
		{`{"a": {"$gt": "b", "$lt": "c"}}`, []any{"bb"}, []any{"a", "d", int64(1), []byte("[]")}},
		{`{"a": {"$glob": "docs/**"}}`, []any{"docs", "docs/a"}, []any{"doc", "e", int64(0)}},
		{`{"a": {"$glob": "é*"}}`, []any{"é", "éa"}, []any{"è", "ê"}},
		{`{"a": {"$eq": [1]}}`, []any{[]byte("[1]")}, []any{[]byte("{}"), []byte("null"), "x"}},
		{`{"a": {"$eq": {}}}`, []any{[]byte("{}")}, []any{[]byte("[]"), []byte("-1")}},
		{`a>2`, []any{int64(3), "3", []byte("18446744073709551616")}, []any{int64(1), []byte("[]"), []byte("null")}},
	}
	for _, tt := range tests {
		f, err := Parse(tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		spans := f.root.(leaf).spans
		for _, s := range spans {
			if _, unbound := s.low.(*big.Int); unbound {
				t.Errorf("%s: SQLite holds no %v", tt.filter, s.low)
			}
		}
		for want, values := range map[bool][]any{true: tt.in, false: tt.out} {
			for _, v := range values {
				if got := covered(spans, v); got != want {
					t.Errorf("%s: %v is covered: %v, want %v", tt.filter, v, got, want)
				}
			}
		}
	}
}

func covered(spans []span, v any) bool {
	for _, s := range spans {
		if !less(v, s.low) && less(v, s.high) {
			return true
		}
	}
	return false
}

func TestSeveralOperatorsOnAKeyAreOneLeaf(t *testing.T) {
	t.Parallel()
	f, err := Parse("a>=1", `{"$and": [{"a": {"$lt": 5}}, {"b": 1}]}`, `{"b": {"$neq": 2}}`)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, n := range f.root.(all) {
		if l, ok := n.(leaf); ok {
			keys = append(keys, l.key)
		}
	}
	if got := strings.Join(keys, " "); got != "a b" {
		t.Errorf("leaves on %s", got)
	}
}
