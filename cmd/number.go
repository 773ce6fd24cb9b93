package cmd

import (
	"math"
	"strconv"
	"strings"
)

// number is a float that prints as Python prints it, so that figures can be
// compared with LangChain's character by character: the shortest digits that
// read back as the same float64, never without a fraction or an exponent.
type number float64

func (n number) String() string {
	scientific := strconv.FormatFloat(float64(n), 'e', -1, 64)
	_, exponent, ok := strings.Cut(scientific, "e")
	if !ok {
		return scientific // NaN, Inf
	}
	// Python's repr turns to exponents below 1e-4 and from 1e16.
	if e, _ := strconv.Atoi(exponent); e < -4 || e >= 16 {
		return scientific
	}
	fixed := strconv.FormatFloat(float64(n), 'f', -1, 64)
	if !strings.Contains(fixed, ".") {
		fixed += ".0"
	}
	return fixed
}

// MarshalJSON writes null for what JSON has no number for: a distance that
// overflowed.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return []byte(n.String()), nil
}
