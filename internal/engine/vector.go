package engine

import (
	"math"

	"sheaf/internal/vector"
)

// unitTolerance is how far a squared length may lie from 1 for a vector to
// count as one of length 1: float32 rounding over a few thousand numbers.
const unitTolerance = 1e-3

// SquaredLengths returns those of the n*dim numbers' vectors.
func SquaredLengths(x []float32, dim int) []float64 {
	squared := make([]float64, len(x)/dim)
	for i := range squared {
		squared[i] = vector.SquaredLength(x[i*dim : (i+1)*dim])
	}
	return squared
}

// isOne reports whether a squared length counts as that of a vector of length 1.
func isOne(squared float64) bool { return math.Abs(squared-1) <= unitTolerance }

// IsUnit reports whether every one of the n*dim numbers' vectors has length 1 or 0.
func IsUnit(x []float32, dim int) bool {
	for i := 0; i < len(x); i += dim {
		if n := vector.SquaredLength(x[i : i+dim]); n != 0 && !isOne(n) {
			return false
		}
	}
	return true
}

// Beyond reports whether documents are farther than one with the key worst, a squared distance or
// a negated product: those whose key is at least far as another program computes it, also in
// float32. longest is the length of the longest vector. Summing d products of float32 numbers in
// any order errs by at most
//
//	γ = (d+2)u / (1 - (d+2)u), u = 2^-24
//
// times the sum of the absolute products (Higham, Accuracy and Stability of Numerical
// Algorithms, 2002, section 3.1), besides what underflow loses. That holds for the other
// sum and for ours; a few terms more cover the roundings after it.
func (m Metric) Beyond(query []float32, far, longest float64, worst float32) bool {
	terms := float64(len(query) + 16)
	gamma := terms * 0x1p-24 / (1 - terms*0x1p-24)
	tiny := terms * 0x1p-146
	if m == L2 {
		return far*(1-4*gamma)-tiny > float64(worst)
	}
	return far-4*gamma*longest*vector.Length(query)-tiny > float64(worst)
}
