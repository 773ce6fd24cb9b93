package pyfloat_test

import (
	"math"
	"testing"

	"sheaf/internal/pyfloat"
)

// TestAppend compares with what repr prints in Python 3.
func TestAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		x    float64
		want string
	}{
		{0, "0.0"}, {math.Copysign(0, -1), "-0.0"}, {3, "3.0"}, {-1.5, "-1.5"}, {0.1, "0.1"}, {1e22, "1e+22"}, {123456789, "123456789.0"},
		{0.0001, "0.0001"}, {0.00001, "1e-05"}, {1e15, "1000000000000000.0"}, {1e16, "1e+16"}, {9999999999999998, "9999999999999998.0"},
		{5e-324, "5e-324"}, {math.MaxFloat64, "1.7976931348623157e+308"}, {float64(float32(0.1)), "0.10000000149011612"},
	}
	for _, tt := range tests {
		if got := string(pyfloat.Append([]byte("x"), tt.x)); got != "x"+tt.want {
			t.Errorf("%g: %s, want x%s", tt.x, got, tt.want)
		}
	}
}
