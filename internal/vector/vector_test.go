package vector

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	tests := []struct {
		v    []float32
		want string
	}{
		{[]float32{0, -0, math.MaxFloat32, math.SmallestNonzeroFloat32}, ""},
		{nil, "an empty vector"},
		{[]float32{1, nan}, "a malformed vector: number 2 is NaN"},
		{[]float32{inf, nan}, "a malformed vector: number 1 is -Inf"},
	}
	for _, tt := range tests {
		var problem *Error
		switch err := Check(tt.v); {
		case tt.want == "" && err != nil, tt.want != "" && (!errors.As(err, &problem) || err.Error() != tt.want):
			t.Errorf("Check(%v) = %v, want %q", tt.v, err, tt.want)
		}
	}
}

func TestCheckRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rows []float32
		n    int
		want string
	}{
		{nil, 0, ""},
		{[]float32{1, 2, 3, 4}, 2, ""},
		{[]float32{1, 2, 3}, 0, "3 numbers are not whole vectors of dim 2"},
		{[]float32{1, 2, 3, float32(math.Inf(1))}, 0, "vector 2: number 2 is +Inf"},
	}
	for _, tt := range tests {
		n, err := CheckRows(tt.rows, 2)
		var problem *Error
		if n != tt.n || tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &problem) || err.Error() != tt.want) {
			t.Errorf("CheckRows(%v) = %d, %v, want %d, %q", tt.rows, n, err, tt.n, tt.want)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	v := []float32{3, 0, -4}
	Normalize(v)
	if want := []float32{0.6, 0, -0.8}; !slices.Equal(v, want) {
		t.Errorf("Normalize = %v, want %v", v, want)
	}
	again := slices.Clone(v)
	if Normalize(again); !slices.Equal(again, v) {
		t.Errorf("a second time changes %v to %v", v, again)
	}
	zero := []float32{0, 0}
	if Normalize(zero); !slices.Equal(zero, []float32{0, 0}) {
		t.Errorf("a zero vector becomes %v", zero)
	}
	long := []float32{3e38, 3e38}
	if Normalize(long); math.Abs(Length(long)-1) > 1e-6 {
		t.Errorf("the squares overflow float32: length %v", Length(long))
	}
}

func TestCosine(t *testing.T) {
	t.Parallel()
	x, y := []float32{1, 2}, []float32{-2, 1}
	tests := []struct {
		x, y []float32
		want float64
	}{{x, x, 1}, {x, y, 0}, {x, []float32{-2, -4}, -1}, {x, []float32{0, 0}, 0}, {[]float32{0, 0}, y, 0}}
	for _, tt := range tests {
		if got := Cosine(tt.x, tt.y, Length(tt.x), Length(tt.y)); math.Abs(got-tt.want) > 1e-15 {
			t.Errorf("Cosine(%v, %v) = %v, want %v", tt.x, tt.y, got, tt.want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	x := []float32{1, -2}
	b := Bytes(x)
	if want := []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}; !slices.Equal(b, want) {
		t.Errorf("Bytes = %x, want %x", b, want)
	}
	y := FromBytes(b)
	if x[0] = 7; !slices.Equal(y, []float32{1, -2}) {
		t.Errorf("FromBytes = %v", y)
	}
}
