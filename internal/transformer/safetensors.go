package transformer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// errTensors is wrapped by every error about the bytes of a safetensors file.
var errTensors = errors.New("not a safetensors file, or a damaged one")

const (
	lengthBytes = 8
	maxHeader   = 16 << 20 // a large BERT's is 60 kB
)

// tensors is a safetensors file in memory: 8 bytes with the length of the header; the header,
// a JSON object of names with their types, shapes and offsets; and the numbers. See
// https://huggingface.co/docs/safetensors.
type tensors struct {
	entries map[string]json.RawMessage
	data    []byte
	header  uint64 // bytes before data
}

// entry describes a tensor in the header.
type entry struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// parseTensors reads the header. The result refers to file.
func parseTensors(file []byte) (*tensors, error) {
	if len(file) < lengthBytes {
		return nil, fmt.Errorf("%d bytes: %w", len(file), errTensors)
	}
	length, rest := binary.LittleEndian.Uint64(file), file[lengthBytes:]
	if length > maxHeader || length > uint64(len(rest)) {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: %w", length, len(file), errTensors)
	}
	t := &tensors{data: rest[length:], header: lengthBytes + length}
	if err := json.Unmarshal(rest[:length], &t.entries); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, errTensors)
	}
	return t, nil
}

func (t *tensors) has(name string) bool { return t.entries[name] != nil }

// tensor holds the numbers of a tensor and their place in the file.
type tensor struct {
	name       string
	x          []float32
	begin, end uint64
}

// tensor returns a tensor, which must have the given shape. Its numbers are those of the
// file if they are float32 and aligned, else converted copies.
func (t *tensors) tensor(name string, shape ...int) (tensor, error) {
	raw, found := t.entries[name]
	if !found {
		return tensor{}, fmt.Errorf("there is no tensor %q", name)
	}
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return tensor{}, fmt.Errorf("tensor %q: %w: %w", name, err, errTensors)
	}
	numbers := 1
	for i, n := range shape {
		if len(e.Shape) != len(shape) || e.Shape[i] != n {
			return tensor{}, fmt.Errorf("tensor %q has the shape %v, but config.json says %v", name, e.Shape, shape)
		}
		numbers *= n // within maxSize squared
	}
	if e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > uint64(len(t.data)) {
		return tensor{}, fmt.Errorf("tensor %q lies at %v of %d bytes: %w", name, e.Offsets, len(t.data), errTensors)
	}
	x, err := decode(e.DType, t.data[e.Offsets[0]:e.Offsets[1]], numbers)
	if err != nil {
		return tensor{}, fmt.Errorf("tensor %q: %w", name, err)
	}
	return tensor{name, x, t.header + e.Offsets[0], t.header + e.Offsets[1]}, nil
}

// decode returns n numbers of the given type.
func decode(dtype string, data []byte, n int) ([]float32, error) {
	size, ok := map[string]int{"F32": 4, "F16": 2, "BF16": 2}[dtype]
	if !ok {
		return nil, fmt.Errorf("numbers of type %q are not supported, only F32, F16 and BF16", dtype)
	}
	if len(data) != n*size {
		return nil, fmt.Errorf("%d bytes for %d numbers of type %s: %w", len(data), n, dtype, errTensors)
	}
	if n == 0 {
		return nil, nil
	}
	const align = unsafe.Alignof(float32(0))
	if dtype == "F32" && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%align == 0 {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), n), nil
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
	return x, nil
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

// isPointer reports whether file is a Git LFS pointer, which a clone without LFS has instead
// of the file.
func isPointer(file []byte) bool {
	return bytes.HasPrefix(file, []byte("version https://git-lfs.github.com/spec/"))
}
