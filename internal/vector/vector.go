// Package vector reads, checks and compares vectors of float32: what users
// write, what files hold, and the arithmetic that does not need the kernels of
// the faiss package. Several vectors of one dim lie one after another in a
// slice of n*dim numbers, which are called rows. Errors count vectors and
// numbers from 1.
package vector

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Error says why something is not a vector that can be stored or compared.
type Error struct{ Problem string }

func (e *Error) Error() string { return e.Problem }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

// malformed returns the error about number i, counting from 0.
func malformed(i int, problem string) error {
	return errorf("a malformed vector: number %d is %s", i+1, problem)
}

// Check reports as an *Error that v is empty or has a number that is NaN or
// infinite.
func Check(v []float32) error {
	if len(v) == 0 {
		return errorf("an empty vector")
	}
	if i := notFinite(v); i >= 0 {
		return malformed(i, fmt.Sprint(v[i]))
	}
	return nil
}

// CheckRows checks rows of dim numbers each and returns how many there are. It
// accepts none.
func CheckRows(rows []float32, dim int) (int, error) {
	if len(rows)%dim != 0 {
		return 0, errorf("%d numbers are not whole vectors of dim %d", len(rows), dim)
	}
	if i := notFinite(rows); i >= 0 {
		return 0, errorf("vector %d: number %d is %v", i/dim+1, i%dim+1, rows[i])
	}
	return len(rows) / dim, nil
}

// exponent is the mask of the exponent bits of a float32, which are all set in
// NaN and the infinities and in no other number. Only there the sum with the
// lowest of them reaches the sign bit.
const (
	exponent       = 0x7f800000
	lowestExponent = 0x00800000
	sign           = 0x80000000
)

// notFinite returns the index of the first number that is NaN or infinite, or -1.
func notFinite(x []float32) int {
	var sums uint64 // of two numbers at a time, or-ed together
	pairs := Bytes(x[:len(x)&^1])
	for ; len(pairs) > 0; pairs = pairs[2*Size:] {
		sums |= binary.LittleEndian.Uint64(pairs)&(exponent<<32|exponent) + (lowestExponent<<32 | lowestExponent)
	}
	first := 0
	if sums&(sign<<32|sign) == 0 {
		first = len(x) &^ 1
	}
	for i, v := range x[first:] {
		if math.Float32bits(v)&exponent == exponent {
			return first + i
		}
	}
	return -1
}

// Dot returns the inner product of two vectors of the same dim.
func Dot(x, y []float32) float64 {
	var sum float64
	for i, v := range x {
		sum += float64(v) * float64(y[i])
	}
	return sum
}

// SquaredLength returns the sum of the squares of x.
func SquaredLength(x []float32) float64 { return Dot(x, x) }

// Length returns the Euclidean length of x.
func Length(x []float32) float64 { return math.Sqrt(SquaredLength(x)) }

// Cosine returns the cosine of the angle between x and y, whose lengths the
// caller knows. It is 0 where one of them has length 0.
func Cosine(x, y []float32, lengthX, lengthY float64) float64 {
	if lengthX == 0 || lengthY == 0 {
		return 0
	}
	return Dot(x, y) / (lengthX * lengthY)
}

// unitError is how far from 1 the squared length of a vector may lie that
// Normalize has scaled: the rounding of the factor and of each product.
const unitError = 0x1p-21

// Normalize scales x to length 1. A zero vector stays zero, and a vector that
// has length 1 stays as it is, so that a second call changes no bit.
func Normalize(x []float32) {
	n := SquaredLength(x)
	if n == 0 || math.Abs(n-1) <= unitError {
		return
	}
	scale := 1 / math.Sqrt(n)
	for i := range x {
		x[i] = float32(float64(x[i]) * scale)
	}
}
