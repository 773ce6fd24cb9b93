package eval

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// describe writes a question on a line.
func describe(q Question) string {
	s := fmt.Sprintf("%s=%s", q.ID, q.Text)
	if q.Vector != nil {
		s = fmt.Sprintf("%s=%v", q.ID, q.Vector)
	}
	switch {
	case q.Err != nil:
		return q.ID + "!" + q.Err.Error()
	case !q.Labelled:
		return s + " unlabelled"
	}
	s += fmt.Sprintf(" %v", q.Labels)
	for _, more := range [][]string{q.Filters, q.Tags} {
		if more != nil {
			s += fmt.Sprintf(" %q", more)
		}
	}
	return s
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"objects", `{"query": "a", "expect": ["x", "y:3-4"], "tags": ["t"]}` + "\n\n" + `{"id": 7, "vector": [1, 2], "expect": []}`,
			"1=a [{x 1} {y:3-4 1}] [\"t\"]\n7=[1 2] []"},
		{"a byte order mark", "\ufeff" + `{"query": "a", "expect": ["x"]}`, "1=a [{x 1}]"},
		{"grades", `{"query": "a", "expect": ["x", "y"], "grades": {"y": 3, "z": 0}}`, "1=a [{x 1} {y 3} {z 0}]"},
		{"grades alone", `{"query": "a", "grades": {"y": 3}}`, "1=a [{y 3}]"},
		{"filters", `{"query": "a", "expect": ["x"], "filter": "page>3"}
{"query": "b", "expect": ["x"], "filter": {"page": 3}}
{"query": "c", "expect": ["x"], "filter": ["page=3", {"n": 1}]}
{"query": "d", "expect": ["x"], "filter": 3}
{"query": "e", "expect": ["x"], "filter": [["n"]]}`,
			`1=a [{x 1}] ["page>3"]
2=b [{x 1}] ["{\"page\": 3}"]
3=c [{x 1}] ["page=3" "{\"n\": 1}"]
4!a filter is a text or an object, not 3
5!a filter is a text or an object, not ["n"]`},
		{"malformed ones fail alone", `{"query": "a"
{"query": "b"}
{"id": "x", "expect": ["y"]}
{"id": "x", "query": "c", "expect": "y"}
{"id": "x", "query": "c", "grades": {"y": 101}}`,
			`1!a malformed query: unexpected end of JSON input
2=b unlabelled
x!a query needs either "query" or "vector"
x!a malformed query: "expect" cannot be a JSON string
x!a grade is 100 at most, not 101`},
		{"semicolons", "Question;Expected\n\"a; b, c\";x\n", "2=a; b, c [{x 1}]"},
		{"CSV", "Question, expected\n\"a, b\",x\n\"a, b\",y\nc,\n,z\n", "2=a, b [{x 1} {y 1}]\n4=c []\n5!an empty query"},
		{"TSV with ids", "id\tquestion\texpected\nq1\ta\tx\nq2\ta\ty\n", "q1=a [{x 1}]\nq2=a [{y 1}]"},
		{"lines", "a\n\nb, c\n", "1=a unlabelled\n3=b, c unlabelled"},
		{"nothing", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all, err := Read(strings.NewReader(test.in))
			var got []string
			for _, q := range all {
				got = append(got, describe(q))
			}
			if s := strings.Join(got, "\n"); err != nil || s != test.want {
				t.Errorf("%v\n%s\nwant\n%s", err, s, test.want)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, in := range []string{"", "a line\n", `{"query": "a"}` + "\n", "question,expected\na,b\n"} {
		if _, err := Read(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %q: %v", in, err)
		}
	}
}

// Two questions are the same when they ask and expect the same, whatever they are called.
func TestKey(t *testing.T) {
	t.Parallel()
	all, err := Read(strings.NewReader(`{"id": "a", "query": "q", "expect": ["x", "y"]}
{"id": "b", "query": "q", "expect": ["y", "x"], "tags": ["t"]}
{"query": "r", "expect": ["x", "y"]}
{"query": "q", "expect": ["x"]}
{"query": "q", "expect": []}
{"query": "q"}
{"query": "q", "grades": {"x": 2}}
{"query": "q", "expect": ["x"], "filter": "n=1"}
{"vector": [1], "expect": ["x"]}`))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for i, q := range all {
		if other, known := seen[q.Key()]; known != (i == 1) {
			t.Errorf("question %s has the key of %q", q.ID, other)
		}
		seen[q.Key()] = q.ID
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"id": 1, "query": "a", "expect": ["x:1-2", "text:y"], "grades": {"z": 2}, "filter": ["n=1", {"a": 1}]}`)
	f.Add("question,expected\n\"a\",b\n")
	f.Add("id\tquestion\texpected\n1\ta\tb\n")
	f.Add("plain\nlines\n")
	f.Fuzz(func(t *testing.T, in string) {
		all, err := Read(strings.NewReader(in))
		if err != nil {
			return
		}
		for _, q := range all {
			if q.ID == "" {
				t.Errorf("a question without an id: %s", describe(q))
			}
			if q.Err == nil && (strings.TrimSpace(q.Text) == "") == (q.Vector == nil) {
				t.Errorf("a question that asks nothing, or twice: %s", describe(q))
			}
			for _, l := range q.Labels {
				if l.Grade > maxGrade {
					t.Errorf("grade %d", l.Grade)
				}
			}
			q.Key()
		}
	})
}
