package transformer

import (
	"io/fs"
	"sync/atomic"

	"sheaf/internal/kernel"
)

// FromHalf lets tests see a conversion by itself.
var FromHalf = fromHalf

// Tensors are those of a file that have one of the shapes [rows, cols] and [rows].
func Tensors(file []byte, rows, cols int) map[string][]float32 {
	found := map[string][]float32{}
	t, err := readTensors(memory(file))
	if err != nil {
		return nil
	}
	for name := range t.entries {
		if x, err := t.tensor(name, rows, cols); err == nil {
			found[name] = x.x
		}
		if x, err := t.tensor(name, rows); err == nil {
			found[name] = x.x
		}
	}
	return found
}

// ReadFolder reads a folder's configurations.
func ReadFolder(files fs.FS) (Settings, int, error) {
	f, err := readFolder(files)
	if err != nil {
		return Settings{}, 0, err
	}
	return f.Settings, f.shape.heads, nil
}

// Int8Levels are the instruction sets of the int8 kernels that this processor has, by name.
func Int8Levels() map[string]kernel.Level {
	all := map[string]kernel.Level{}
	for l := kernel.Generic; l <= kernel.Best(); l++ {
		all[l.String()] = l
	}
	if best := int8Level(kernel.Best()); best > kernel.Best() {
		all["products of bytes"] = best
	}
	return all
}

// Linear8 computes a linear layer in int8: out rows of weights and biases for m rows of x.
func Linear8(l kernel.Level, withGELU bool, m, in, out int, x, weight, bias []float32) []float32 {
	c := &coded{in: in, out: out, each: out, units: make([]float32, out), bias: bias}
	c.panels = make([]byte, c.size())
	for first := 0; first < out; first += panelRows {
		c.pack(l, weight[first*in:], first)
	}
	f := identity
	if withGELU {
		f = gelu
	}
	y := make([]float32, m*out)
	c.apply(l, f, rows{x, in, m}, rows{y, out, m}, make([]float32, codesSize(in, m)))
	return y
}

// KeepRows has a model in int8 keep so many rows of its embeddings.
func KeepRows(m *Model, n int) {
	words := m.words.(onDemand)
	words.recent = make([]atomic.Pointer[row], n)
	m.words = words
}
