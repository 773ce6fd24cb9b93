package store

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sheaf/internal/engine"
)

// TestMMRWithLambdaOneIsASearch: where only the query counts and scores are
// cosines, MMR finds what a search finds.
func TestMMRWithLambdaOneIsASearch(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 4, Metric: engine.Cosine}, 200, rand.New(rand.NewPCG(3, 4)))
	rapid.Check(t, func(rt *rapid.T) {
		queries, o := drawQueries(rt, 4), drawOptions(rt)
		o.FetchK = rapid.SampledFrom([]int{0, 1000}).Draw(rt, "fetch-k")
		search, err := s.Search(t.Context(), queries, o)
		if err != nil {
			rt.Fatal(err)
		}
		mmr, err := engine.MMR(t.Context(), s, queries, engine.MMROptions{SearchOptions: o, Candidates: 1000, Lambda: 1})
		if err != nil {
			rt.Fatal(err)
		}
		for q := range search {
			// Scores are float32 and the cosines of MMR are not, so what ties
			// within the last bit may change places, or k may part it.
			for i, h := range mmr[q] {
				if i >= len(search[q]) || math.Abs(float64(h.Score-search[q][i].Score)) > 1e-6 || h.Rank != i+1 {
					rt.Fatalf("query %d: %v, want %v", q, mmr[q], search[q])
				}
			}
			if len(mmr[q]) != len(search[q]) {
				rt.Fatalf("query %d: %d hits, want %d", q, len(mmr[q]), len(search[q]))
			}
		}
	})
}

// TestMMRIsMarginal: MMR picks from the nearest documents that match, and the
// scores are the documents' own.
func TestMMRIsMarginal(t *testing.T) {
	t.Parallel()
	stores := samples(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(stores).Draw(rt, "store")
		queries := drawQueries(rt, s.Facts().Dim)
		o := engine.MMROptions{SearchOptions: drawOptions(rt), Lambda: rapid.Float64Range(0, 1).Draw(rt, "lambda")}
		got, err := engine.MMR(t.Context(), s, queries, o)
		if err != nil {
			rt.Fatal(err)
		}
		vectors := map[string][]float32{}
		for _, d := range s.docs {
			vectors[d.ID] = d.Vector
		}
		for q, hits := range got {
			query := queries[q]
			from := o.SearchOptions
			from.K = max(20, o.K)
			candidates := s.brute(rt, query, from)
			var near [][]float32
			for _, c := range candidates {
				near = append(near, vectors[c.ID])
			}
			picked, err := engine.Marginal(t.Context(), query, near, o.K, o.Lambda)
			if err != nil {
				rt.Fatal(err)
			}
			var want []engine.Hit
			for rank, i := range picked {
				candidates[i].Rank = rank + 1
				want = append(want, candidates[i])
			}
			if !sameHits(hits, want) {
				rt.Fatalf("query %d: %v, want %v", q, idsOf(hits), idsOf(want))
			}
		}
	})
}

func TestWrongMMR(t *testing.T) {
	t.Parallel()
	s := newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 3, rand.New(rand.NewPCG(5, 6)))
	for _, c := range []struct {
		o    engine.MMROptions
		want string
	}{
		{engine.MMROptions{Lambda: 0.5}, "k must be at least 1"},
		{engine.MMROptions{SearchOptions: engine.SearchOptions{K: 1, FetchK: -1}}, "fetch-k must not be negative"},
		{engine.MMROptions{SearchOptions: engine.SearchOptions{K: 1}, Lambda: math.NaN()}, "lambda must be a number"},
		{engine.MMROptions{SearchOptions: engine.SearchOptions{K: 1}, Lambda: math.Inf(1)}, "lambda must be a number"},
	} {
		if _, err := engine.MMR(t.Context(), s, [][]float32{{1, 2}}, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}
