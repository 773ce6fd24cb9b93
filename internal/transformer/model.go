//go:build cgo

package transformer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"

	"sheaf/internal/kernel"
)

const weightsFile = "model.safetensors"

// ErrClosed is the error of a [Model] after Close.
var ErrClosed = errors.New("the model is closed")

// Model is an encoder with its pooling. It is safe for concurrent use; Close waits for running
// computations.
type Model struct {
	mu     sync.RWMutex
	file   *mapping // nil once closed
	level  kernel.Level
	folder *folder

	words, positions, types []float32 // embeddings, rows of dim numbers
	norm                    norm
	layers                  []layer
	fingerprint             func() string
}

// layer holds the weights of one layer of the encoder.
type layer struct {
	query, key, value, output linear
	attended                  norm
	up, down                  linear
	norm                      norm
}

// Open reads the model in the folder dir. level names the instruction set to compute with, as
// [kernel.Named] reads it.
func Open(dir, level string) (*Model, error) {
	f, err := readFolder(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	encoder := filepath.Join(dir, filepath.FromSlash(f.encoder))
	file, err := openMapping(filepath.Join(encoder, weightsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingWeights(encoder)
	}
	if err != nil {
		return nil, err
	}
	m := &Model{file: file, level: kernel.Named(level), folder: f}
	if err := m.bind(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", weightsFile, err), file.close())
	}
	return m, nil
}

// missingWeights returns the error of a folder without weights, which says what it has instead.
func missingWeights(dir string) error {
	for _, other := range []struct{ file, problem string }{
		{"model.safetensors.index.json", "weights in several files are not supported"},
		{"pytorch_model.bin", "the weights are a pickle (pytorch_model.bin), which could run code; convert them to " + weightsFile},
		{"tf_model.h5", "weights of TensorFlow are not supported; convert them to " + weightsFile},
	} {
		if _, err := os.Stat(filepath.Join(dir, other.file)); err == nil {
			return fmt.Errorf("%q: %s", dir, other.problem)
		}
	}
	return fmt.Errorf("%q has no %s", dir, weightsFile)
}

// Close unmaps the file. A second call does nothing.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	err := m.file.close()
	m.file = nil
	return err
}

// Settings returns what the configuration files say.
func (m *Model) Settings() Settings { return m.folder.Settings }

// Fingerprint returns a hash of the sizes, the pooling, and of each tensor its name and some
// numbers spread over it. Models with equal fingerprints give equal vectors for equal tokens:
// further training changes numbers everywhere.
func (m *Model) Fingerprint() string { return m.fingerprint() }

// bind sets every weight of the encoder.
func (m *Model) bind() error {
	if isPointer(m.file.data) {
		return errors.New("this is a Git LFS pointer, not the file that it stands for")
	}
	t, err := parseTensors(m.file.data)
	if err != nil {
		return err
	}
	b := newBinder(t)
	s := m.folder.shape
	m.words = b.floats("embeddings.word_embeddings.weight", s.vocabulary, s.dim)
	m.positions = b.floats("embeddings.position_embeddings.weight", s.positions, s.dim)
	m.types = b.floats("embeddings.token_type_embeddings.weight", s.types, s.dim)
	m.norm = b.norm("embeddings.LayerNorm", s)
	embeddings := len(b.seen)
	// Stops at the first missing one: no shape of a tensor bounds the number of layers.
	for i := 0; i < s.layers && b.err == nil; i++ {
		m.layers = append(m.layers, b.layer(fmt.Sprintf("encoder.layer.%d", i), s))
	}
	if b.err != nil {
		return b.err
	}
	// Every layer is used, but only some rows of the embeddings.
	m.file.load(span(b.seen[embeddings:]))
	m.fingerprint = sync.OnceValue(func() string { return fingerprint(b.seen, m.folder) })
	return nil
}

// span returns the part of the file that holds tensors.
func span(tensors []tensor) (begin, end uint64) {
	begin = math.MaxUint64
	for _, t := range tensors {
		begin, end = min(begin, t.begin), max(end, t.end)
	}
	return begin, end
}

// binder looks up tensors. After the first error it does nothing.
type binder struct {
	tensors *tensors
	prefix  string // of every name in the file
	seen    []tensor
	err     error
}

// newBinder accepts files in which the encoder is a part of a larger model too.
func newBinder(t *tensors) *binder {
	b := &binder{tensors: t}
	if !t.has("embeddings.word_embeddings.weight") && t.has("bert.embeddings.word_embeddings.weight") {
		b.prefix = "bert."
	}
	return b
}

func (b *binder) floats(name string, shape ...int) []float32 {
	if b.err != nil {
		return nil
	}
	var t tensor
	if t, b.err = b.tensors.tensor(b.prefix+name, shape...); b.err != nil {
		return nil
	}
	t.name = name
	b.seen = append(b.seen, t)
	return t.x
}

func (b *binder) linear(name string, out, in int) linear {
	return linear{
		weight: b.floats(name+".weight", out, in), bias: b.floats(name+".bias", out),
		in: in, out: out,
	}
}

// norm looks up a layer norm, whose weights old checkpoints call gamma and beta.
func (b *binder) norm(name string, s shape) norm {
	gamma, beta := name+".weight", name+".bias"
	if !b.tensors.has(b.prefix+gamma) && b.tensors.has(b.prefix+name+".gamma") {
		gamma, beta = name+".gamma", name+".beta"
	}
	return norm{gamma: b.floats(gamma, s.dim), beta: b.floats(beta, s.dim), epsilon: s.epsilon}
}

func (b *binder) layer(name string, s shape) layer {
	return layer{
		query:    b.linear(name+".attention.self.query", s.dim, s.dim),
		key:      b.linear(name+".attention.self.key", s.dim, s.dim),
		value:    b.linear(name+".attention.self.value", s.dim, s.dim),
		output:   b.linear(name+".attention.output.dense", s.dim, s.dim),
		attended: b.norm(name+".attention.output.LayerNorm", s),
		up:       b.linear(name+".intermediate.dense", s.inner, s.dim),
		down:     b.linear(name+".output.dense", s.dim, s.inner),
		norm:     b.norm(name+".output.LayerNorm", s),
	}
}
