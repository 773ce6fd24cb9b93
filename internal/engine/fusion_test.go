package engine_test

import (
	"math"
	"testing"

	"sheaf/internal/engine"
)

func TestFusionScore(t *testing.T) {
	t.Parallel()
	f := engine.Fusion{Mean: .2, Deviation: .1, Weight: 4, Best: 10}
	for _, test := range []struct{ similarity, bm25, want float64 }{{.2, 0, 0}, {.4, 0, 2}, {.4, 10, 6}, {.1, 5, 0}} {
		if got := f.Score(test.similarity, test.bm25); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%v and %v: %v, want %v", test.similarity, test.bm25, got, test.want)
		}
	}
	if got := (engine.Fusion{Mean: 1}).Score(1, 0); got != 0 {
		t.Errorf("documents that are all alike: %v", got)
	}
}

func TestWordWeight(t *testing.T) {
	t.Parallel()
	const e4 = 54 // documents, of which ln is nearly 4
	for _, test := range []struct {
		name      string
		highest   float64
		terms     engine.Terms
		documents int64
		want      float64
	}{
		{"no term", 0, engine.Terms{}, e4, 0},
		{"no term in a document", 0, engine.Terms{Weight: 10}, e4, 0},
		{"as much as chance finds", 0, engine.Terms{Weight: 20, Covered: 6, Evidence: 6}, e4, 0},
		{"half more evidence than that", 0, engine.Terms{Weight: 20, Covered: 8.5, Evidence: 8.5}, e4, 2},
		{"twice", 9, engine.Terms{Weight: 20, Covered: 11, Evidence: 11}, e4, 9},
		{"twice, in a larger store", 9, engine.Terms{Weight: 20, Covered: 11, Evidence: 11}, e4 * e4, .2},
		{"twice, half of it by stop words", 9, engine.Terms{Weight: 20, Covered: 11, Evidence: 6}, e4, 0},
		{"covered, by stop words too", 9, engine.Terms{Weight: 11, Covered: 11, Evidence: 6}, e4, 9},
		{"short and covered", 9, engine.Terms{Weight: 3, Covered: 3}, e4, 9},
		{"short and half covered", 9, engine.Terms{Weight: 3, Covered: 1.5}, e4, 0},
		{"one term in ten is missing", 8, engine.Terms{Weight: 5, Covered: 4.5}, e4, 4},
		{"half is an identifier", 9, engine.Terms{Weight: 4, Covered: 2, Identifiers: 2}, e4, 7},
		{"an identifier alone", 9, engine.Terms{Weight: 4, Covered: 4, Identifiers: 4}, e4, 14},
		{"no document", 0, engine.Terms{Weight: 1}, 0, 0},
	} {
		c := engine.Calibration{Words: test.highest}
		if got := c.WordWeight("", test.terms, engine.Corpus{Documents: test.documents}); math.Abs(got-test.want) > .05 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// What an embedder knows decides how much is left to it.
func TestCalibration(t *testing.T) {
	t.Parallel()
	terms := engine.Terms{Weight: 20, Covered: 6, Evidence: 6} // as much as chance finds among 54 documents
	for _, test := range []struct {
		name string
		engine.Calibration
		query   string
		foreign bool
		want    float64
	}{
		{"English of English", engine.Calibration{EnglishOnly: true}, "tide", false, 0},
		{"English of other texts", engine.Calibration{EnglishOnly: true}, "Gezeiten", true, engine.DefaultWordWeight},
		{"English of other texts, with a weight", engine.Calibration{EnglishOnly: true, Words: 9}, "tide", true, 9},
		{"another script", engine.Calibration{EnglishOnly: true}, "прилив", false, engine.WordsAlone},
		{"all languages of English", engine.Calibration{Words: 10}, "прилив", false, 0},
		{"all languages of other texts", engine.Calibration{Words: 10}, "прилив", true, 4.8},
		{"less than chance is enough", engine.Calibration{Chance: .7, Words: 10}, "tide", false, 5},
		{"and less than that of other texts", engine.Calibration{Chance: 1, Words: 10}, "die Gezeiten und das Meer", true, 6},
		{"English of other texts, all languages", engine.Calibration{Chance: 1, Words: 10}, "the tides of the sea", true, 2},
	} {
		if got := test.WordWeight(test.query, terms, engine.Corpus{Documents: 54, Foreign: test.foreign}); math.Abs(got-test.want) > .05 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if got := (engine.Calibration{EnglishOnly: true}).WordWeight("прилив", engine.Terms{}, engine.Corpus{Documents: 54, Foreign: true}); got != 0 {
		t.Errorf("no term: %v", got)
	}
}

func TestMostlyLatin(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "42 ...": true, "größe": true, "где": false, "日本語": false, "E0425 とは何": false, "error E0425 とは何": true, "что такое x": false} {
		if engine.MostlyLatin(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	if m, err := engine.ParseMode("hybrid"); m != engine.Hybrid || err != nil {
		t.Error(m, err)
	}
	if _, err := engine.ParseMode("Words"); err == nil {
		t.Error("Words passes")
	}
}
