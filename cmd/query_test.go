package cmd

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// describe writes a question as id=text, id=[dim] or id!error.
func describe(q query) string {
	switch {
	case q.err != nil:
		return q.id + "!" + q.err.Error()
	case q.vector != nil:
		return q.id + "=[" + strconv.Itoa(len(q.vector)) + "]"
	default:
		return q.id + "=" + q.text
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	const neither = `a query needs either "query" or "vector"`
	tests := []struct {
		name, in string
		want     []string
	}{
		{"lines", "one\ntwo\r\nthree", []string{"1=one", "2=two", "3=three"}},
		{"a byte order mark", "\ufeffone\n", []string{"1=one"}},
		{"an empty line keeps its place", "one\n\nthree\n", []string{"1=one", "3=three"}},
		{"no lines", "", nil},
		{"objects", `{"query": "a"}` + "\n\n" + `{"id": 7, "vector": [1, 2]}`, []string{"1=a", "7=[2]"}},
		{"an id that is text", `{"id": "x", "query": "a"}`, []string{"x=a"}},
		{"an id that is null", `{"id": null, "query": "a"}`, []string{"1=a"}},
		{"an id that is neither", `{"id": [1], "query": "a"}`, []string{"1!an id is a string or a number, not [1]"}},
		{"both", `{"id": "x", "query": "a", "vector": [1]}`, []string{"x!" + neither}},
		{"neither", `{}`, []string{"1!" + neither}},
		{"an empty vector", `{"vector": []}`, []string{"1!an empty vector"}},
		{"a line that is no object", "{\"query\": \"a\"}\nb", []string{
			"1=a", "2!a malformed query: invalid character 'b' looking for beginning of value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for q, err := range queries(strings.NewReader(tt.in), textQuery) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, describe(q))
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestQueriesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("one\n"), iotest.ErrReader(broken))
	var got []string
	var last error
	for block, err := range blocks(queries(in, textQuery), 10) {
		for _, q := range block {
			got = append(got, describe(q))
		}
		last = err
	}
	if strings.Join(got, " ") != "1=one" || !errors.Is(last, broken) {
		t.Errorf("%q, %v, want the line that was read, then the error", got, last)
	}
}

// A program may write one question and wait for its answer: a block must not
// wait for more than there is.
func TestBlocksEndWhereInputPauses(t *testing.T) {
	t.Parallel()
	lines := []string{"one\ntwo\n", "three\n", "four\nfive\nsix\n"}
	var readers []io.Reader
	for _, l := range lines {
		readers = append(readers, strings.NewReader(l))
	}
	var sizes []string
	for block, err := range blocks(queries(io.MultiReader(readers...), textQuery), 2) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, strconv.Itoa(len(block)))
	}
	if got := strings.Join(sizes, " "); got != "2 1 2 1" {
		t.Errorf("blocks of %s, want 2 1 2 1", got)
	}
}

// Every question has an id, and is either sound or says what is wrong.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{"one\ntwo", `{"query": "a", "id": 1}`, `{"vector": [1]}`, "{\n{}", "\ufeff{}", "\r\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		n := 0
		for q, err := range queries(bytes.NewReader(in), textQuery) {
			n++
			if err != nil || q.err == nil && (q.text == "") == (q.vector == nil) {
				t.Errorf("question %d of %q: %+v, %v", n, in, q, err)
			}
		}
		if most := bytes.Count(in, []byte("\n")) + 1; n > most {
			t.Errorf("%d questions in %d lines", n, most)
		}
	})
}
