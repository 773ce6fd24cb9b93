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
		words  bool
		k      int
		want   []string
	}{
		{"by score", []float32{.1, .9, .5}, false, 3, []string{"b", "c", "a"}},
		{"the best", []float32{.1, .9, .5}, false, 2, []string{"b", "c"}},
		{"equals in their order", []float32{.5, .5, .9}, false, 3, []string{"c", "a", "b"}},
		{"words count too", []float32{.1, .9, .5}, true, 3, []string{"a", "b", "c"}},
		{"equals are told apart by words", []float32{.5, .5, .5}, true, 3, []string{"a", "b", "c"}},
	} {
		hits := []engine.Hit{
			{Document: engine.Document{ID: "a"}, Rank: 1, JudgedWords: 4},
			{Document: engine.Document{ID: "b"}, Rank: 2, JudgedWords: .1},
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
	if got := engine.Rerank(nil, nil, 4, true); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
}
