package faiss

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/faiss/faisstest"
	"sheaf/internal/vector"
)

func TestParseHeaderOfFaiss(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Header{
		"flat_l2": {D: 4, Ntotal: 3, Metric: L2},
		"flat_ip": {D: 4, Ntotal: 3, Metric: InnerProduct},
	} {
		b := readTestdata(t, name)
		for i := range 2 { // what Faiss writes where it reads nothing
			binary.LittleEndian.PutUint64(want.StoreID[8*i:], 1<<20)
		}
		got, err := ParseHeader(b)
		if err != nil || got != want {
			t.Errorf("ParseHeader(%s) = %+v, %v, want %+v", name, got, err, want)
		}
		if out := got.Append([]byte("x")); !bytes.Equal(out[1:], b[:HeaderSize]) {
			t.Errorf("%s: Append = %x, want %x", name, out[1:], b[:HeaderSize])
		}
	}
}

func TestFaissReadsHeader(t *testing.T) {
	t.Parallel()
	x := randomVectors(1, 5, 3)
	for _, m := range []Metric{L2, InnerProduct} {
		h := Header{D: 3, Ntotal: 5, Metric: m, StoreID: [16]byte{255, 1, 2, 3, 15: 255}}
		file := append(h.Append(nil), vector.Bytes(x)...)
		for _, tail := range []string{"", "left by a writer that was killed"} {
			idx := faisstest.Parse(t, append(slices.Clone(file), tail...))
			if idx.D != 3 || idx.Ntotal != 5 || idx.Metric != int(m) {
				t.Errorf("%v, tail %q: d %d, ntotal %d, metric %d", m, tail, idx.D, idx.Ntotal, idx.Metric)
			}
			if got := idx.Vectors(); !slices.Equal(got, x) {
				t.Errorf("%v, tail %q: reads %v, want %v", m, tail, got, x)
			}
		}
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	t.Parallel()
	valid := Header{D: 4, Ntotal: 3, Metric: L2}
	put32 := func(off int, v uint32) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[off:], v) }
	}
	for _, c := range []struct {
		damage func([]byte)
		want   string
	}{
		{func(b []byte) { copy(b, "IxPQ") }, `starts with "IxPQ"`},
		{func(b []byte) { copy(b, "IxFI") }, `"IxFI" with metric l2`},
		{put32(33, 2), "l1 is neither"},
		{put32(33, math.MaxUint32), "metric -1 is neither"},
		{put32(4, 0), "dim 0"},
		{put32(4, math.MaxUint32), "dim -1"},
		{put32(12, math.MaxUint32), "header: -4294967293 rows of dim 4"},
		{put32(12, 1<<27), "header: 576460752303423491 rows of dim 4"},
		{func(b []byte) { b[32] = 0 }, "is_trained is 0"},
		{put32(37, 13), "13 floats for 3 rows of dim 4"},
	} {
		b := valid.Append(nil)
		c.damage(b)
		if h, err := ParseHeader(b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseHeader = %+v, %v, want an error with %q", h, err, c.want)
		}
	}
	most := Header{D: math.MaxInt32, Ntotal: maxRows(math.MaxInt32), Metric: InnerProduct}
	if h, err := ParseHeader(most.Append(nil)); err != nil || h != most {
		t.Errorf("as many rows as can be: %+v, %v", h, err)
	}
	for n := range HeaderSize {
		if _, err := ParseHeader(valid.Append(nil)[:n]); err == nil {
			t.Errorf("%d bytes are a header", n)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(Header{D: 4, Ntotal: 3, Metric: L2}.Append(nil))
	f.Add(Header{D: math.MaxInt32, Ntotal: maxRows(math.MaxInt32), Metric: InnerProduct}.Append(nil))
	f.Add([]byte("IxF2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		if out := h.Append(nil); !bytes.Equal(out, b[:HeaderSize]) {
			t.Errorf("%x is parsed as %+v and written as %x", b[:HeaderSize], h, out)
		}
		if HeaderSize+vector.Size*int64(h.D)*h.Ntotal < HeaderSize {
			t.Errorf("%+v: the file's size overflows", h)
		}
	})
}

func readTestdata(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".faiss")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a file's header says is never more than the file can hold.
func FuzzReadFileHeader(f *testing.F) {
	f.Add(Header{D: 2, Ntotal: 1, Metric: L2}.Append(nil), int64(HeaderSize+2*vector.Size))
	f.Add(Header{D: math.MaxInt32, Ntotal: maxRows(math.MaxInt32), Metric: InnerProduct}.Append(nil), int64(math.MaxInt64))
	for fourcc := range indexTypes {
		f.Add(append([]byte(fourcc), Header{D: 2, Ntotal: 3, Metric: L2}.Append(nil)[4:]...), int64(1000))
	}
	for fourcc := range unreadable {
		f.Add([]byte(fourcc), int64(4))
	}
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		if size < 0 {
			return
		}
		h, err := ReadFileHeader(bytes.NewReader(b), min(size, max(int64(len(b)), HeaderSize)))
		if err != nil {
			return
		}
		if h.Type == "" || h.D < 1 || h.D > maxDim || h.Ntotal < 0 || h.Ntotal > size {
			t.Errorf("%+v of %d bytes", h, size)
		}
		if h.Floats > 0 && (h.End() < h.Floats || h.End() > size) {
			t.Errorf("%+v ends at %d of %d bytes", h, h.End(), size)
		}
	})
}
