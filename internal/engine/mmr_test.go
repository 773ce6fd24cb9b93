package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sheaf/internal/vector"
)

func TestMarginal(t *testing.T) {
	t.Parallel()
	// Right, a little above it, far above it, left, nothing, right again.
	candidates := [][]float32{{1, 0}, {4, 1}, {1, 2}, {-3, 0}, {0, 0}, {2, 0}}
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
		if got, err := Marginal(t.Context(), c.query, candidates, c.k, c.lambda); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: picked %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if got, err := Marginal(t.Context(), []float32{1, 0}, nil, 4, 0.5); err != nil || len(got) != 0 {
		t.Errorf("of no candidates: %v, %v", got, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if got, err := Marginal(stopped, []float32{1, 0}, candidates, 4, 0.5); !errors.Is(err, context.Canceled) {
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
		candidates := rapid.SliceOfN(rapid.SliceOfN(number, dim, dim), n, n).Draw(t, "vectors")
		lambda := rapid.Float64Range(0, 1).Draw(t, "lambda")
		k := rapid.IntRange(1, 14).Draw(t, "k")

		likeness := func(x, y []float32) float64 {
			return vector.Cosine(x, y, vector.Length(x), vector.Length(y))
		}
		picked, err := Marginal(t.Context(), query, candidates, k, lambda)
		if err != nil || len(picked) != min(k, n) {
			t.Fatalf("%d picked of %d, k = %d, %v", len(picked), n, k, err)
		}
		for step := range picked {
			value := func(i int) float64 {
				if step == 0 {
					return likeness(query, candidates[i])
				}
				worst := math.Inf(-1)
				for _, p := range picked[:step] {
					worst = max(worst, likeness(candidates[i], candidates[p]))
				}
				return lambda*likeness(query, candidates[i]) - (1-lambda)*worst
			}
			for i := range n {
				if !slices.Contains(picked[:step+1], i) && (value(i) > value(picked[step]) || value(i) == value(picked[step]) && i < picked[step]) {
					t.Fatalf("pick %d is %d (%v), but %d has %v", step, picked[step], value(picked[step]), i, value(i))
				}
			}
		}
	})
}
