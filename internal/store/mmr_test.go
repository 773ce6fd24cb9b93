package store

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMarginal(t *testing.T) {
	t.Parallel()
	// Right, a little above it, far above it, left, nothing, right again.
	candidates := []float32{1, 0, 4, 1, 1, 2, -3, 0, 0, 0, 2, 0}
	for _, c := range []struct {
		name   string
		query  []float32
		k      int
		lambda float64
		want   []int
	}{
		{"only the query counts", []float32{2, 0}, 6, 1, []int{0, 5, 1, 2, 4, 3}},
		{"only variety counts", []float32{2, 0}, 6, 0, []int{0, 3, 4, 2, 1, 5}},
		{"both", []float32{1, 1}, 4, 0.7, []int{2, 1, 0, 5}},
		{"fewer than k", []float32{1, 0}, 9, 1, []int{0, 5, 1, 2, 4, 3}},
		{"one", []float32{0, 1}, 1, 0, []int{2}},
		{"a zero query is like nothing: the first comes first", []float32{0, 0}, 2, 0.5, []int{0, 3}},
	} {
		if got, err := marginal(t.Context(), c.query, candidates, c.k, c.lambda); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: picked %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if got, err := marginal(t.Context(), []float32{1, 0}, nil, 4, 0.5); err != nil || len(got) != 0 {
		t.Errorf("of no candidates: %v, %v", got, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if got, err := marginal(stopped, []float32{1, 0}, candidates, 4, 0.5); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v, %v", got, err)
	}
}

// TestMarginalIsTheFormula compares with the definition, computed anew for
// every pick.
func TestMarginalIsTheFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 4).Draw(t, "dim")
		number := rapid.Map(rapid.IntRange(-4, 4), func(i int) float32 { return float32(i) })
		query := rapid.SliceOfN(number, dim, dim).Draw(t, "query")
		n := rapid.IntRange(0, 12).Draw(t, "candidates")
		candidates := rapid.SliceOfN(number, n*dim, n*dim).Draw(t, "vectors")
		lambda := rapid.Float64Range(0, 1).Draw(t, "lambda")
		k := rapid.IntRange(1, 14).Draw(t, "k")

		likeness := func(x, y []float32) float64 {
			return cosine(x, y, math.Sqrt(squaredLength(x)), math.Sqrt(squaredLength(y)))
		}
		at := func(i int) []float32 { return candidates[i*dim : (i+1)*dim] }
		picked, err := marginal(t.Context(), query, candidates, k, lambda)
		if err != nil || len(picked) != min(k, n) {
			t.Fatalf("%d picked of %d, k = %d, %v", len(picked), n, k, err)
		}
		for step := range picked {
			value := func(i int) float64 {
				if step == 0 {
					return likeness(query, at(i))
				}
				worst := math.Inf(-1)
				for _, p := range picked[:step] {
					worst = max(worst, likeness(at(i), at(p)))
				}
				return lambda*likeness(query, at(i)) - (1-lambda)*worst
			}
			for i := range n {
				if !slices.Contains(picked[:step+1], i) && (value(i) > value(picked[step]) || value(i) == value(picked[step]) && i < picked[step]) {
					t.Fatalf("pick %d is %d (%v), but %d has %v", step, picked[step], value(picked[step]), i, value(i))
				}
			}
		}
	})
}

// TestMMRWithLambdaOneIsASearch: where only the query counts and scores are
// cosines, MMR finds what a search finds.
func TestMMRWithLambdaOneIsASearch(t *testing.T) {
	t.Parallel()
	s := newSample(t, Facts{Dim: 4, Metric: Cosine}, 200, rand.New(rand.NewPCG(3, 4)))
	rapid.Check(t, func(rt *rapid.T) {
		queries, o := drawQueries(rt, 4), drawOptions(rt)
		o.FetchK = rapid.SampledFrom([]int{0, 1000}).Draw(rt, "fetch-k")
		search, err := s.Search(t.Context(), queries, o)
		if err != nil {
			rt.Fatal(err)
		}
		mmr, err := s.MMR(t.Context(), queries, MMROptions{SearchOptions: o, Candidates: 1000, Lambda: 1})
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
		dim := s.Facts().Dim
		queries := drawQueries(rt, dim)
		o := MMROptions{SearchOptions: drawOptions(rt), Lambda: rapid.Float64Range(0, 1).Draw(rt, "lambda")}
		got, err := s.MMR(t.Context(), queries, o)
		if err != nil {
			rt.Fatal(err)
		}
		vectors := map[string][]float32{}
		for _, d := range s.docs {
			vectors[d.ID] = d.Vector
		}
		for q, hits := range got {
			query := queries[q*dim : (q+1)*dim]
			from := o.SearchOptions
			from.K = max(20, o.K)
			candidates := s.brute(rt, query, from)
			var flat []float32
			for _, c := range candidates {
				flat = append(flat, vectors[c.ID]...)
			}
			picked, err := marginal(t.Context(), query, flat, o.K, o.Lambda)
			if err != nil {
				rt.Fatal(err)
			}
			var want []Hit
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
	s := newSample(t, Facts{Dim: 2, Metric: L2}, 3, rand.New(rand.NewPCG(5, 6)))
	for _, c := range []struct {
		o    MMROptions
		want string
	}{
		{MMROptions{Lambda: 0.5}, "k must be at least 1"},
		{MMROptions{SearchOptions: SearchOptions{K: 1, FetchK: -1}}, "fetch-k must not be negative"},
		{MMROptions{SearchOptions: SearchOptions{K: 1}, Lambda: math.NaN()}, "lambda must be a number"},
		{MMROptions{SearchOptions: SearchOptions{K: 1}, Lambda: math.Inf(1)}, "lambda must be a number"},
	} {
		if _, err := s.MMR(t.Context(), []float32{1, 2}, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}
