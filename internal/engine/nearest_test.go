package engine_test

import (
	"math"
	"slices"
	"testing"

	"sheaf/internal/engine"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	tests := []struct {
		name   string
		metric engine.Metric
		k      int
		scores []float32 // of documents 0, 1, …
		want   []int64
	}{
		{"lower distances are nearer", engine.L2, 2, []float32{3, 1, 2}, []int64{1, 2}},
		{"higher products are nearer", engine.InnerProduct, 2, []float32{3, 1, 2}, []int64{0, 2}},
		{"cosine is a product", engine.Cosine, 1, []float32{-1, 0.5}, []int64{1}},
		{"of equal ones the older", engine.L2, 2, []float32{1, 1, 1, 0}, []int64{3, 0}},
		{"fewer than k", engine.L2, 5, []float32{2, 1}, []int64{1, 0}},
		{"none without a score", engine.InnerProduct, 3, []float32{nan, 1, nan}, []int64{1}},
	}
	for _, test := range tests {
		for _, backwards := range []bool{false, true} {
			n := engine.Nearest{K: test.k, Metric: test.metric}
			for i := range test.scores {
				if backwards {
					i = len(test.scores) - 1 - i
				}
				n.Offer(int64(i), test.scores[i])
			}
			var got []int64
			for _, d := range n.Best() {
				got = append(got, d.Number)
			}
			if !slices.Equal(got, test.want) || n.Full() != (len(test.want) == test.k) {
				t.Errorf("%s, backwards %v: %v, want %v", test.name, backwards, got, test.want)
			}
		}
	}
}

// Proved needs K documents, all of them nearer than what another program found last.
func TestNearestProved(t *testing.T) {
	t.Parallel()
	query := []float32{1, 0}
	for _, test := range []struct {
		metric engine.Metric
		scores []float32
		far    float64 // a squared distance, or a negated product
		want   bool
	}{
		{engine.L2, []float32{1, 2}, 2.1, true},
		{engine.L2, []float32{1, 2}, 2, false},
		{engine.L2, []float32{1}, 9, false},
		{engine.InnerProduct, []float32{1, 0.5}, -0.4, true},
		{engine.InnerProduct, []float32{1, 0.5}, -0.5, false},
	} {
		n := engine.Nearest{K: 2, Metric: test.metric}
		for i, score := range test.scores {
			n.Offer(int64(i), score)
		}
		if got := n.Proved(query, test.far, 1); got != test.want {
			t.Errorf("%s %v, then %v: %v", test.metric, test.scores, test.far, got)
		}
	}
}
