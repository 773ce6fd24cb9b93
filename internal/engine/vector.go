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
