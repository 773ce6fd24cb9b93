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
	close  func() error // nil once closed
	level  kernel.Level
	folder *folder

	words, positions matrix // embeddings
	types            []float32
	norm             norm
	layers           []layer
	head             head         // of a cross-encoder
	codes            codeSet      // of layers in int8
	seen             []tensor     // what the fingerprint covers
	ready            func() error // returns when seen and layers are complete
}

// matrix has rows of dim numbers.
type matrix interface {
	// rows returns n rows from the given one on, perhaps in the memory of buf, which it may grow.
	rows(first, n int, buf *[]byte) ([]float32, error)
}

// layer holds the weights of one layer of the encoder.
type layer struct {
	project, output linear // project gives query, key and value
	attended        norm
	up, down        linear
	norm            norm
}

// Open reads the model in the folder dir. level names the instruction set to compute with, as
// [kernel.Named] reads it.
func Open(dir, level string) (*Model, error) {
	return open(dir, kernel.Named(level), readFolder, (*Model).bind)
}

func open(dir string, level kernel.Level, read func(fs.FS) (*folder, error), bind func(*Model, string) error) (*Model, error) {
	f, err := read(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	encoder := filepath.Join(dir, filepath.FromSlash(f.encoder))
	m := &Model{level: level, folder: f}
	err = bind(m, filepath.Join(encoder, weightsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingWeights(encoder)
	}
	if err != nil {
		return nil, err
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

// Close frees what the model holds. A second call does nothing.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.close == nil {
		return nil
	}
	err := m.close()
	m.close = nil
	return err
}

// Settings returns what the configuration files say.
func (m *Model) Settings() Settings { return m.folder.Settings }

// Fingerprint returns a hash of the sizes, the pooling, and of each tensor its name and some
// numbers spread over it, and whether it computes in int8. Models with equal fingerprints give
// equal vectors for equal tokens: further training changes numbers everywhere.
func (m *Model) Fingerprint() (string, error) {
	if err := m.ready(); err != nil {
		return "", err
	}
	return fingerprint(m.seen, m.folder), nil
}

// bind maps the file and sets every weight.
func (m *Model) bind(path string) error {
	file, err := openMapping(path)
	if err != nil {
		return err
	}
	if err := m.bindMapped(file); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", weightsFile, err), file.close())
	}
	m.close = file.close
	return nil
}

func (m *Model) bindMapped(file *mapping) error {
	t, err := readTensors(memory(file.data))
	if err != nil {
		return err
	}
	b := newBinder(t)
	s := m.folder.shape
	m.words = inMemory{b.floats(wordsName, s.vocabulary, s.dim), s.dim}
	m.positions = inMemory{b.floats(positionsName, s.positions, s.dim), s.dim}
	m.bindEmbeddings(b)
	embeddings := len(b.seen)
	// Stops at the first missing one: no shape of a tensor bounds the number of layers.
	for i := 0; i < s.layers && b.err == nil; i++ {
		m.layers = append(m.layers, b.layer(i, s, b.dense))
	}
	m.bindHead(b)
	if b.err != nil {
		return b.err
	}
	// Every layer is used, but only some rows of the embeddings.
	file.load(span(b.seen[embeddings:]))
	m.seen, m.ready = b.seen, func() error { return nil }
	return nil
}

const (
	wordsName     = "embeddings.word_embeddings.weight"
	positionsName = "embeddings.position_embeddings.weight"
)

// bindEmbeddings sets what follows the embeddings of words and positions.
func (m *Model) bindEmbeddings(b *binder) {
	s := m.folder.shape
	m.types = b.floats("embeddings.token_type_embeddings.weight", s.types, s.dim)
	m.norm = b.norm("embeddings.LayerNorm", s)
}

// inMemory is a matrix in memory, with rows of dim numbers.
type inMemory struct {
	x   []float32
	dim int
}

func (m inMemory) rows(first, n int, _ *[]byte) ([]float32, error) {
	return m.x[first*m.dim:][:n*m.dim], nil
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
	probed  []tensor // some numbers of layers in int8
	err     error
}

// newBinder accepts files in which the encoder is a part of a larger model too.
func newBinder(t *tensors) *binder {
	b := &binder{tensors: t}
	for _, prefix := range []string{"bert.", "roberta."} {
		if !t.has(wordsName) && t.has(prefix+wordsName) {
			b.prefix = prefix
		}
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

// dense looks up the layers with these names, which have the same input.
func (b *binder) dense(in, out int, names ...string) linear {
	var d dense
	for _, name := range names {
		d = append(d, weights{weight: b.floats(name+".weight", out, in), bias: b.floats(name+".bias", out), in: in, out: out})
	}
	return d
}

// norm looks up a layer norm, whose weights old checkpoints call gamma and beta.
func (b *binder) norm(name string, s shape) norm {
	gamma, beta := name+".weight", name+".bias"
	if !b.tensors.has(b.prefix+gamma) && b.tensors.has(b.prefix+name+".gamma") {
		gamma, beta = name+".gamma", name+".beta"
	}
	return norm{gamma: b.floats(gamma, s.dim), beta: b.floats(beta, s.dim), epsilon: s.epsilon}
}

// layer looks up a layer of the encoder, whose linear layers the given function looks up.
func (b *binder) layer(i int, s shape, linear func(in, out int, names ...string) linear) layer {
	name := fmt.Sprintf("encoder.layer.%d.", i)
	self := name + "attention.self."
	return layer{
		project:  linear(s.dim, s.dim, self+"query", self+"key", self+"value"),
		output:   linear(s.dim, s.dim, name+"attention.output.dense"),
		attended: b.norm(name+"attention.output.LayerNorm", s),
		up:       linear(s.dim, s.inner, name+"intermediate.dense"),
		down:     linear(s.inner, s.dim, name+"output.dense"),
		norm:     b.norm(name+"output.LayerNorm", s),
	}
}
