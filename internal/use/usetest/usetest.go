// Package usetest writes small models of the kind that package use reads, with random weights.
package usetest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/use"
)

// Array is an array of numpy.
type Array struct {
	Type  string // "<f4", "<f8" or "|u1"
	Shape []int
	X     []float64
}

// Rows is the number of rows of each of the 17 parts of the embeddings.
const Rows = 4

// Pieces are the pieces of the tokenizer in the order of their ids. The normalizer lower-cases A to
// Z and makes a tab a space.
var Pieces = pieces()

func pieces() []string {
	all := []string{"<unk>", "<s>", "</s>", "▁"}
	for c := 'a'; c <= 'z'; c++ {
		all = append(all, string(c))
	}
	return append(all, "▁the", "▁moon", "▁sea", "ing", "月", "海", "の")
}

// Arrays returns the weights, which are equal for equal seeds.
func Arrays(seed uint64) map[string]Array {
	const dim, branch, hidden, chunks = 512, 256, 320, 17
	random := rand.New(rand.NewPCG(seed, 2))
	all := map[string]Array{"eps": {"<f8", nil, []float64{1e-12}}}
	add := func(name string, around, width float64, shape ...int) {
		x := make([]float64, size(shape))
		for i := range x {
			x[i] = float64(float32(around + width*random.NormFloat64()))
		}
		all[name] = Array{"<f4", shape, x}
	}
	add("scale", .02, .002, chunks)
	add("lo", -2, .1, chunks)
	for _, n := range []int{2, 3, 5} {
		add(fmt.Sprint("proj", n), 0, .05, dim, branch)
		add(fmt.Sprint("proj_b", n), 0, .1, branch)
		add(fmt.Sprint("ln_g", n), 1, .1, branch)
		add(fmt.Sprint("ln_b", n), 0, .1, branch)
		for layer := 1; layer <= 2; layer++ {
			add(fmt.Sprintf("w%d_%d", layer, n), 0, .04, n*branch, branch)
			add(fmt.Sprintf("b%d_%d", layer, n), 0, .1, branch)
		}
	}
	row := dim + 3*branch
	add("ln_g", 1, .1, row)
	add("ln_b", 0, .1, row)
	add("cnn_W", 0, .03, row, dim)
	add("cnn_b", 0, .1, dim)
	add("d0", 0, .05, dim, hidden)
	add("p1", 0, .05, dim, hidden)
	add("d1", 0, .05, hidden, hidden)
	add("d2", 0, .05, hidden, dim)
	add("p3", 0, .05, hidden, dim)
	add("d3", 0, .05, dim, dim)
	for i := range chunks {
		x := make([]float64, Rows*dim)
		for j := range x {
			x[j] = float64(random.IntN(256))
		}
		all[fmt.Sprint("q", i+1)] = Array{"|u1", []int{Rows, dim}, x}
	}
	return all
}

func size(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// Write writes weights.npz and sp.model to a folder.
func Write(dir string, seed uint64) error {
	weights, err := Npz(Arrays(seed))
	if err != nil {
		return err
	}
	return errors.Join(
		os.MkdirAll(dir, 0o777),
		os.WriteFile(filepath.Join(dir, "weights.npz"), weights, 0o666),
		os.WriteFile(filepath.Join(dir, "sp.model"), SentencePiece(Pieces, Charsmap()), 0o666),
	)
}

// Folder returns the folder that package use makes of the files of a seed.
func Folder(t testing.TB, seed uint64) string {
	t.Helper()
	files, dir := t.TempDir(), t.TempDir()
	if err := Write(files, seed); err != nil {
		t.Fatal(err)
	}
	if err := use.Convert(t.Context(), os.DirFS(files), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Npz packs arrays.
func Npz(arrays map[string]Array) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, a := range arrays {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if err := a.write(w); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

func (a Array) write(w io.Writer) error {
	shape := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(a.Shape)), ", "), "[]")
	if len(a.Shape) == 1 {
		shape += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", a.Type, shape)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	data := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	data = append(data, header...)
	for _, x := range a.X {
		switch a.Type {
		case "<f4":
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(x)))
		case "<f8":
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
		default:
			data = append(data, byte(x))
		}
	}
	_, err := w.Write(data)
	return err
}

// Charsmap returns a normalizer: a double array and the replacements.
func Charsmap() string {
	// One node with a child for each character that has a rule, whose key ends there.
	const base = 256
	units, texts := make([]uint32, 4*base), ""
	for i := range units {
		units[i] = 1 << 31
	}
	units[0] = base << 10
	leaf := uint32(2 * base)
	for c := range uint32(128) {
		with := ""
		switch {
		case 'A' <= c && c <= 'Z':
			with = string(rune(c + 'a' - 'A'))
		case c == '\t':
			with = " "
		default:
			continue
		}
		at := base ^ c
		units[at] = (at^leaf)<<10 | 1<<8 | c
		units[leaf] = 1<<31 | uint32(len(texts))
		texts += with + "\x00"
		leaf++
	}
	data := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		data = binary.LittleEndian.AppendUint32(data, u)
	}
	return string(data) + texts
}

// SentencePiece returns a model of SentencePiece. The first piece is unknown, the next two are control
// symbols; a longer piece has the better score.
func SentencePiece(pieces []string, charsmap string) []byte {
	var model []byte
	for id, piece := range pieces {
		kind := byte(1)
		if id < 3 {
			kind = [...]byte{2, 3, 3}[id]
		}
		message := field(nil, 1, piece)
		message = append(message, 2<<3|5)
		message = binary.LittleEndian.AppendUint32(message, math.Float32bits(-10+float32(len(piece))-float32(id)/100))
		model = field(model, 1, string(append(message, 3<<3, kind)))
	}
	return field(model, 3, string(field(nil, 2, charsmap)))
}

// field appends a field of bytes to a message of Protocol Buffers.
func field(message []byte, number int, value string) []byte {
	message = append(message, byte(number<<3|2))
	return append(binary.AppendUvarint(message, uint64(len(value))), value...)
}
