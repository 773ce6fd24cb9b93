package loader

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The text of a record is in "text" or LangChain's "page_content", or in the fields that are named, joined.
func TestTextFields(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		format   Format
		in, want string
		fields   Fields
	}{
		{JSONL, `{"page_content":"a","metadata":{"b":1},"type":"Document"}`, `a {"b":1,"type":"Document"}`, nil},
		{JSONL, `{"page_content":"a","text":"b"}`, `b {"page_content":"a"}`, nil},
		{JSONL, `{"text":null,"page_content":"a"}`, `a {}`, nil},
		{JSONL, `{"title":"a","text":"b","body":"c"}`, "a\nc {\"text\":\"b\"}", Fields{"title", "body"}},
		{JSONL, `{"body":"c","title":"a"}`, "a\nc {}", Fields{"title", "body"}},
		{JSONL, `{"title":null,"body":"c"}`, `c {}`, Fields{"title", "body"}},
		{CSV, "page_content,a\nx,1\n", `x {"a":"1"}`, nil},
		{CSV, "page_content,text\nx,y\n", `y {"page_content":"x"}`, nil},
		{CSV, "body;n;title\nb;1;t\n", "t\nb {\"n\":\"1\"}", Fields{"title", "body"}},
		{CSV, "body,title\nb,\n", `b {}`, Fields{"title", "body"}},
	} {
		rec, err := readOne(t, from(test.format, test.in), ReadOptions{TextFields: test.fields})
		if got := fmt.Sprint(rec.Text, " ", rec.Metadata); err != nil || got != test.want {
			t.Errorf("%s with %q: %q, %v; want %q", test.in, test.fields, got, err, test.want)
		}
	}
}

// A file none of whose first records has a text is not a file of records that fail one by one.
func TestNoText(t *testing.T) {
	t.Parallel()
	records := strings.Repeat(`{"title":"a","n":1}`+"\n", openingRecords)
	for _, test := range []struct {
		format Format
		in     string
	}{
		{JSONL, `{"title":"a","n":1}`},
		{JSONL, records + `{"text":"late"}`},
		{JSON, "[" + strings.ReplaceAll(strings.TrimSpace(records), "\n", ",") + "]"},
		{CSV, "title,n\na,1\n"},
	} {
		recs, errs, err := readAll(t, from(test.format, test.in), ReadOptions{})
		var missing *NoTextError
		if !errors.As(err, &missing) || len(recs)+len(errs) > 0 {
			t.Fatalf("%.30q: %v, %v, %v", test.in, recs, errs, err)
		}
		if diff := cmp.Diff([]string{"title", "n"}, missing.Has); diff != "" {
			t.Errorf("%.30q: %s", test.in, diff)
		}
		if want := `no field "text" or "page_content" (it has "title", "n"): --text-field names`; !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// Records that come before one with a text fail alone.
	recs, errs, err := readAll(t, from(JSONL, "{\"a\":1}\n{\"a\":2}\n{\"text\":\"x\"}\n{}\n"), ReadOptions{})
	if err != nil || len(recs) != 1 || len(errs) != 3 || errs[0].Error() != `line 1: field "text" is missing` {
		t.Errorf("%v, %v, %v", recs, errs, err)
	}
}

// One name is kept in settings as it was before there could be several.
func TestFieldsJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text   string
		fields Fields
	}{{`""`, nil}, {`"body"`, Fields{"body"}}, {`["title","body"]`, Fields{"title", "body"}}} {
		encoded, err := json.Marshal(test.fields)
		if string(encoded) != test.text || err != nil {
			t.Errorf("%q: %s, %v", test.fields, encoded, err)
		}
		decoded := Fields{"before"}
		if err := json.Unmarshal([]byte(test.text), &decoded); err != nil || !cmp.Equal(test.fields, decoded) {
			t.Errorf("%s: %q, %v", test.text, decoded, err)
		}
	}
	if err := json.Unmarshal([]byte("5"), new(Fields)); err == nil {
		t.Error("a number is no name")
	}
}
