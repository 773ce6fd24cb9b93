package cmd

import (
	"bufio"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
)

// On a terminal the figures of an explanation can be added up.
func TestExplanationLines(t *testing.T) {
	t.Parallel()
	words := []engine.WeighedWord{{Word: "tides", Weight: 2}, {Word: "moon\x1b", Weight: 1.5}}
	of := engine.Explanation{Words: words, Terms: engine.Terms{Weight: 4, Covered: 4, Identifiers: 1}, Fusion: engine.Fusion{Mean: -1.6, Deviation: .1, Weight: 4, Best: 7}}
	alone := of
	alone.Fusion = engine.Fusion{}
	tests := []struct {
		name string
		hit  engine.Hit
		want []string
	}{
		{"hybrid", engine.Hit{Score: 1.4, Words: 3.5, Fused: 3, FusedWords: 1, Explanation: &engine.HitExplanation{
			Query: &of, WordsRank: 2, Words: words, VectorRank: 3, Deviations: 2,
		}}, []string{
			"meaning: rank 3, score 1.4000",
			"words: rank 2, 3.50 = tides 2.00 + moon\ufffd 1.50",
			"fused: 2.00 by meaning + 1.00 by words = 3.00",
		}},
		{"hybrid without words", engine.Hit{Score: 1.4, Fused: 2, Explanation: &engine.HitExplanation{Query: &of, VectorRank: 3, Deviations: 2}}, []string{
			"meaning: rank 3, score 1.4000", "fused: 2.00 by meaning = 2.00",
		}},
		{"words", engine.Hit{Score: 1.4, Words: 3.5, Explanation: &engine.HitExplanation{Query: &alone, WordsRank: 2, Words: words}}, []string{
			"meaning: rank -, score 1.4000", "words: rank 2, 3.50 = tides 2.00 + moon\ufffd 1.50",
		}},
		{"vector", engine.Hit{Score: 1.4, Explanation: &engine.HitExplanation{VectorRank: 1}}, []string{"meaning: rank 1, score 1.4000"}},
	}
	for _, tt := range tests {
		h := newHits([]engine.Hit{tt.hit})[0]
		if diff := cmp.Diff(tt.want, h.Explain.lines(h.Fused)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	want := []string{
		"words asked for, the rarer the heavier: tides 2.00 + moon\ufffd 1.50", "of this weight the document with most has 100 %; identifiers are 25 %",
		"so words add up to 4.00 to a document's fused score, all of it to the best by words (7.00)", "meaning adds 1 for each 0.1000 that its similarity is above the mean of -1.6000",
	}
	if diff := cmp.Diff(want, newQueryExplanation([]engine.Hit{tests[0].hit}).lines()); diff != "" {
		t.Error(diff)
	}
}

// What is longer than a line goes on below it, further right than the next explanation.
func TestExplanationHangs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := &printer{Writer: bufio.NewWriter(&b), width: 24}
	p.explanation(" ", []string{"words asked for: tides 2.00", "of this weight"})
	if p.Flush(); b.String() != " words asked for:\n   tides 2.00\n of this weight\n" {
		t.Errorf("%q", &b)
	}
}
