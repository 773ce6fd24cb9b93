package store

import (
	"context"
	"fmt"
	"math"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/words"
)

// The figures of an explanation add up to those of the hits, and its ranks are the
// places in the answers by one of the two, with a filter and a condition too.
func TestExplain(t *testing.T) {
	t.Parallel()
	w := newProse(t, engine.L2)
	f, err := filter.Parse("a<=2")
	must(t, err)
	query := [][]float32{{1, 0, -1, .5}}
	for i, text := range []string{"w1x w7x w300x", "w3x w3x w20x", "w2x w5x -w4x", "unheard"} {
		asked, err := words.Parse(text)
		must(t, err)
		o := engine.SearchOptions{
			K: 20, Texts: []string{asked.Text}, Conditions: []*words.Condition{asked.Condition}, Calibration: engine.Calibration{Words: 7.5}, Explain: true,
		}
		if i%2 == 1 {
			o.Filter = f
		}
		places := map[engine.Mode]map[string]int{}
		for _, mode := range []engine.Mode{engine.ByVector, engine.ByWords, engine.Hybrid} {
			places[mode] = map[string]int{}
			all := o
			all.Mode, all.K = mode, 10_000
			hits, err := w.Search(t.Context(), query, all)
			must(t, err)
			for _, h := range hits[0] {
				places[mode][h.ID] = h.Rank
			}
		}
		for _, mode := range []engine.Mode{engine.ByVector, engine.ByWords, engine.Hybrid} {
			o.Mode = mode
			hits, err := w.Search(t.Context(), query, o)
			must(t, err)
			for _, h := range hits[0] {
				what := fmt.Sprintf("%s %q %s", mode, text, h.ID)
				checkExplanation(t, what, h, mode, w.base.documents)
				e := h.Explanation
				if mode != engine.ByVector && e.WordsRank != places[engine.ByWords][h.ID] {
					t.Errorf("%s: rank %d by words, want %d", what, e.WordsRank, places[engine.ByWords][h.ID])
				}
				if asked.Condition == nil && mode != engine.ByWords && e.VectorRank != places[engine.ByVector][h.ID] {
					t.Errorf("%s: rank %d by vector, want %d", what, e.VectorRank, places[engine.ByVector][h.ID])
				}
			}
		}
	}
	hits, err := w.Search(t.Context(), query, engine.SearchOptions{K: 1})
	if err != nil || hits[0][0].Explanation != nil {
		t.Errorf("explained unasked: %+v, %v", hits, err)
	}
	pick := func(context.Context, []float32, [][]float32) ([]int, error) { return []int{1, 0}, nil } // not the nearest first
	hits, err = w.Search(t.Context(), query, engine.SearchOptions{K: 2, Explain: true, Pick: pick})
	if err != nil || len(hits[0]) != 2 || hits[0][0].Explanation != nil {
		t.Errorf("what was picked is explained by its rank: %+v, %v", hits, err)
	}
}

func checkExplanation(t *testing.T, what string, h engine.Hit, mode engine.Mode, documents int64) {
	t.Helper()
	e, sum := h.Explanation, 0.0
	for _, word := range e.Words {
		sum += word.Weight
	}
	if math.Abs(sum-float64(h.Words)) > 1e-5 || (e.WordsRank > 0) != (h.Words > 0) {
		t.Errorf("%s: rank %d, words add up to %v, not %v", what, e.WordsRank, sum, h.Words)
	}
	switch {
	case mode == engine.ByVector:
		if e.Query != nil {
			t.Errorf("%s: words are explained", what)
		}
		return
	case mode == engine.ByWords:
		if e.VectorRank != 0 || e.Query.Fusion != (engine.Fusion{}) {
			t.Errorf("%s: meaning is explained: %+v", what, e)
		}
		return
	}
	f := e.Query.Fusion
	if math.Abs(e.Deviations+h.FusedWords-h.Fused) > 1e-9 || (h.FusedWords > 0) != (h.Words > 0 && f.Weight > 0) || e.Deviations != (engine.Similarity(engine.L2, h.Score)-f.Mean)/f.Deviation {
		t.Errorf("%s: %v and %v make not %v with %+v", what, e.Deviations, h.FusedWords, h.Fused, f)
	}
	if want := (engine.Calibration{Words: 7.5}).WordWeight("", e.Query.Terms, engine.Corpus{Documents: documents}); f.Weight != want {
		t.Errorf("%s: weight %v, want %v", what, f.Weight, want)
	}
}
