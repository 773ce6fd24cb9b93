package engine_test

import (
	"slices"
	"testing"

	"sheaf/internal/engine"
)

func TestRerank(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		scores []float32
		words  float64
		k      int
		want   []string
	}{
		{"by score", []float32{.1, .9, .5}, 0, 3, []string{"b", "c", "a"}},
		{"the best", []float32{.1, .9, .5}, 0, 2, []string{"b", "c"}},
		{"equals in their order", []float32{.5, .5, .9}, 0, 3, []string{"c", "a", "b"}},
		{"words count too", []float32{.1, .9, .5}, 1, 3, []string{"a", "b", "c"}},
		{"equals are told apart by words", []float32{.5, .5, .5}, 1, 3, []string{"a", "b", "c"}},
		{"words alone", []float32{-.1, 90, 50}, engine.WordsAlone, 3, []string{"a", "b", "c"}},
	} {
		hits := []engine.Hit{
			{Document: engine.Document{ID: "a"}, Rank: 1, FusedWords: 4},
			{Document: engine.Document{ID: "b"}, Rank: 2, FusedWords: .1},
			{Document: engine.Document{ID: "c"}, Rank: 3},
		}
		scores := map[string]float32{"a": test.scores[0], "b": test.scores[1], "c": test.scores[2]}
		var ids []string
		for i, h := range engine.Rerank(hits, test.scores, test.k, test.words) {
			ids = append(ids, h.ID)
			if h.Rank != i+1 || h.Rerank == nil || *h.Rerank != scores[h.ID] {
				t.Errorf("%s: hit %d is %+v", test.name, i+1, h)
			}
		}
		if !slices.Equal(ids, test.want) {
			t.Errorf("%s: %v, want %v", test.name, ids, test.want)
		}
	}
	if got := engine.Rerank(nil, nil, 4, 1); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
}

func TestRerankedWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		found, judge bool
		text         string
		want         float64
	}{
		{true, true, "鍵の交換", 1},
		{false, false, "鍵の交換", 1},
		{true, false, "keys", 1},
		{false, true, "鍵の交換", engine.WordsAlone},
		{true, false, "鍵の交換", engine.DefaultWordWeight / float64(engine.WordsAlone)},
	} {
		found, judge := engine.Calibration{EnglishOnly: test.found}, engine.Calibration{EnglishOnly: test.judge}
		if got := engine.RerankedWords(found, judge, test.text); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
