// Package pyfloat formats floats as Python's repr does, so that figures can be
// compared with Python's character by character.
package pyfloat

import (
	"bytes"
	"strconv"
)

// Append appends x, which must be finite: the shortest digits that read back as
// x, with an exponent below 1e-4 and from 1e16 on, and otherwise with a fraction.
// Every result is also a number in JSON.
func Append(dst []byte, x float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, x, 'e', -1, 64)
	mantissa := bytes.IndexByte(dst[start:], 'e')
	exponent, _ := strconv.Atoi(string(dst[start+mantissa+1:]))
	if exponent < -4 || exponent >= 16 {
		return dst
	}
	dst = strconv.AppendFloat(dst[:start], x, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}
