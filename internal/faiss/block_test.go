package faiss

import (
	"path/filepath"
	"slices"
	"testing"

	"sheaf/internal/vector"
)

func TestReaderGathers(t *testing.T) {
	t.Parallel()
	const d, rows = 256, 300
	x := randomVectors(1, rows, d)
	f := flatFile(t, filepath.Join(t.TempDir(), "index.faiss"), d, L2, x)
	for _, list := range [][]int64{
		{0}, {299}, {0, 1, 2}, {0, 299}, {1, 3, 5, 7}, {3, 7, 8, 13, 100, 101, 103, 298},
	} {
		for _, per := range []int64{1, 2, 3, 8} {
			r := newReader(f, pass{list: list, threads: 1}, int(per)*d*vector.Size)
			var got []int64
			buf := make([]byte, r.bufferSize())
			for i := range r.blocks() {
				b, err := r.read(i, buf)
				if err != nil {
					t.Fatal(err)
				}
				for j := range b.n {
					row := b.row(j)
					got = append(got, row)
					if !slices.Equal(b.data[j*d*4:(j+1)*d*4], vector.Bytes(x[row*d:(row+1)*d])) {
						t.Fatalf("list %v, %d a block: row %d is another", list, per, row)
					}
				}
			}
			if !slices.Equal(got, list) {
				t.Errorf("list %v, %d a block: read %v", list, per, got)
			}
		}
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	f := &Flat{math: arithmetic{d: maxGap / vector.Size / 4}} // a gap of 4 rows is worth reading
	for _, c := range []struct {
		rows []int64
		room int64
		want int
	}{
		{[]int64{5}, 9, 1},
		{[]int64{5, 6, 7}, 9, 3},
		{[]int64{5, 10, 15}, 11, 3},
		{[]int64{5, 10, 15}, 10, 2},
		{[]int64{5, 11}, 99, 1},
		{[]int64{5, 6, 12, 13}, 99, 2},
		{[]int64{5, 6}, 1, 1},
	} {
		if got := f.together(c.rows, c.room); got != c.want {
			t.Errorf("%v in room for %d: %d together, want %d", c.rows, c.room, got, c.want)
		}
	}
}
