//go:build cgo

package transformer

// #include "kernel.h"
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/cpu"

	"sheaf/internal/crash"
	"sheaf/internal/kernel"
)

// OpenInt8 is [Open] for a model whose linear layers are computed with integers of 8 bits: codes
// of the weights of each output, and of the numbers of each token, in units of 1/127 of the
// largest magnitude among them. All else is computed in float32. The codes of the weights, a
// quarter of their size in float32, are those that [SaveInt8] left there, or else made here and
// held in memory. The file of the weights is read, not mapped: its embeddings whenever a token
// needs one.
func OpenInt8(dir, level string) (*Model, error) {
	return open(dir, int8Level(kernel.Named(level)), readFolder, (*Model).bindInt8)
}

// int8Level returns the instruction set that has products of bytes besides those of the given
// one, where the processor has it.
func int8Level(l kernel.Level) kernel.Level {
	switch {
	case l == kernel.AVX512 && cpu.X86.HasAVX512VNNI:
		return C.BERT_VNNI
	case cpu.ARM64.HasASIMDDP:
		return C.BERT_DOT
	}
	return l
}

// bindInt8 opens the file and sets every weight.
func (m *Model) bindInt8(path string) error {
	if s := m.folder.shape; max(s.dim, s.inner) > C.BERT_MAX_SUM {
		return fmt.Errorf("config.json: a layer with %d inputs %w, only one with at most %d", max(s.dim, s.inner), ErrNoInt8, C.BERT_MAX_SUM)
	}
	file, size, err := openRegular(path)
	if err != nil {
		return err
	}
	codes, err := m.bindFile(onDisk{file, uint64(size)}, filepath.Join(filepath.Dir(path), codesFile))
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", weightsFile, err), file.Close())
	}
	m.close = func() error {
		_ = m.ready() // was said by whoever needed it
		return errors.Join(codes.close(), file.Close())
	}
	return nil
}

// bindFile returns the memory of the codes, which are ready when m.ready returns. They may be
// saved in a file.
func (m *Model) bindFile(file onDisk, saved string) (*mapping, error) {
	t, err := readTensors(file)
	if err != nil {
		return nil, err
	}
	b := newBinder(t)
	s := m.folder.shape
	m.words = onDemand{t, b.sampled(wordsName, s.vocabulary, s.dim), make([]atomic.Pointer[row], recentRows)}
	m.positions = onDemand{t, b.sampled(positionsName, s.positions, s.dim), nil}
	m.bindEmbeddings(b)
	linear := func(in, out int, names ...string) linear {
		c := b.coded(in, out, names)
		m.codes.layers = append(m.codes.layers, c)
		return c
	}
	// Stops at the first missing one, before there is memory for any.
	for i := 0; i < s.layers && b.err == nil; i++ {
		m.layers = append(m.layers, b.layer(i, s, linear))
	}
	m.bindHead(b)
	if b.err != nil {
		return nil, b.err
	}
	m.codes.title = codesTitle(fingerprint(slices.Concat(b.seen, b.probed), m.folder))
	codes, wait := m.codes.read(saved), m.codes.settle
	if codes == nil {
		var err error
		if codes, wait, err = code(m.level, t, m.codes.layers); err != nil {
			return nil, err
		}
	}
	m.seen, m.ready = b.seen, sync.OnceValue(func() error {
		if err := wait(); err != nil {
			return fmt.Errorf("%s: %w", weightsFile, err)
		}
		return nil
	})
	return codes, nil
}

// onDemand is a matrix whose rows are read when they are needed. Of single rows the last ones are kept,
// each in the place that its number has among them.
type onDemand struct {
	tensors *tensors
	place   place
	recent  []atomic.Pointer[row]
}

// recentRows is how many rows are kept: four of five tokens of a text have theirs among them.
const recentRows = 2048

type row struct {
	number int
	x      []float32
}

func (m onDemand) rows(first, n int, buf *[]byte) ([]float32, error) {
	if n != 1 || len(m.recent) == 0 {
		return m.tensors.numbers(m.place.rows(first, n), buf)
	}
	recent := &m.recent[first%len(m.recent)]
	if r := recent.Load(); r != nil && r.number == first {
		return r.x, nil
	}
	x, err := m.tensors.numbers(m.place.rows(first, 1), buf)
	if err != nil {
		return nil, err
	}
	r := &row{first, slices.Clone(x)}
	recent.Store(r)
	return r.x, nil
}

// sampled looks up a tensor of which only the numbers for the fingerprint are read.
func (b *binder) sampled(name string, rows, cols int) place {
	p := b.place(name, rows, cols)
	b.seen = append(b.seen, b.some(name, p, rows*cols, samples))
	return p
}

// some reads n numbers, spread over a tensor that has so many, or all of them.
func (b *binder) some(name string, p place, numbers, n int) tensor {
	p.cols = 1
	t := tensor{name: name}
	for i := 0; i < min(n, numbers) && b.err == nil; i++ {
		var x []float32
		x, b.err = b.tensors.numbers(p.rows(i*numbers/n, 1), new([]byte))
		t.x = append(t.x, x...)
	}
	return t
}

func (b *binder) place(name string, shape ...int) (p place) {
	if b.err == nil {
		p, b.err = b.tensors.place(b.prefix+name, shape...)
	}
	return p
}

// coded are linear layers in int8 with the same input, side by side as one.
type coded struct {
	in, out int
	each    int       // outputs of one layer
	parts   []part    // where the weights of each are
	bias    []float32 // of each output
	units   []float32 // of the weights of each output
	panels  []byte
}

