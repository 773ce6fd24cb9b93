package cmd

import (
	"encoding/json"
	"math"
	"testing"
)

// The expectations are what Python 3 prints for the same floats.
func TestNumberPrintsAsPython(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   float64
		want string
	}{
		{float64(float32(0.31314468)), "0.3131446838378906"},
		{0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{1, "1.0"},
		{-2.5, "-2.5"},
		{0.1, "0.1"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{0.000012345, "1.2345e-05"},
		{1e15, "1000000000000000.0"},
		{123456789012345680, "1.2345678901234568e+17"},
		{1e16, "1e+16"},
		{math.MaxFloat64, "1.7976931348623157e+308"},
		{5e-324, "5e-324"},
	}
	for _, tt := range tests {
		if got := number(tt.in).String(); got != tt.want {
			t.Errorf("number(%g) prints %s, want %s", tt.in, got, tt.want)
		}
		b, err := json.Marshal(number(tt.in))
		if err != nil || string(b) != tt.want {
			t.Errorf("number(%g) in JSON: %s, %v, want %s", tt.in, b, err, tt.want)
		}
	}
}

func TestNumberThatJSONLacks(t *testing.T) {
	t.Parallel()
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if b, err := json.Marshal(number(f)); err != nil || string(b) != "null" {
			t.Errorf("number(%g) in JSON: %s, %v, want null", f, b, err)
		}
	}
}
