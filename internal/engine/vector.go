package engine

import "math"

func squaredLength(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// exactLength is how far from 1 the squared length of a vector may lie that was
// brought to length 1 in float32: the rounding of the factor and of each product.
const exactLength = 0x1p-21

// normalize brings x to length 1; a zero vector stays zero. What has length 1
// stays as it is, so that a second time changes no bit.
func normalize(x []float32) {
	if n := squaredLength(x); n > 0 && math.Abs(n-1) > exactLength {
		inverse := 1 / math.Sqrt(n)
		for i := range x {
			x[i] = float32(float64(x[i]) * inverse)
		}
	}
}

// unitTolerance is how far a squared length may lie from 1 for a vector to
// count as one of length 1: float32 rounding over a few thousand numbers.
const unitTolerance = 1e-3

// SquaredLengths returns those of the n*dim numbers' vectors.
func SquaredLengths(x []float32, dim int) []float64 {
	squared := make([]float64, len(x)/dim)
	for i := range squared {
		squared[i] = squaredLength(x[i*dim : (i+1)*dim])
	}
	return squared
}

// isOne reports whether a squared length counts as that of a vector of length 1.
func isOne(squared float64) bool { return math.Abs(squared-1) <= unitTolerance }

// IsUnit reports whether every one of the n*dim numbers' vectors has length 1 or 0.
func IsUnit(x []float32, dim int) bool {
	for i := 0; i < len(x); i += dim {
		if n := squaredLength(x[i : i+dim]); n != 0 && !isOne(n) {
			return false
		}
	}
	return true
}