type part struct {
	name  string
	place place
}

// coded looks up the layers with these names. Their weights are not read yet.
func (b *binder) coded(in, out int, names []string) *coded {
	c := &coded{in: in, out: out * len(names), each: out}
	for _, name := range names {
		p := part{name + ".weight", b.place(name+".weight", out, in)}
		c.parts = append(c.parts, p)
		b.probed = append(b.probed, b.some(p.name, p.place, in*out, probes))
		c.bias = append(c.bias, b.floats(name+".bias", out)...)
	}
	if b.err != nil {
		return c // no file bounds the number of units
	}
	c.units = make([]float32, c.out)
	b.seen = append(b.seen, tensor{name: names[0] + ".weight in int8", x: c.units})
	return c
}

// panelRows is how many outputs of a layer lie together.
const panelRows = C.BERT_PANEL

// size returns the bytes of all panels.
func (c *coded) size() int { return (c.out + panelRows - 1) / panelRows * c.panelSize() }

func (c *coded) panelSize() int { return int(C.bert_panel_size(C.size_t(c.in))) }

// code begins to make the codes of all layers, as many at a time as there are processors, in new
// memory. wait returns when they are made.
func code(l kernel.Level, t *tensors, all []*coded) (codes *mapping, wait func() error, err error) {
	size, widest, workers := 0, 0, runtime.GOMAXPROCS(0)
	for _, c := range all {
		size, widest = size+c.size(), max(widest, c.in)
	}
	if codes, err = newMapping(size); err != nil {
		return nil, nil, err
	}
	readSize := max(readFloats, panelRows*widest) * int(unsafe.Sizeof(float32(0)))
	buffers, err := newMapping(workers * readSize)
	if err != nil {
		return nil, nil, errors.Join(err, codes.close())
	}
	lay(all, codes.data)
	var group errgroup.Group
	var next atomic.Int64
	for i := range workers {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			k := coder{read: buffers.data[i*readSize:][:0:readSize]}
			for i := next.Add(1) - 1; i < int64(len(all)) && err == nil; i = next.Add(1) - 1 {
				err = k.code(l, t, all[i])
			}
			return err
		})
	}
	return codes, sync.OnceValue(func() error { return errors.Join(group.Wait(), buffers.close()) }), nil
}

// lay gives each layer its panels, one after another.
func lay(all []*coded, panels []byte) {
	for _, c := range all {
		c.panels, panels = panels[:c.size()], panels[c.size():]
	}
}

// coder makes codes of weights.
type coder struct {
	read   []byte
	joined []float32
}

// readFloats is how many weights are read at once, about: many for few calls of the system, few for
// the processor's caches.
const readFloats = 96 << 10

// code reads the weights of layers and fills the panels.
func (k *coder) code(l kernel.Level, t *tensors, c *coded) error {
	for first, n := 0, 0; first < c.out; first += n {
		n = min(max(min(readFloats/c.in, c.each-first%c.each)/panelRows, 1)*panelRows, c.out-first)
		weights, err := k.weights(t, c, first, n)
		if err != nil {
			return err
		}
		for row := first; row < first+n; row += panelRows {
			c.pack(l, weights[(row-first)*c.in:], row)
		}
	}
	return c.settle()
}

// pack fills the panel that begins with the given output.
func (c *coded) pack(l kernel.Level, weights []float32, first int) {
	n := min(panelRows, c.out-first)
	C.bert_pack8(C.int(l), floats(weights[:n*c.in]), C.size_t(n), C.size_t(c.in), floats(c.bias[first:first+n]), c.panel(first))
}

// panel is the one that begins with the given output.
func (c *coded) panel(first int) unsafe.Pointer {
	size := c.panelSize()
	return unsafe.Pointer(unsafe.SliceData(c.panels[first/panelRows*size:][:size]))
}

// settle sets the units to those of the panels.
func (c *coded) settle() error {
	for first := 0; first < c.out; first += panelRows {
		copy(c.units[first:], unsafe.Slice((*float32)(C.bert_units(c.panel(first))), panelRows))
	}
	if i := slices.IndexFunc(c.units, func(u float32) bool { return u != u }); i >= 0 {
		return fmt.Errorf("tensor %q: row %d has a number that is not finite, so it %w", c.parts[i/c.each].name, i%c.each, ErrNoInt8)
	}
	return nil
}

// weights returns n rows from the given one on, which may be of two layers.
func (k *coder) weights(t *tensors, c *coded, first, n int) ([]float32, error) {
	k.joined = k.joined[:0]
	for n > 0 {
		row := first % c.each
		rows := min(n, c.each-row)
		x, err := t.numbers(c.parts[first/c.each].place.rows(row, rows), &k.read)
		if err != nil || rows == n && len(k.joined) == 0 {
			return x, err
		}
		k.joined = append(k.joined, x...)
		first, n = first+rows, n-rows
	}
	return k.joined, nil
}

func (c *coded) apply(l kernel.Level, f activation, x, out rows, scratch []float32) {
	C.bert_linear8(C.int(l), C.int(f), x.first(c.in), C.size_t(x.stride), C.size_t(x.m), C.size_t(c.in),
		unsafe.Pointer(unsafe.SliceData(c.panels)), C.size_t(c.out), out.first(c.out), C.size_t(out.stride), unsafe.Pointer(unsafe.SliceData(scratch)))
}

// codesSize returns the floats of scratch memory that coded.apply needs for so many tokens and
// inputs.
func codesSize(in, tokens int) int {
	return int(C.bert_scratch8(C.size_t(tokens), C.size_t(in))) / 4
}
