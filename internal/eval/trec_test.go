package eval

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestQrels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, qrels, queries, want string }{
		{"TREC", "7 0 a 1\n7 0 b 2\n8 0 c 0\n", "7\tseven\n8\teight\n9\tnine\n", "7=seven [{a 1} {b 2}]\n8=eight [{c 0}]\n1 unjudged"},
		{"BEIR", "query-id\tcorpus-id\tscore\nq 1\ta b\t1\n", `{"_id": "q 1", "text": "one", "metadata": {}}`, "q 1=one [{a b 1}]\n0 unjudged"},
		{"objects of a batch", "1 0 a 1", `{"id": 1, "vector": [1]}`, "1=[1] [{a 1}]\n0 unjudged"},
		{"a query that is missing", "1 0 a 1\n2 0 a 1\n", "2\ttwo", "1!it is judged, but it is not among the queries\n2=two [{a 1}]\n0 unjudged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			qrels, err := ReadQrels(strings.NewReader(test.qrels))
			if err != nil {
				t.Fatal(err)
			}
			queries, err := ReadQueries(strings.NewReader(test.queries))
			if err != nil {
				t.Fatal(err)
			}
			all, unjudged := qrels.Join(queries)
			var got []string
			for _, q := range all {
				got = append(got, describe(q))
			}
			if s := strings.Join(append(got, fmt.Sprint(unjudged, " unjudged")), "\n"); s != test.want {
				t.Errorf("%s\nwant\n%s", s, test.want)
			}
		})
	}
}

func TestQrelsRefused(t *testing.T) {
	t.Parallel()
	qrels := func(in string) error { _, err := ReadQrels(strings.NewReader(in)); return err }
	queries := func(in string) error { _, err := ReadQueries(strings.NewReader(in)); return err }
	for _, test := range []struct {
		read     func(string) error
		in, want string
	}{
		{qrels, "1 0 a 1\n1 0 a\nb", "qrels, line 2: the grade is \"a\", not a whole number"},
		{qrels, "1 0 a 1\n\n1 a", "qrels, line 3: 2 fields, not 4 (question, iteration, document, grade) or 3 (question, document, grade)"},
		{qrels, "1 0 a good", "qrels, line 1: the grade is \"good\", not a whole number"},
		{qrels, "1\ta\t1.5", "qrels, line 1: the grade is \"1.5\", not a whole number"},
		{qrels, "1\ta\t99999999999999999999", "qrels, line 1: the grade is \"99999999999999999999\", not a whole number"},
		{qrels, "1 0 a 101", "qrels, line 1: a grade is 100 at most, not 101"},
		{qrels, "\ta\t1", "qrels, line 1: the question or the document has no name"},
		{queries, "1\ta\nb", "queries, line 2: a query is ID, a tab and its text"},
		{queries, "1\t ", "queries, line 1: an empty query"},
		{queries, `{"query": "a"}`, `queries, line 1: the query has no "_id" and no "id"`},
	} {
		var syntax *SyntaxError
		if err := test.read(test.in); !errors.As(err, &syntax) || err.Error() != test.want {
			t.Errorf("%q: %v, want %s", test.in, err, test.want)
		}
	}
}

func TestWriteRun(t *testing.T) {
	t.Parallel()
	r := &Result{}
	r.Add(&Question{Labels: []Label{{"b", 1}}}, &Judgement{level: ByDocument}, ranked("b", "a c", "b", "a"), nil, nil)
	r.PerQuestion[0].ID = "q 1"
	var b strings.Builder
	if err := r.WriteRun(&b); err != nil {
		t.Fatal(err)
	}
	const want = "q%201 Q0 b 1 3 sheaf\nq%201 Q0 a%20c 2 2 sheaf\nq%201 Q0 a 3 1 sheaf\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}

func FuzzQrels(f *testing.F) {
	f.Add("7 0 a 1\n7 0 b -2\n")
	f.Add("query-id\tcorpus-id\tscore\nq\ta b\t1\n")
	f.Fuzz(func(t *testing.T, in string) {
		qrels, err := ReadQrels(strings.NewReader(in))
		if err != nil {
			return
		}
		all, _ := qrels.Join(nil)
		if ids := slices.Compact(slices.Sorted(maps.Keys(qrels.labels))); len(all) != len(ids) {
			t.Errorf("%d questions of %d", len(all), len(ids))
		}
		for _, q := range all {
			if q.ID == "" || len(q.Labels) == 0 || q.Err == nil {
				t.Errorf("%+v", q)
			}
		}
	})
}
