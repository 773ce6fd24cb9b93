package vector

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want []float32
		err  string
	}{
		{in: "1", want: []float32{1}},
		{in: " -0.5, 2e-3\t3\n", want: []float32{-0.5, 0.002, 3}},
		{in: "[1, -2.5]", want: []float32{1, -2.5}},
		{in: "", err: "an empty vector"},
		{in: "[]", err: "an empty vector"},
		{in: "1,x", err: `number 2 is "x"`},
		{in: "1 nan", err: "number 2 is NaN"},
		{in: "inf", err: "number 1 is +Inf"},
		{in: "1e39", err: `number 1 is "1e39"`},
		{in: "[1e39]", err: `number 1 is "1e39", too large for a float32`},
		{in: "[1 -2.5]", want: []float32{1, -2.5}},
		{in: "[ ]", err: "an empty vector"},
		{in: "[1,null]", err: `number 2 is "null"`},
		{in: "[[1,2]]", err: `number 1 is "[1"`},
		{in: "1_0 0x2", err: `number 1 is "1_0"`},
		{in: "1 0x2", err: `number 2 is "0x2"`},
		{in: "1,,2", err: "number 2 is missing"},
		{in: "1,2,", err: "number 3 is missing"},
		{in: "[1, [2]]", err: `number 2 is "[2]"`},
		{in: "[1, 2", err: "the closing bracket is missing"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Parse(%q) = %v, %v, want an error with %q", tt.in, got, err, tt.err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("Parse(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	if got, err := ParseJSON([]byte(" [1, 2.5]\n")); err != nil || !slices.Equal(got, []float32{1, 2.5}) {
		t.Errorf("ParseJSON = %v, %v", got, err)
	}
	for _, in := range []string{"", "null", "1", `"1"`, "{}", `["1"]`, "[]"} {
		if got, err := ParseJSON([]byte(in)); err == nil {
			t.Errorf("ParseJSON(%q) = %v, want an error", in, got)
		}
	}
}
