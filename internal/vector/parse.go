package vector

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Parse reads numbers separated by blanks or by one comma each, in brackets or
// not. A JSON array of numbers is such a text. Numbers are decimal and finite
// as float32. Every error is an *Error.
func Parse(text string) ([]float32, error) {
	text = strings.TrimSpace(text)
	if inside, ok := strings.CutPrefix(text, "["); ok {
		if text, ok = strings.CutSuffix(inside, "]"); !ok {
			return nil, errorf("a malformed vector: the closing bracket is missing")
		}
		text = strings.TrimSpace(text)
	}
	if text == "" {
		return nil, errorf("an empty vector")
	}
	v := make([]float32, 0, strings.Count(text, ",")+1)
	for part := range strings.SplitSeq(text, ",") {
		before := len(v)
		for word := range strings.FieldsSeq(part) {
			x, err := parseNumber(len(v), word)
			if err != nil {
				return nil, err
			}
			v = append(v, x)
		}
		if len(v) == before {
			return nil, errorf("a malformed vector: number %d is missing", len(v)+1)
		}
	}
	return v, Check(v)
}

// parseNumber reads number i, counting from 0.
func parseNumber(i int, word string) (float32, error) {
	if x, ok := parseShort(word); ok {
		return x, nil
	}
	x, err := strconv.ParseFloat(word, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, malformed(i, fmt.Sprintf("%q, too large for a float32", word))
	case err != nil || strings.ContainsAny(word, "xX_"):
		return 0, malformed(i, fmt.Sprintf("%.40q", word))
	}
	return float32(x), nil
}

// maxDigits is how many digits always fit into a uint64.
const maxDigits = 19

// powers are the powers of ten that so many digits may be divided by. Each is exact as float64.
var powers = [maxDigits + 1]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// parseShort reads a decimal fraction without an exponent, as most numbers of vectors are, faster
// than [strconv.ParseFloat] and with the same result. It reports false where it cannot tell.
//
// The digits as an integer and the power of ten are exact as float64, so their quotient is the
// float64 nearest to the number (Clinger, How to Read Floating Point Numbers Accurately, 1990).
// Rounded again, that gives the float32 nearest to the number, unless it is halfway between two.
func parseShort(word string) (x float32, ok bool) {
	digits, negative := strings.CutPrefix(word, "-")
	m, n, point := uint64(0), 0, -1
	for i := range len(digits) {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			m = 10*m + uint64(c-'0')
			n++
		case c == '.' && point < 0:
			point = n
		default:
			return 0, false
		}
	}
	if point < 0 {
		point = n
	}
	const exact = 1 << 53 // the integers up to it are float64
	if n == 0 || n > maxDigits || m > exact {
		return 0, false
	}
	d := float64(m) / powers[n-point]
	const (
		smallest = 0x1p-126  // of the float32 that have all their bits
		dropped  = 1<<29 - 1 // the bits that a float64 has and a float32 has not
		halfway  = 1 << 28
	)
	if m != 0 && d < smallest || math.Float64bits(d)&dropped == halfway {
		return 0, false
	}
	if negative {
		d = -d
	}
	return float32(d), true
}

// ParseJSON reads a vector from a JSON value, which must be an array of numbers.
func ParseJSON(value json.RawMessage) ([]float32, error) {
	text := strings.TrimSpace(string(value))
	if !strings.HasPrefix(text, "[") {
		return nil, errorf("a malformed vector: it is not an array of numbers")
	}
	return Parse(text)
}
