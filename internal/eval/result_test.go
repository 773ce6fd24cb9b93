package eval

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"sheaf/internal/engine"
)

func metricsOf(t *testing.T, names ...string) (all []Metric) {
	t.Helper()
	for _, name := range names {
		m, err := ParseMetric(name, 10)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestParseMetric(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{"ndcg", "ndcg@10"}, {"mrr@3", "mrr@3"},
		{"bleu", `"bleu" is no measure: ndcg, recall, precision, mrr, map, success`},
		{"ndcg@0", `"ndcg@0": what follows the @ must be a whole number from 1 on`},
		{"ndcg@", `"ndcg@": what follows the @ must be a whole number from 1 on`},
	} {
		m, err := ParseMetric(test.in, 10)
		got := m.String()
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.in, got, test.want)
		}
	}
}

// The ideal ranking has all that is relevant, not only what was found.
func TestOneOfTwo(t *testing.T) {
	t.Parallel()
	got := Metric{"ndcg", 10}.Score([]int{1}, []int{1, 1}, Linear)
	if math.Abs(got-0.6131471927654584) > 1e-15 {
		t.Error(got)
	}
}

// A result made by hand: a question for each rule.
func sampleResult(t *testing.T) *Result {
	t.Helper()
	metrics := metricsOf(t, "ndcg", "recall")
	r := &Result{Level: ByDocument, Gain: Linear, K: 10}
	judged := &Judgement{level: ByDocument, grades: map[string]int{"a": 1, "b": 1}, expected: []expectation{{"first", []string{"a"}}, {"second", []string{"b", "z"}}}}
	add := func(id string, j *Judgement, err error, hits ...string) {
		q := Question{Labelled: true, Labels: []Label{{id, 1}}}
		q.ID, q.Text = id, "about "+id
		r.Add(&q, j, ranked(hits...), metrics, err)
	}
	add("half", judged, nil, "a", "x")
	add("none", judged, nil, "x")
	add("failed", judged, errors.New("refused"))
	add("stale", &Judgement{level: ByDocument, Stale: []string{"gone"}}, nil, "x")
	add("partly stale", &Judgement{level: ByDocument, grades: map[string]int{"x": 1}, Stale: []string{"gone"}}, nil, "y", "x")
	add("empty", &Judgement{level: ByDocument, expectsNothing: true}, nil)
	add("not empty", &Judgement{level: ByDocument, expectsNothing: true}, nil, "x")
	r.Summarize(metrics)
	return r
}

func TestResult(t *testing.T) {
	t.Parallel()
	r := sampleResult(t)
	var got []string
	for _, o := range r.PerQuestion {
		got = append(got, fmt.Sprintf("%s %.3f %.1f first %d missing %q", o.ID, o.Values["ndcg@10"], o.Values["recall@10"], o.FirstRelevant, o.Missing))
	}
	const want = `half 0.613 0.5 first 1 missing ["second"]
none 0.000 0.0 first 0 missing ["first" "second"]
failed 0.000 0.0 first 0 missing ["first" "second"]
partly stale 0.631 1.0 first 2 missing []
empty 1.000 1.0 first 0 missing []
not empty 0.000 0.0 first 0 missing []`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("%s\nwant\n%s", s, want)
	}
	if s := fmt.Sprint(r.Questions, r.Failed, r.Stale); s != "6 [{failed refused}] [{stale [gone]} {partly stale [gone]}]" {
		t.Error(s)
	}
	var worst []string
	for _, o := range r.WorstBy(Metric{"recall", 10}, 4) {
		worst = append(worst, o.ID)
	}
	if s := strings.Join(worst, ", "); s != "none, failed, not empty, half" {
		t.Error(s)
	}
	if f := r.Metrics["recall@10"]; f.Value != 2.5/6 || f.Low >= f.Value || f.High <= f.Value {
		t.Errorf("%+v", f)
	}
}

// At the level of sources the best place of each counts, once.
func TestBySource(t *testing.T) {
	t.Parallel()
	hits := ranked("1", "2", "3", "4")
	for i, source := range []string{"x", "x", "a", "x"} {
		hits[i].Source = source
	}
	r := &Result{Gain: Linear}
	metrics := metricsOf(t, "mrr", "precision@2")
	r.Add(&Question{Labels: []Label{{"a", 1}}}, &Judgement{level: BySource, grades: map[string]int{"a": 1}}, hits, metrics, nil)
	if got := fmt.Sprint(r.PerQuestion[0].Values); got != "map[mrr@10:0.5 precision@2:0.5]" {
		t.Error(got)
	}
}

func TestSaved(t *testing.T) {
	t.Parallel()
	r := sampleResult(t)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := json.Marshal(again); err != nil || string(c) != string(b) {
		t.Errorf("%v\n%s\nwant\n%s", err, c, b)
	}
	for _, test := range []struct{ in, want string }{
		{"", "no evaluation: EOF"},
		{"{}", "no evaluation: it has no version or no metrics"},
		{`{"version": 2, "metrics": {}}`, "an evaluation of version 2, newer than this sheaf knows (1)"},
		{`{"per_question": [{"id": "a", "ndcg@10": "x"}]}`, `"ndcg@10" of question "a"`},
		{`{"per_question": [3]}`, "no evaluation: json: "},
	} {
		if _, err := Load(strings.NewReader(test.in)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.in, err, test.want)
		}
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := range 100 {
		took = append(took, time.Duration(100-i)*time.Millisecond)
	}
	if got := NewLatency(took); got != (Latency{50, 95}) {
		t.Error(got)
	}
	if got := NewLatency(nil); got != (Latency{}) {
		t.Error(got)
	}
}

func TestHashNames(t *testing.T) {
	t.Parallel()
	if HashNames([]string{"a", "b"}) != HashNames([]string{"b", "a"}) {
		t.Error("the order counts")
	}
	if HashNames([]string{"a", "b"}) == HashNames([]string{"a", "b", "c"}) || HashNames([]string{"a b"}) == HashNames([]string{"a", "b"}) {
		t.Error("other names have the same hash")
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		found, exact []engine.Hit
		want         float64
	}{
		{ranked("a", "b"), ranked("b", "a"), 1}, {ranked("a"), ranked("b", "a"), 0.5}, {nil, ranked("a"), 0}, {nil, nil, 1},
	} {
		if got := Overlap(test.found, test.exact); got != test.want {
			t.Errorf("%v of %v: %v", test.found, test.exact, got)
		}
	}
}

// A drawing is well-formed, and has a bar for each measure and a mark for its baseline.
func TestSVG(t *testing.T) {
	t.Parallel()
	r := sampleResult(t)
	half := 0.5
	f := r.Metrics["recall@10"]
	f.Baseline = &half
	r.Metrics["recall@10"] = f
	var b strings.Builder
	if err := r.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for text, n := range map[string]int{"ndcg@10": 1, "recall@10": 1, "baseline 0.500": 1, `width="166.7"`: 1, "0.417": 1, `"><path`: 0} {
		if got := strings.Count(b.String(), text); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", text, got, n, b.String())
		}
	}
}
