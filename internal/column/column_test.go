package column_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/column"
)

const width = 12

// format has a header of 16 bytes: a mark, and the rows.
var format = column.Format{
	RowBytes: width,
	Header: func(rows int64) []byte {
		return binary.LittleEndian.AppendUint64([]byte("a column"), uint64(rows))
	},
	Check: func(header []byte) error {
		if !bytes.HasPrefix(header, []byte("a column")) {
			return errors.New("it belongs to somebody else")
		}
		return nil
	},
}

// rows makes the bytes of rows first to first+n-1.
func rows(first, n int64) (b []byte) {
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, uint32(first+i))
		b = append(b, make([]byte, width-4)...)
	}
	return b
}

// filled makes a column of n rows.
func filled(t *testing.T, n int64) (*column.File, column.Extents) {
	t.Helper()
	c, err := column.Create(filepath.Join(t.TempDir(), "file"), format)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.Append(0, rows(0, n)))
	must(t, c.WriteHeader(n))
	return c, column.Extents(nil).Extend(rows(0, n), width)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func problems(t *testing.T, c *column.File, n int64, x column.Extents) (all []string) {
	t.Helper()
	must(t, c.Verify(t.Context(), n, x, io.Discard, func(p string) { all = append(all, p) }))
	return all
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage func(path string) error
		want   string
	}{
		"missing":       {os.Remove, "it is missing"},
		"a folder":      {func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o777)) }, "it is not a file"},
		"a cut header":  {func(path string) error { return os.Truncate(path, 7) }, "its header cannot be read"},
		"a cut row":     {func(path string) error { return os.Truncate(path, format.Size(10)-1) }, "it has 135 bytes of 136"},
		"somebody else": {func(path string) error { return os.WriteFile(path, make([]byte, 500), 0o666) }, "it belongs to somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := filled(t, 10)
			must(t, tt.damage(c.Name()))
			_, err := column.Open(c.Name(), format, 10, os.O_RDONLY)
			var damage *column.DamageError
			if !errors.As(err, &damage) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestCutRemovesATailAndCorrectsTheHeader(t *testing.T) {
	t.Parallel()
	c, x := filled(t, 10)
	must(t, c.Append(10, rows(77, 3)))
	must(t, c.WriteHeader(13))
	if tail, err := c.Tail(10); err != nil || tail != 3*width {
		t.Errorf("tail %d, %v", tail, err)
	}
	again, err := column.Open(c.Name(), format, 10, os.O_RDWR)
	must(t, err)
	defer again.Close()
	must(t, again.Cut(10))
	tail, err := c.Tail(10)
	says, err2 := c.HeaderSays(10)
	if tail != 0 || !says || err != nil || err2 != nil {
		t.Errorf("tail %d, header %v, %v, %v", tail, says, err, err2)
	}
	if got := problems(t, c, 10, x); got != nil {
		t.Error(got)
	}
}

func TestCopyLeavesSkippedRowsOut(t *testing.T) {
	t.Parallel()
	const n = 200_000 // more than one block and one extent
	c, _ := filled(t, n)
	skip := make([]uint64, (n+63)/64)
	var want []byte
	for i := int64(0); i < n; i++ {
		if i%3 == 1 || i > 150_000 {
			skip[i/64] |= 1 << (i % 64)
		} else {
			want = append(want, rows(i, 1)...)
		}
	}
	to, err := column.Create(filepath.Join(t.TempDir(), "copy"), format)
	must(t, err)
	defer to.Close()
	seen := 0
	x, err := c.CopyTo(t.Context(), to, n, skip, func(n int) { seen += n })
	must(t, err)
	got, err := os.ReadFile(to.Name())
	must(t, err)
	kept := int64(len(want)) / width
	if !bytes.Equal(got, append(format.Header(kept), want...)) || x.Rows() != kept || seen != n {
		t.Errorf("%d bytes, %d rows covered, %d looked at; want %d rows", len(got), x.Rows(), seen, kept)
	}
	if got := problems(t, to, kept, x); got != nil {
		t.Error(got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.CopyTo(ctx, to, n, skip, func(int) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestVerifyFindsEveryChange(t *testing.T) {
	t.Parallel()
	c, x := filled(t, 100)
	for _, at := range []int64{0, 599, 1199} {
		b := make([]byte, 1)
		_, err := c.ReadAt(b, format.Size(0)+at)
		must(t, err)
		_, err = c.WriteAt([]byte{b[0] ^ 1}, format.Size(0)+at)
		must(t, err)
		if got := problems(t, c, 100, x); len(got) != 1 || got[0] != "rows 0 to 99 fail their checksum" {
			t.Errorf("byte %d: %q", at, got)
		}
		_, err = c.WriteAt(b, format.Size(0)+at)
		must(t, err)
	}
	for name, bad := range map[string]column.Extents{
		"none": nil, "short": {{First: 0, Count: 99}}, "a gap": {{First: 1, Count: 99}}, "too long": {{First: 0, Count: 101}}, "empty": {{First: 0, Count: 0}},
	} {
		if got := problems(t, c, 100, bad); len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "the checksums do not cover rows") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestExtentsGrowAndBegin(t *testing.T) {
	t.Parallel()
	var x column.Extents
	for first := int64(0); first < 300_000; first += 1000 {
		x = x.Extend(rows(first, 1000), width)
	}
	if len(x) != 5 || x.Rows() != 300_000 || x[1].First != x[0].Count {
		t.Errorf("%d extents over %d rows", len(x), x.Rows())
	}
	if x = x.Extend(nil, width); x.Rows() != 300_000 {
		t.Errorf("nothing was added, and there are %d rows", x.Rows())
	}
}
