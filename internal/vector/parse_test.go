package vector

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
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

// TestParseAsStrconv: each number is the float32 that strconv makes of its text.
func TestParseAsStrconv(t *testing.T) {
	t.Parallel()
	texts := []string{
		"0", "-0", "-0.0", "1.", ".5", "-.5", "+1", "1E3", "3.4e-05", "0.1000000000000000055511151231257827",
		"16777217", "16777219", "9007199254740993", "9999999999999999999", "18446744073709551617", // around what is exact, and what fits
		"0.00000000000000000000000000000000000000000000012", "340282346638528859811704183484516925440",
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		x := float32(random.NormFloat64())
		halfway := (float64(x) + float64(math.Nextafter32(x, 9))) / 2
		texts = append(texts,
			strconv.FormatFloat(float64(x), 'f', -1, 32),
			strconv.FormatFloat(float64(x), 'f', -1, 64),
			strconv.FormatFloat(halfway, 'f', -1, 64),
			strconv.FormatFloat(math.Nextafter(halfway, 9), 'f', -1, 64),
			strconv.FormatFloat(random.Float64()*1e-39, 'f', 50, 64), // less than a float32 has all its bits for
			strconv.FormatFloat(random.NormFloat64(), 'f', random.IntN(19), 64),
		)
	}
	for _, text := range texts {
		want, err := strconv.ParseFloat(text, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(text); err != nil || math.Float32bits(got[0]) != math.Float32bits(float32(want)) {
			t.Errorf("%s is %v, not %v: %v", text, got, want, err)
		}
	}
	for _, text := range []string{"-", ".", "-.", "1.2.3", "--1", "0x1p3", "1_0", "1e400", "99999999999999999999999999999999999999999"} {
		if x, err := Parse(text); err == nil {
			t.Errorf("%s is %v", text, x)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	var texts []string
	for range 384 {
		texts = append(texts, strconv.FormatFloat(random.NormFloat64()/20, 'f', -1, 32))
	}
	text := "[" + strings.Join(texts, ", ") + "]"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
