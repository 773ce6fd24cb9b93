package codes

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/column"
	"sheaf/internal/vector"
)

// made makes a file of the codes of some rows and returns its path.
func made(t *testing.T, o Origin, x []float32) string {
	t.Helper()
	numbers := make([]int64, len(x)/o.Dim)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return madeOf(t, o, Shape{Rows: 32}, numbers, x)
}

// madeOf is made for a file of some shape, with rows of numbers.
func madeOf(t *testing.T, o Origin, s Shape, numbers []int64, x []float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "codes")
	f, err := Create(path, o, x, s)
	if err == nil {
		err = errors.Join(f.Append(0, numbers, x), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What Open gives searches in the frame that Create made, and verifies.
func TestFile(t *testing.T) {
	t.Parallel()
	o := Origin{Store: [16]byte{1, 2}, Index: 3, Dim: 10}
	x := normal(1, 96, o.Dim)
	path := made(t, o, x)
	f, err := Open(path, o, 96, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if want := newFrame(o.Dim, x, o.Store); !slices.Equal(f.frame.mean, want.mean) || !slices.Equal(f.frame.signs, want.signs) {
		t.Errorf("frame %v, want %v", f.frame, want)
	}
	for first := int64(0); first < 96; first += f.BlockRows() {
		if err := f.Verify(first, x[int(first)*o.Dim:][:32*o.Dim]); err != nil {
			t.Error(err)
		}
	}
	if err := f.Verify(32, x[:32*o.Dim]); err == nil || !strings.Contains(err.Error(), "other vectors") {
		t.Errorf("the vectors of another block: %v", err)
	}
	if err := f.Verify(96, x[:32*o.Dim]); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a block that is missing: %v", err)
	}
	found, err := f.Candidates(t.Context(), x[5*o.Dim:6*o.Dim], Search{L2: true, K: 1, Most: 96})
	if err != nil {
		t.Fatal(err)
	}
	for row, low := range found[0] {
		if row != 5 || low > 0 {
			t.Errorf("the first candidate for row 5 is %d, from %v on", row, low)
		}
		break
	}
	if err := f.Cut(64); err != nil {
		t.Fatal(err)
	}
	if extra, err := f.Extra(64); err != nil || extra != 0 {
		t.Errorf("%d bytes more than 64 rows, %v", extra, err)
	}
	if _, err := f.Candidates(t.Context(), x[:o.Dim], Search{K: 1, Most: 96}); err == nil {
		t.Error("no error where a block is missing")
	}
}

// A file with an order of its own has the numbers of its rows in its blocks, also behind those
// that were put in order.
func TestOrderedFile(t *testing.T) {
	t.Parallel()
	for _, ordered := range []int64{1, 2, 3} {
		orderedFile(t, ordered)
	}
}

func orderedFile(t *testing.T, ordered int64) {
	t.Helper()
	o := Origin{Dim: 9}
	want := make([]int64, 96)
	for i := range want {
		want[i] = int64(i)
		if i < 64 {
			want[i] = int64(63 - i)
		}
	}
	x := normal(1, 96, o.Dim)
	path := madeOf(t, o, Shape{32, ordered}, want, x)
	f, err := Open(path, o, 96, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []int64
	for at := int64(0); at < 96; at += f.BlockRows() {
		numbers, err := f.Numbers(at)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, numbers...)
		if err := f.Verify(at, x[int(at)*o.Dim:][:32*o.Dim]); err != nil {
			t.Error(err)
		}
	}
	if extra, err := f.Extra(96); !slices.Equal(got, want) || !f.Ordered() || extra != 0 || err != nil {
		t.Errorf("%d blocks ordered: ordered %v, rows %v, %d bytes behind them, %v", ordered, f.Ordered(), got, extra, err)
	}
	if _, err := f.Numbers(96); err == nil {
		t.Error("no error for a block that is not there")
	}
	growsAndIsCut(t, path, o, x)
	less, err := Open(path, o, 32, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer less.Close()
	if _, err := less.Numbers(0); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("numbers of rows that are not there: %v", err)
	}
}

// growsAndIsCut appends a block behind the 96 rows of an ordered file, cuts it off again, and then
// cuts into what is committed.
func growsAndIsCut(t *testing.T, path string, o Origin, x []float32) {
	t.Helper()
	f, err := Open(path, o, 96, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	more, numbers := normal(2, 32, o.Dim), make([]int64, 32)
	for i := range numbers {
		numbers[i] = int64(96 + i)
	}
	verified := func(rows int64) error {
		var errs []error
		for at := int64(0); at < rows; at += f.BlockRows() {
			vectors := more
			if at < 96 {
				vectors = x[int(at)*o.Dim:][:32*o.Dim]
			}
			errs = append(errs, f.Verify(at, vectors))
		}
		extra, err := f.Extra(rows)
		if extra != 0 {
			errs = append(errs, fmt.Errorf("%d bytes more than %d rows", extra, rows))
		}
		return errors.Join(append(errs, err)...)
	}
	if err := errors.Join(f.Append(96, numbers, more), verified(128)); err != nil {
		t.Errorf("a block more: %v", err)
	}
	if extra, err := f.Extra(96); extra != int64(f.layout.bytes()) || err != nil {
		t.Errorf("%d bytes of a block more, %v", extra, err)
	}
	if err := errors.Join(f.Cut(96), verified(96)); err != nil {
		t.Errorf("without the block: %v", err)
	}
	copied, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "codes")
	if err := os.WriteFile(short, copied[:len(copied)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(short, o, 96, os.O_RDONLY); err == nil {
		err = f.Verify(64, x[64*o.Dim:])
		f.Close()
		if err == nil {
			t.Error("no error where the last byte is missing")
		}
	}
}

// Every bit of a block is covered by its checksum.
func TestVerifyFindsEveryChange(t *testing.T) {
	t.Parallel()
	for _, s := range []Shape{{Rows: 32}, {32, 1}} {
		verifyFindsEveryChange(t, s)
	}
}

func verifyFindsEveryChange(t *testing.T, s Shape) {
	t.Helper()
	o := Origin{Dim: 3}
	x := normal(2, 32, o.Dim)
	path := madeOf(t, o, s, make([]int64, 32), x)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := headerBytes(o.Dim, s.Ordered > 0)
	if s.Ordered > 0 {
		first = page
	}
	for at := first; at < len(raw); at += 7 {
		changed := slices.Clone(raw)
		changed[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, o, 32, os.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		if f.Verify(0, x) == nil {
			t.Errorf("a change of byte %d is not found", at)
		}
		f.Close()
	}
}

// A file that is not the codes of so many rows of the origin is refused.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	o := Origin{Store: [16]byte{9}, Index: 2, Dim: 10}
	path := made(t, o, normal(1, 64, o.Dim))
	for name, open := range map[string]func() (*File, error){
		"another store":       func() (*File, error) { return Open(path, Origin{Index: 2, Dim: 10}, 64, os.O_RDONLY) },
		"another index file":  func() (*File, error) { return Open(path, Origin{o.Store, 1, 10}, 64, os.O_RDONLY) },
		"another dim":         func() (*File, error) { return Open(path, Origin{o.Store, 2, 11}, 64, os.O_RDONLY) },
		"more rows":           func() (*File, error) { return Open(path, o, 96, os.O_RDONLY) },
		"rows between blocks": func() (*File, error) { return Open(path, o, 33, os.O_RDONLY) },
		"no file":             func() (*File, error) { return Open(path+"x", o, 64, os.O_RDONLY) },
	} {
		var damage *column.DamageError
		if f, err := open(); !errors.As(err, &damage) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	if _, err := Create(path, o, nil, Shape{Rows: 24}); err == nil {
		t.Error("no error for blocks of 24 rows")
	}
	if _, err := Create(path, o, nil, Shape{Rows: 16, Ordered: -1}); err == nil {
		t.Error("no error for less than no ordered block")
	}
	if _, err := Create(filepath.Join(path, "x"), o, nil, Shape{Rows: 16}); err == nil {
		t.Error("no error below a file")
	}
}

// Bounds that exclude too little end a search, and so does its context.
func TestCandidatesRefuses(t *testing.T) {
	t.Parallel()
	o := Origin{Dim: 10}
	x := normal(1, 640, o.Dim)
	f, err := Open(made(t, o, x), o, 640, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zero := make([]float32, o.Dim)
	for name, search := range map[string]func() (any, error){
		"k":             func() (any, error) { return f.Candidates(t.Context(), x[:10], Search{K: 641}) },
		"a zero query":  func() (any, error) { return f.Candidates(t.Context(), zero, Search{K: 1}) },
		"too many hits": func() (any, error) { return f.Candidates(t.Context(), x[:10], Search{K: 30, Most: 30}) },
	} {
		if found, err := search(); !errors.Is(err, ErrLoose) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Candidates(ctx, x[:10], Search{K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context ended", err)
	}
}

// Blocks are no longer than the cache of a core takes, whatever the dim.
func TestBlockRows(t *testing.T) {
	t.Parallel()
	for dim, want := range map[int]int{1: 1024, 384: 1024, 768: 512, 2000: 256, 1 << 16: 16} {
		if got := BlockRows(dim); got != want {
			t.Errorf("dim %d: blocks of %d rows, want %d", dim, got, want)
		}
	}
}

// The rotation keeps lengths, and C does what Go does.
func TestRotation(t *testing.T) {
	t.Parallel()
	for _, dim := range []int{1, 2, 3, 7, 100, 384, 513} {
		x := normal(uint64(dim), 16, dim)
		f, b := encoded(generic, dim, 16, x)
		for r := range 16 {
			y, before := make([]float64, dim), 0.0
			for i := range y {
				y[i] = float64(x[r*dim+i]) - float64(f.mean[i])
				before += y[i] * y[i]
			}
			f.rotate(y)
			after, back := 0.0, 0.0
			for i, v := range y {
				after += v * v
				at := (i/octet*group+r)*4 + i%4
				shift := i % octet / 4 * 4
				code := float64(b.high[at]>>shift&15<<4+b.low[at]>>shift&15) - 127.5
				back += (v - float64(b.scale8[r])*code) * (v - float64(b.scale8[r])*code)
			}
			if d := after/before - 1; d > 1e-12 || d < -1e-12 {
				t.Errorf("dim %d: a squared length of %v became %v", dim, before, after)
			}
			if rho := float64(b.residual8[r]); back > rho*rho {
				t.Errorf("dim %d, row %d: the codes are off by %v squared, not by %v", dim, r, back, rho)
			}
		}
	}
}

// Rows of which the codes of 4 bits exclude few are read with all 8 bits, and so are those behind
// more candidates than are wanted. That nearly all rows of a list pass which is nearer than those
// before it is no sign of that.
func TestFineCodes(t *testing.T) {
	t.Parallel()
	const dim, listRows = 64, 512
	sphere := func(n int) []float32 { // all are as far from the query, which is its middle
		x := normal(3, n, dim)
		for row := range slices.Chunk(x, dim) {
			vector.Normalize(row)
		}
		return x
	}
	nearer := normal(3, 20*listRows, dim)
	for i := range nearer {
		if i%dim == 0 {
			nearer[i] += 10 * float32(20-i/dim/listRows)
		}
	}
	for name, tt := range map[string]struct {
		ordered int64
		x       []float32
		most    int64
		fine    bool
	}{
		"directions":              {0, sphere(4 * firstRows), math.MaxInt32, true},
		"directions in an order":  {1, sphere(2 * nearRows), math.MaxInt32, true},
		"lists":                   {1, nearer, math.MaxInt32, false},
		"few rows in an order":    {1, sphere(nearRows / 2), math.MaxInt32, false},
		"many candidates":         {1, sphere(nearRows / 2), nearRows / 3, true},
		"lists in no known order": {0, nearer, math.MaxInt32, true},
	} {
		o := Origin{Dim: dim}
		numbers := make([]int64, len(tt.x)/dim)
		for i := range numbers {
			numbers[i] = int64(i)
		}
		f, err := Open(madeOf(t, o, Shape{Rows: 32, Ordered: tt.ordered}, numbers, tt.x), o, int64(len(numbers)), os.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, err := f.plan(make([]float32, dim), Search{L2: true, K: 10, Threads: 1, Most: tt.most})
		if err != nil {
			t.Fatal(err)
		}
		w := p.worker()
		if err := w.scan(t.Context()); err != nil || w.fine != tt.fine {
			t.Errorf("%s: all 8 bits are read: %v, %v", name, w.fine, err)
		}
	}
}
