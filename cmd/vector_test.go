package cmd

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGuardVectors(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"search-vector|-0.1,0.2", "search-vector| -0.1,0.2"},
		{"search-vector|-1|2", "search-vector| -1|2"},
		{"search-vector|-.5|2", "search-vector| -.5|2"},
		{"search-vector|-0 1", "search-vector| -0 1"},
		{"search-vector|-00", "search-vector| -00"},
		{"search-vector|-0|-e|-k|3|-|1", "search-vector|-0|-e|-k|3|-|1"},
		{"search-vector|-0e|1", "search-vector|-0e|1"},
		{"search-vector|--|-1", "search-vector|--|-1"},
		{"-s|-1|search|-1", "-s|-1|search|-1"},
	}
	for _, tt := range tests {
		if got := strings.Join(guardVectors(strings.Split(tt.in, "|")), "|"); got != tt.want {
			t.Errorf("guardVectors(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseVector(t *testing.T) {
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
		{in: "[1e39]", err: "malformed"},
		{in: "[1,null]", err: "it has a JSON null in the place of a number"},
		{in: "[[1,2]]", err: "it has a JSON array in the place of a number"},
		{in: "1_0 0x2", err: `number 1 is "1_0"`},
		{in: "1 0x2", err: `number 2 is "0x2"`},
		{in: "1,,2", err: "number 2 is missing"},
		{in: "1,2,", err: "number 3 is missing"},
		{in: "[1, [2]]", err: "malformed"},
		{in: "[1, 2", err: "malformed"},
	}
	for _, tt := range tests {
		got, err := parseVector(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("parseVector(%q) = %v, %v, want an error with %q", tt.in, got, err, tt.err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("parseVector(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
}

// collect reads all vectors until the first error.
func collect(in string, o vectorInput) (rows [][]float32, err error) {
	for r, err := range readVectors(strings.NewReader(in), o) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, r.vector)
	}
	return rows, nil
}

func TestReadVectors(t *testing.T) {
	t.Parallel()
	raw := string(floats(binary.LittleEndian, 1, 2, 3, 4))
	two := [][]float32{{1, 2}, {3, 4}}
	tests := []struct {
		name, in string
		o        vectorInput
		want     [][]float32
		err      string
	}{
		{name: "lines", in: "1 2\n\n3,4\n", want: two},
		{name: "one line without an end", in: "1 2", want: two[:1]},
		{name: "a column", in: "1\n2\n", want: two[:1]},
		{name: "a column and a row", in: "1\n2\n3 4", want: [][]float32{{3, 4}, {1, 2}}},
		{name: "arrays", in: "[1,2]\n[3,\n4]", want: two},
		{name: "an array of arrays", in: " [ [1,2], [3,4] ]", want: two},
		{name: "raw", in: raw, o: vectorInput{raw: true, dim: 2}, want: two},
		{name: "nothing", in: "\n"},
		{name: "an empty array", in: "[]", err: "an empty vector"},
		{name: "a word", in: "1 2\n3 x\n", want: two[:1], err: `line 2: a malformed vector: number 2 is "x"`},
		{name: "a broken array", in: "[1,2][3", want: two[:1], err: "malformed"},
		{name: "raw that ends early", in: raw[:11], o: vectorInput{raw: true, dim: 2}, want: two[:1], err: "vector 2 ends after 3 of 8 bytes"},
		{name: "raw that is no number", in: "\x00\x00\xc0\x7f", o: vectorInput{raw: true, dim: 1}, err: "number 1 is NaN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(tt.in, tt.o)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// floats are the bytes of a raw vector of float32.
func floats(order binary.ByteOrder, numbers ...float32) []byte {
	var b bytes.Buffer
	for _, n := range numbers {
		_ = binary.Write(&b, order, math.Float32bits(n))
	}
	return b.Bytes()
}

// What a reader of vectors yields without an error is fit for a search,
// whatever the bytes were.
func FuzzReadVectors(f *testing.F) {
	for _, seed := range []string{"1 2\n3 4", "[1,2]", "[[1],[2]]", "1\n2", "-0.5,1e-7", "\x93NUMPY\x01\x00"} {
		f.Add([]byte(seed), false)
	}
	f.Add([]byte(npyFile("<f4", "(2, 2)", floats(binary.LittleEndian, 1, 2, 3, 4))), false)
	f.Add(floats(binary.LittleEndian, 1, 2), true)
	f.Fuzz(func(t *testing.T, in []byte, raw bool) {
		rows, err := collect(string(in), vectorInput{raw: raw, dim: 2})
		for _, v := range rows {
			if bad := checkVector(v); bad != nil {
				t.Errorf("%v of %q: %v", v, in, bad)
			}
		}
		if err != nil && err.Error() == "" {
			t.Errorf("an error without words for %q", in)
		}
	})
}
