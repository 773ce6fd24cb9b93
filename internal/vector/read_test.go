package vector

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// collect returns the vectors before the first error.
func collect(rows iter.Seq2[Row, error]) (vectors [][]float32, err error) {
	for r, err := range rows {
		if err != nil {
			return vectors, err
		}
		vectors = append(vectors, r.Vector)
	}
	return vectors, nil
}

// read reads text as raw vectors of dim numbers, or with dim 0 as Read does.
func read(text string, dim int) iter.Seq2[Row, error] {
	if dim > 0 {
		return ReadRaw(strings.NewReader(text), dim)
	}
	return Read(strings.NewReader(text))
}

func TestRead(t *testing.T) {
	t.Parallel()
	raw := string(floats(binary.LittleEndian, 1, 2, 3, 4))
	two := [][]float32{{1, 2}, {3, 4}}
	tests := []struct {
		name, in string
		dim      int
		want     [][]float32
		err      string
	}{
		{name: "lines", in: "1 2\n\n3,4\n", want: two},
		{name: "one line without an end", in: "1 2", want: two[:1]},
		{name: "a column", in: "1\n2\n", want: two[:1]},
		{name: "a column and a row", in: "1\n2\n3 4", want: [][]float32{{3, 4}, {1, 2}}},
		{name: "arrays", in: "[1,2]\n[3,\n4]", want: two},
		{name: "an array of arrays", in: " [ [1,2], [3,4] ]", want: two},
		{name: "raw", in: raw, dim: 2, want: two},
		{name: "nothing", in: "\n"},
		{name: "an empty array", in: "[]", err: "an empty vector"},
		{name: "a word", in: "1 2\n3 x\n", want: two[:1], err: `line 2: a malformed vector: number 2 is "x"`},
		{name: "a broken array", in: "[1,2][3", want: two[:1], err: "malformed"},
		{name: "an object", in: "[1,2]{}", want: two[:1], err: "not an array"},
		{name: "arrays and a text", in: "[[1,2],\"3\"]", want: two[:1], err: "not an array"},
		{name: "raw that ends early", in: raw[:11], dim: 2, want: two[:1], err: "vector 2 ends after 3 of 8 bytes"},
		{name: "raw that is no number", in: "\x00\x00\xc0\x7f", dim: 1, err: "number 1 is NaN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(read(tt.in, tt.dim))
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
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"1 2\n3 4", "[1,2]", "[[1],[2]]", "1\n2", "-0.5,1e-7", "\x93NUMPY\x01\x00"} {
		f.Add([]byte(seed), false)
	}
	f.Add([]byte(npyFile("<f4", "(2, 2)", floats(binary.LittleEndian, 1, 2, 3, 4))), false)
	f.Add(floats(binary.LittleEndian, 1, 2), true)
	f.Fuzz(func(t *testing.T, in []byte, raw bool) {
		dim := 0
		if raw {
			dim = 2
		}
		vectors, err := collect(read(string(in), dim))
		for _, v := range vectors {
			if bad := Check(v); bad != nil {
				t.Errorf("%v of %q: %v", v, in, bad)
			}
		}
		if err != nil && err.Error() == "" {
			t.Errorf("an error without words for %q", in)
		}
	})
}
