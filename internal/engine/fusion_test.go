package engine_test

import (
	"math"
	"testing"

	"sheaf/internal/engine"
)

func TestFusionScore(t *testing.T) {
	t.Parallel()
	f := engine.Fusion{Mean: .2, Deviation: .1, Weight: 4, Best: 10}
	for _, test := range []struct{ similarity, bm25, want float64 }{{.2, 0, 0}, {.4, 0, 2}, {.4, 10, 6}, {.1, 5, 1}} {
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
	for _, test := range []struct {
		highest, covered, identifiers float64
		documents                     int64
		want                          float64
	}{
		{0, 0, 0, 100, 0},
		{0, .5, 0, 100, 0},
		{0, .7, 0, 100, 2},
		{0, 1, 0, 100, 4},
		{7.5, .9, 0, 100, 7.5},
		{7.5, .6, 0, 10_000, 0},
		{7.5, .8, 0, 10_000, 3.75},
		{7.5, 1, 0, 10_000, 7.5},
		{7.5, .2, .5, 100, 7},
		{7.5, 1, 1, 100, 14},
	} {
		if got := engine.WordWeight(test.highest, test.covered, test.identifiers, test.documents); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%+v: %v", test, got)
		}
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
