package use_test

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"sheaf/internal/use"
	"sheaf/internal/use/usetest"
)

// base are the weights, which no test may change.
var base = sync.OnceValue(func() map[string]usetest.Array { return usetest.Arrays(1) })

// files are those of a model, after a change of its arrays and its pieces.
func files(t testing.TB, change func(map[string]usetest.Array), pieces []byte) fstest.MapFS {
	t.Helper()
	arrays := maps.Clone(base())
	change(arrays)
	weights, err := usetest.Npz(arrays)
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{use.WeightsFile: {Data: weights}, use.PiecesFile: {Data: pieces}}
}

func nothing(map[string]usetest.Array) {}

func goodPieces() []byte { return usetest.SentencePiece(usetest.Pieces, usetest.Charsmap()) }

// What is not the model is refused, and nothing is left of it but a part of the folder.
func TestConvertRefuses(t *testing.T) {
	t.Parallel()
	set := func(name string, edit func(*usetest.Array)) func(map[string]usetest.Array) {
		return func(all map[string]usetest.Array) {
			a := all[name]
			edit(&a)
			all[name] = a
		}
	}
	message := func(data string) fstest.MapFS { return files(t, nothing, []byte(data)) }
	long := usetest.SentencePiece(append([]string{"", "", "", "a"}, usetest.Pieces...), usetest.Charsmap())
	for _, test := range []struct {
		name, want string
		from       fstest.MapFS
	}{
		{"no files", "weights.npz: open weights.npz: file does not exist", fstest.MapFS{}},
		{"no archive", "weights.npz: zip: not a valid zip file", fstest.MapFS{use.WeightsFile: {Data: []byte("x")}}},
		{"no pieces", "sp.model: open sp.model: file does not exist", fstest.MapFS{use.WeightsFile: files(t, nothing, nil)[use.WeightsFile]}},
		{"an array missing", `there is no array "w2_5"`, files(t, func(all map[string]usetest.Array) { delete(all, "w2_5") }, goodPieces())},
		{"epsilon missing", `there is no array "eps"`, files(t, func(all map[string]usetest.Array) { delete(all, "eps") }, goodPieces())},
		{"epsilon", "eps is 2", files(t, set("eps", func(a *usetest.Array) { a.X = []float64{2} }), goodPieces())},
		{"two epsilons", `array "eps" is no number`, files(t, set("eps", func(a *usetest.Array) { a.Shape, a.X = []int{2}, []float64{0, 0} }), goodPieces())},
		{"another shape", `array "d0" has the shape [320 512], not [512 320]`, files(t, set("d0", func(a *usetest.Array) { a.Shape = []int{320, 512} }), goodPieces())},
		{"another type", "is no header of <f4 in rows", files(t, set("cnn_b", func(a *usetest.Array) { a.Type = "<f8" }), goodPieces())},
		{"numbers missing", `array "cnn_b": unexpected EOF`, files(t, set("cnn_b", func(a *usetest.Array) { a.X = a.X[1:] }), goodPieces())},
		{"a huge shape", "the shape (512, 1073741824)", files(t, set("cnn_b", func(a *usetest.Array) { a.Shape = []int{512, 1 << 30} }), goodPieces())},
		{"not finite", `array "lo" has a number that is not finite`, files(t, set("lo", func(a *usetest.Array) { a.X = append([]float64{math.Inf(1)}, a.X[1:]...) }), goodPieces())},
		{"rows of another length", `array "q3" has the shape [4 256], not rows of 512`, files(t, set("q3", func(a *usetest.Array) { a.Shape = []int{4, 256} }), goodPieces())},
		{"embeddings cut short", `array "q17": unexpected EOF`, files(t, set("q17", func(a *usetest.Array) { a.X = a.X[1:] }), goodPieces())},
		{"no message", "sp.model: not a message of Protocol Buffers", message("\xff")},
		{"a length beyond the end", "not a message of Protocol Buffers", message("\x0a\x05a")},
		{"an unknown kind of field", "not a message of Protocol Buffers", message("\x0b\x05a")},
		{"a number cut short", "not a message of Protocol Buffers", message("\x09abc")},
		{"no charsmap", "0 pieces with a charsmap of 0 bytes", message("")},
		{"a piece twice", `sp.model: piece "a" repeats`, files(t, nothing, long)},
		{"a score that is none", "piece 0 has no score", message("\x0a\x05\x15\x00\x00\xc0\x7f")},
	} {
		err := use.Convert(t.Context(), test.from, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if err := use.Convert(ctx, files(t, nothing, goodPieces()), t.TempDir()); !errors.Is(err, stop) {
		t.Errorf("interrupted: %v", err)
	}
	if err := use.Convert(t.Context(), files(t, nothing, goodPieces()), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

// Fields of other numbers and types are skipped, and the numbers in the file lie aligned.
func TestConvert(t *testing.T) {
	t.Parallel()
	more := append([]byte("\x78\x01\x79abcdefgh\x7a\x01x\x7dabcd"), goodPieces()...)
	var written [2]string
	for i, pieces := range [][]byte{goodPieces(), more} {
		dir := t.TempDir()
		if err := use.Convert(t.Context(), files(t, nothing, pieces), dir); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if begin := 8 + binary.LittleEndian.Uint64(data); begin%64 != 0 {
			t.Errorf("the numbers begin at %d", begin)
		}
		written[i] = string(data)
	}
	if written[0] != written[1] {
		t.Error("fields that are not known change the model")
	}
}

// FuzzPieces and FuzzArray convert files of a stranger's making, which ends with an error or a model.
func FuzzPieces(f *testing.F) {
	f.Add(goodPieces())
	f.Add(usetest.SentencePiece([]string{"", "", "", "a\xff"}, "\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = use.ReadPieces(data) })
}

func FuzzArray(f *testing.F) {
	small := map[string]usetest.Array{"eps": {Type: "<f8", X: []float64{1}}, "lo": {Type: "<f4", Shape: []int{2}, X: []float64{1, 2}}}
	data, err := usetest.Npz(small)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := use.ReadFloats(data, "lo", 2); err == nil && n != 2 {
			t.Errorf("%d numbers", n)
		}
	})
}
