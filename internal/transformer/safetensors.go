package transformer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"
)

// errTensors is wrapped by every error about the bytes of a safetensors file.
var errTensors = errors.New("not a safetensors file, or a damaged one")

const (
	lengthBytes = 8
	maxHeader   = 16 << 20 // a large BERT's is 60 kB
)

// source is the content of a file.
type source interface {
	size() uint64
	// read returns a part, within size, perhaps in the memory of buf, which it may grow.
	read(begin, end uint64, buf *[]byte) ([]byte, error)
}

// memory is a source that is in memory already.
type memory []byte

func (m memory) size() uint64 { return uint64(len(m)) }

func (m memory) read(begin, end uint64, _ *[]byte) ([]byte, error) { return m[begin:end], nil }

// onDisk is a source that is read piece by piece.
type onDisk struct {
	file  *os.File
	bytes uint64
}

func (d onDisk) size() uint64 { return d.bytes }

func (d onDisk) read(begin, end uint64, buf *[]byte) ([]byte, error) {
	data := grow(buf, int(end-begin))
	_, err := d.file.ReadAt(data, int64(begin))
	return data, err
}

// tensors is a safetensors file: 8 bytes with the length of the header; the header, a JSON
// object of names with their types, shapes and offsets; and the numbers. See
// https://huggingface.co/docs/safetensors.
type tensors struct {
	entries map[string]json.RawMessage
	source  source
	header  uint64 // bytes before the numbers
}

// entry describes a tensor in the header.
type entry struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// readTensors reads the header.
func readTensors(file source) (*tensors, error) {
	const pointer = "version https://git-lfs.github.com/spec/" // what a clone without LFS has instead of the file
	head, err := file.read(0, min(file.size(), uint64(len(pointer))), new([]byte))
	switch {
	case err != nil:
		return nil, err
	case string(head) == pointer:
		return nil, errors.New("this is a Git LFS pointer, not the file that it stands for")
	case len(head) < lengthBytes:
		return nil, fmt.Errorf("%d bytes: %w", len(head), errTensors)
	}
	length := binary.LittleEndian.Uint64(head)
	if length > maxHeader || length > file.size()-lengthBytes {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: %w", length, file.size(), errTensors)
	}
	t := &tensors{source: file, header: lengthBytes + length}
	header, err := file.read(lengthBytes, t.header, new([]byte))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(header, &t.entries); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, errTensors)
	}
	return t, nil
}

func (t *tensors) has(name string) bool { return t.entries[name] != nil }

func (t *tensors) entry(name string) (e entry, err error) {
	raw, found := t.entries[name]
	if !found {
		return entry{}, fmt.Errorf("there is no tensor %q", name)
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return entry{}, fmt.Errorf("tensor %q: %w: %w", name, err, errTensors)
	}
	return e, nil
}

// place is where the numbers of a tensor lie in the file.
type place struct {
	begin, end uint64
	dtype      string
	cols       int // numbers of a row; of a tensor with one dimension all of them
}

// place returns where a tensor is, which must have the given shape.
func (t *tensors) place(name string, shape ...int) (place, error) {
	e, err := t.entry(name)
	if err != nil {
		return place{}, err
	}
	numbers := uint64(1)
	for i, n := range shape {
		if len(e.Shape) != len(shape) || e.Shape[i] != n {
			return place{}, fmt.Errorf("tensor %q has the shape %v, but config.json says %v", name, e.Shape, shape)
		}
		numbers *= uint64(n) // within maxSize squared
	}
	size, supported := sizes[e.DType]
	begin, end := e.Offsets[0], e.Offsets[1]
	switch {
	case !supported:
		return place{}, fmt.Errorf("tensor %q: numbers of type %q are not supported, only F32, F16 and BF16", name, e.DType)
	case begin > end || end > t.source.size()-t.header:
		return place{}, fmt.Errorf("tensor %q lies at %v of %d bytes: %w", name, e.Offsets, t.source.size()-t.header, errTensors)
	case end-begin != numbers*uint64(size):
		return place{}, fmt.Errorf("tensor %q: %d bytes for %d numbers of type %s: %w", name, end-begin, numbers, e.DType, errTensors)
	}
	return place{t.header + begin, t.header + end, e.DType, shape[len(shape)-1]}, nil
}

// bytes returns a tensor of bytes, of any shape.
func (t *tensors) bytes(name string) ([]byte, error) {
	e, err := t.entry(name)
	if err != nil {
		return nil, err
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if e.DType != "U8" || begin > end || end > t.source.size()-t.header {
		return nil, fmt.Errorf("tensor %q of type %q lies at %v of %d bytes: %w", name, e.DType, e.Offsets, t.source.size()-t.header, errTensors)
	}
	return t.source.read(t.header+begin, t.header+end, new([]byte))
}

// rows returns the place of n rows, from the given one on.
func (p place) rows(first, n int) place {
	row := uint64(p.cols * sizes[p.dtype])
	p.begin += uint64(first) * row
	p.end = p.begin + uint64(n)*row
	return p
}

// sizes are the bytes of a number of each type that is supported.
var sizes = map[string]int{"F32": 4, "F16": 2, "BF16": 2}

// tensor holds the numbers of a tensor and their place in the file.
type tensor struct {
	name string
	x    []float32
	place
}

// tensor returns a tensor, which must have the given shape. Its numbers are those of the
// source if they are float32 and aligned, else converted copies.
func (t *tensors) tensor(name string, shape ...int) (tensor, error) {
	p, err := t.place(name, shape...)
	if err != nil {
		return tensor{}, err
	}
	x, err := t.numbers(p, new([]byte))
	return tensor{name, x, p}, err
}

// numbers returns the numbers at a place, perhaps in the memory of buf, which it may grow.
func (t *tensors) numbers(p place, buf *[]byte) ([]float32, error) {
	data, err := t.source.read(p.begin, p.end, buf)
	if err != nil {
		return nil, fmt.Errorf("reading weights: %w", err)
	}
	return decode(p.dtype, data), nil
}

// decode returns numbers of the given type.
func decode(dtype string, data []byte) []float32 {
	n := len(data) / sizes[dtype]
	if n == 0 {
		return nil
	}
	const align = unsafe.Alignof(float32(0))
	if dtype == "F32" && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%align == 0 {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), n)
	}
	x := make([]float32, n)
	for i := range x {
		switch dtype {
		case "F32":
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		case "F16":
			x[i] = fromHalf(binary.LittleEndian.Uint16(data[2*i:]))
		case "BF16":
			x[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	}
	return x
}

// fromHalf returns the value of an IEEE 754 binary16.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0: // subnormal: fraction times 2^-24
		x := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(x) | sign)
	case 0x1f: // infinite or not a number
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// grow returns the first n elements of *x, which it replaces by a larger slice if needed.
func grow[T any](x *[]T, n int) []T {
	if cap(*x) < n {
		*x = make([]T, n)
	}
	return (*x)[:n]
}
