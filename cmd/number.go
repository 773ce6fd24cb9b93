package cmd

import (
	"math"
	"strconv"

	"sheaf/internal/pyfloat"
)

// number is a float that prints as in Python, so that figures can be compared
// with LangChain's.
type number float64

func (n number) String() string {
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	return string(pyfloat.Append(nil, float64(n)))
}

// MarshalJSON returns null for a distance that overflowed, which JSON has no number for.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return []byte(n.String()), nil
}
