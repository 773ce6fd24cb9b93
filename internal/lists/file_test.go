package lists

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/column"
)

func someFile() *File {
	const dim, n = 5, 3
	return &File{
		Origin:    Origin{Store: [16]byte{1, 2}, Index: 7, Codes: 4, Dim: dim},
		Lists:     Lists{Centroids: normal(1, n*dim), Ends: []int64{4, 4, 90}},
		Documents: 88, Kind: Sentences, Questions: normal(2, 11*dim), Promise: 0.99,
		Curves: Measure([]Question{{Needs: []int32{1, 2}, Reads: []int32{1, 2}}, {Needs: []int32{1}, Reads: []int32{1, 2}}}, n),
	}
}

func written(t *testing.T, f *File) (path string, raw []byte) {
	t.Helper()
	raw, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "lists")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, raw
}

// Read returns what Append wrote, the questions where they are wanted.
func TestFile(t *testing.T) {
	t.Parallel()
	want := someFile()
	path, _ := written(t, want)
	got, err := Read(path, want.Origin, true)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Point{})); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	want.Questions = nil
	got, err = Read(path, Origin{Store: want.Store, Dim: want.Dim}, false)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Point{})); err != nil || diff != "" {
		t.Errorf("without questions: %v: %s", err, diff)
	}
}

// A file that changed anywhere is refused, and never crashes who reads it.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	f := someFile()
	path, raw := written(t, f)
	refused := func(what any) {
		t.Helper()
		var damage *column.DamageError
		if _, err := Read(path, f.Origin, true); !errors.As(err, &damage) {
			t.Errorf("%v: %v", what, err)
		}
	}
	for at := range raw {
		raw[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		raw[at] ^= 1 << (at % 8)
		refused(at)
	}
	for size := range int64(len(raw)) {
		if err := os.Truncate(path, int64(len(raw))-1-size); err != nil {
			t.Fatal(err)
		}
		refused(size)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refused("missing")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("a folder")
}

// Lists that do not follow one another would name blocks that are not there.
func TestReadRefusesEnds(t *testing.T) {
	t.Parallel()
	for _, ends := range [][]int64{{-1, 4, 90}, {4, 3, 90}} {
		f := someFile()
		f.Ends = ends
		path, _ := written(t, f)
		if _, err := Read(path, f.Origin, false); err == nil {
			t.Errorf("ends %v are taken", ends)
		}
	}
	for _, looked := range []int32{-1, 4, math.MaxInt32} {
		f := someFile()
		f.Curves[1][0].Lists = looked
		path, _ := written(t, f)
		if _, err := Read(path, f.Origin, false); err == nil {
			t.Errorf("a curve about %d lists of %d is taken", looked, len(f.Ends))
		}
	}
	f := someFile()
	path, _ := written(t, f)
	for _, o := range []Origin{{Store: [16]byte{9}, Dim: f.Dim}, {Store: f.Store, Dim: 6}} {
		if _, err := Read(path, o, false); err == nil {
			t.Errorf("%v is taken", o)
		}
	}
}
