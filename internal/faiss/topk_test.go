package faiss

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTopK(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.SampledFrom([]float32{
			-1, 0, float32(math.Copysign(0, -1)), 1, 2, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		})).Draw(t, "keys")
		k := rapid.IntRange(1, 10).Draw(t, "k")
		heap := topK{k: k}
		var want []candidate
		for row, key := range keys {
			full := len(heap.heap) == k
			if limit := heap.limit(); full == (limit != limit) {
				t.Fatalf("limit %v of %v", limit, heap.heap)
			}
			heap.offer(candidate{key, int64(row)})
			if key == key {
				want = append(want, candidate{key, int64(row)})
			}
		}
		slices.SortFunc(want, candidate.compare)
		want = want[:min(k, len(want))]
		got := slices.SortedFunc(slices.Values(heap.heap), candidate.compare)
		if !slices.Equal(got, want) {
			t.Fatalf("kept %v, want %v", got, want)
		}
	})
}
