package rerank_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"sheaf/internal/rerank"
)

// TestCross judges recorded pairs, all texts of each query as one question.
func TestCross(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("../embed/testdata/crossencoder")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Query, Text string
		Score       float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	var questions []rerank.Question
	want := [][]float64{}
	for _, c := range cases {
		if n := len(questions); n == 0 || questions[n-1].Query != c.Query {
			questions, want = append(questions, rerank.Question{Query: c.Query}), append(want, nil)
		}
		n := len(questions) - 1
		questions[n].Texts, want[n] = append(questions[n].Texts, c.Text), append(want[n], c.Score)
	}
	questions, want = append(questions, rerank.Question{Query: "nothing found"}), append(want, nil)
	j, err := rerank.New("hf:"+dir, rerank.Options{})
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := j.Judge(t.Context(), questions)
	if err != nil || len(verdicts) != len(questions) || rerank.MeaningAlone(j) {
		t.Fatal(verdicts, err)
	}
	for i, v := range verdicts {
		if v.Err != nil || len(v.Scores) != len(want[i]) {
			t.Fatalf("%q: %+v", questions[i].Query, v)
		}
		for n, score := range v.Scores {
			if math.Abs(float64(score)-want[i][n]) > 1e-5 {
				t.Errorf("%q, %q: %v, want %v", questions[i].Query, questions[i].Texts[n], score, want[i][n])
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if _, err := j.Judge(t.Context(), questions); err == nil {
		t.Error("a closed model computes")
	}
}
