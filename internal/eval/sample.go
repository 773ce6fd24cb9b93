package eval

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// draws is how many times a sample is drawn anew, with replacement, for an interval:
// the percentile bootstrap (Efron, 1979).
const draws = 1000

// resample returns the means of the draws in ascending order.
func resample(values []float64) []float64 {
	means := make([]float64, 0, draws)
	draw(len(values), func(sample []int) {
		sum := 0.0
		for _, j := range sample {
			sum += values[j]
		}
		means = append(means, sum/float64(max(1, len(values))))
	})
	slices.Sort(means)
	return means
}

// draw calls use with the indices of each draw from n values. The seed is fixed: the draws are
// the same each time and on every machine.
func draw(n int, use func(sample []int)) {
	source := rand.NewPCG(1, 2)
	sample := make([]int, n)
	for range draws {
		for i := range sample {
			j, _ := bits.Mul64(source.Uint64(), uint64(n))
			sample[i] = int(j)
		}
		use(sample)
	}
}

// quantile returns the smallest of sorted values that is not below a share q of them.
func quantile(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	return sum / float64(max(1, len(values)))
}

// Detectable returns the half width of the 95 % interval that a change of ndcg@10 by
// another way to search has with n questions, each asked both ways. It was measured
// over pairs of search modes on sets of questions: .047 with 25, .035 with 50, .025
// with 100 and .018 with 200, which is a quarter of 1/√n.
func Detectable(n int) float64 { return 0.25 / math.Sqrt(float64(max(1, n))) }
