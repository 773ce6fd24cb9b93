package transformer_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sheaf/internal/transformer"
	"sheaf/internal/transformer/transformertest"
)

const savedCodes = "model.int8"

// encodeInt8 opens a model in int8 and returns the vectors of some texts, and its fingerprint.
func encodeInt8(t *testing.T, dir, kernel string) ([][]float32, string) {
	t.Helper()
	model, err := transformer.OpenInt8(dir, kernel)
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := model.Encode(new(transformer.Workspace), texts(model.Settings().MaxTokens))
	if err != nil {
		t.Fatal(err)
	}
	id := fingerprint(t, model)
	if err := model.Close(); err != nil {
		t.Error(err)
	}
	return vectors, id
}

func sameVectors(a, b [][]float32) bool { return slices.EqualFunc(a, b, slices.Equal) }

// A saved model is the same model, with every kernel.
func TestSaveInt8(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]transformertest.Model{
		"zero value":   {},
		"odd sizes":    {Dim: 35, Heads: 7, Inner: 33, Positions: 50, Seed: 3},
		"whole panels": {Dim: 64, Heads: 2, Inner: 96, Positions: 100, Seed: 4},
		"BF16":         {DType: "BF16", Seed: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, saved := write(t, m), write(t, m)
			if err := transformer.SaveInt8(saved); err != nil {
				t.Fatal(err)
			}
			for _, kernel := range kernels {
				want, id := encodeInt8(t, dir, kernel)
				got, savedID := encodeInt8(t, saved, kernel)
				if !sameVectors(got, want) || savedID != id {
					t.Errorf("%q: other vectors, or another fingerprint: %s, want %s", kernel, savedID, id)
				}
			}
		})
	}
}

// A model can be saved once more, as by an addition that was killed before its end: the codes
// that are written are then those in the file that is there.
func TestSaveInt8Again(t *testing.T) {
	t.Parallel()
	dir := write(t, transformertest.Model{})
	file := filepath.Join(dir, savedCodes)
	var first []byte
	for range 2 {
		if err := transformer.SaveInt8(dir); err != nil {
			t.Fatal(err)
		}
		saved, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = saved
		}
		if !slices.Equal(saved, first) {
			t.Errorf("%d bytes, and others than the %d before", len(saved), len(first))
		}
	}
}

// What is saved is used, for the weights that it was made of.
func TestSavedInt8IsOfTheWeights(t *testing.T) {
	t.Parallel()
	m := transformertest.Model{}
	dir := write(t, m)
	want, _ := encodeInt8(t, dir, "")
	if err := transformer.SaveInt8(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, savedCodes)
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zeros := slices.Clone(saved)
	clear(zeros[len(zeros)/2:])
	other := slices.Clone(saved)
	other[0]++
	for name, c := range map[string]struct {
		data []byte
		used bool
	}{
		"as saved":        {saved, true},
		"zeros":           {zeros, true},
		"cut short":       {saved[:len(saved)-1], false},
		"short":           {saved[:3], false},
		"empty":           {nil, false},
		"longer":          {append(slices.Clone(zeros), 0), false},
		"of another form": {append(other[:64:64], zeros[64:]...), false},
	} {
		overwrite(t, dir, savedCodes, c.data)
		got, _ := encodeInt8(t, dir, "")
		if same := sameVectors(got, want); same != (name == "as saved" || !c.used) {
			t.Errorf("%s: the same vectors: %v", name, same)
		}
	}
	overwrite(t, dir, savedCodes, saved)
	for i, tensor := range m.Tensors() {
		tensors := m.Tensors()
		for j := range tensors[i].X {
			tensors[i].X[j] *= 1.1
		}
		file := transformertest.Safetensors("F32", tensors)
		overwrite(t, dir, "model.safetensors", file)
		fresh := write(t, m)
		overwrite(t, fresh, "model.safetensors", file)
		want, _ := encodeInt8(t, fresh, "")
		if got, _ := encodeInt8(t, dir, ""); !sameVectors(got, want) {
			t.Errorf("the codes of another %s were used", tensor.Name)
		}
	}
}

func TestSaveInt8Fails(t *testing.T) {
	t.Parallel()
	m := transformertest.Model{}
	dir, tensors := write(t, m), m.Tensors()
	at := slices.IndexFunc(tensors, func(t transformertest.Tensor) bool { return t.Name == "encoder.layer.0.output.dense.weight" })
	tensors[at].X[0] = float32(math.Inf(1))
	overwrite(t, dir, "model.safetensors", transformertest.Safetensors("F32", tensors))
	for _, dir := range []string{dir, write(t, transformertest.Model{Config: map[string]any{"intermediate_size": 65537}})} {
		if err := transformer.SaveInt8(dir); !errors.Is(err, transformer.ErrNoInt8) {
			t.Errorf("without an int8 form: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, savedCodes)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file was left: %v", err)
		}
	}
	taken := write(t, m)
	if err := os.Mkdir(filepath.Join(taken, savedCodes), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := transformer.SaveInt8(taken); err == nil || errors.Is(err, transformer.ErrNoInt8) {
		t.Errorf("no place for the file: %v", err)
	}
	if err := transformer.SaveInt8(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no model: %v", err)
	}
}
