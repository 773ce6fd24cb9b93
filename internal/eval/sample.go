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

// resample returns the means of the draws in ascending order. The seed is fixed: the
// same values give the same means, on every machine.
func resample(values []float64) []float64 {
	means := make([]float64, draws)
	source := rand.NewPCG(1, 2)
	for i := range means {
		sum := 0.0
		for range values {
			j, _ := bits.Mul64(source.Uint64(), uint64(len(values)))
			sum += values[j]
		}
		means[i] = sum / float64(max(1, len(values)))
	}
	slices.Sort(means)
	return means
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
