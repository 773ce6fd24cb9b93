package eval

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"sheaf/internal/engine"
)

// TestGolden compares every measure of every question with what trec_eval computes: see
// testdata/record.py.
func TestGolden(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name      string
			Questions []struct {
				ID       string
				Qrels    map[string]int
				Ranking  []string
				Expected map[Gain]map[string]float64
			}
		}
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range golden.Cases {
		for _, q := range c.Questions {
			for gain, expected := range q.Expected {
				r := &Result{Gain: gain}
				var metrics []Metric
				for _, name := range slices.Sorted(maps.Keys(expected)) {
					m, err := ParseMetric(name, 1)
					if err != nil {
						t.Fatal(err)
					}
					metrics = append(metrics, m)
				}
				r.Add(&Question{}, &Judgement{level: ByDocument, grades: q.Qrels}, ranked(q.Ranking...), metrics, nil)
				for name, want := range expected {
					if got := r.PerQuestion[0].Values[name]; !(math.Abs(got-want) <= 1e-12) {
						t.Errorf("%s, question %s, gain %s: %s is %v, want %v", c.Name, q.ID, gain, name, got, want)
					}
					compared++
				}
			}
		}
	}
	if compared < 2000 {
		t.Errorf("only %d figures compared", compared)
	}
}

// ranked returns hits with these ids, each its own source.
func ranked(ids ...string) (hits []engine.Hit) {
	for i, id := range ids {
		hits = append(hits, engine.Hit{Document: engine.Document{ID: id, Source: "of " + id}, Rank: i + 1})
	}
	return hits
}
