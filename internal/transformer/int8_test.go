package transformer_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/transformer"
	"sheaf/internal/transformer/transformertest"
)

// plainCodes are the codes of a row and the value of a unit, as kernel.h defines them.
func plainCodes(x []float32) (codes []int32, unit float32) {
	largest := float32(0)
	for _, v := range x {
		a := float32(math.Abs(float64(v)))
		if !(a <= math.MaxFloat32) {
			return make([]int32, len(x)), float32(math.NaN())
		}
		largest = max(largest, a)
	}
	codes = make([]int32, len(x))
	if largest < 1e-30 {
		return codes, 0
	}
	inverse := 127 / largest
	for i, v := range x {
		codes[i] = int32(math.RoundToEven(float64(v * inverse)))
	}
	return codes, largest / 127
}

// plainLinear8 is a linear layer without biases.
func plainLinear8(m, in, out int, x, weight []float32) []float32 {
	var y []float32
	for i := range m {
		a, unit := plainCodes(x[i*in:][:in])
		for j := range out {
			b, other := plainCodes(weight[j*in:][:in])
			sum := int32(0)
			for k := range a {
				sum += a[k] * b[k]
			}
			y = append(y, float32(sum)*float32(other*unit))
		}
	}
	return y
}

// The integers of every kernel are those of the definition, for any sizes and any rows: without a
// bias the results are the same bits.
func TestLinear8(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(8, 0))
	sizes := [][3]int{{1, 1, 1}, {1, 16, 32}, {12, 384, 32}, {13, 17, 33}, {25, 5, 70}, {3, 1100, 9}, {11, 48, 31}, {24, 64, 64}}
	for range 20 {
		sizes = append(sizes, [3]int{1 + random.IntN(40), 1 + random.IntN(150), 1 + random.IntN(100)})
	}
	for _, size := range sizes {
		m, in, out := size[0], size[1], size[2]
		x, weight := rowsOfAllKinds(random, m, in), rowsOfAllKinds(random, out, in)
		want := plainLinear8(m, in, out, x, weight)
		for name, level := range transformer.Int8Levels() {
			got := transformer.Linear8(level, false, m, in, out, x, weight, make([]float32, out))
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
					t.Fatalf("%s: %d rows of %d to %d: number %d is %v, want %v", name, m, in, out, i, got[i], want[i])
				}
			}
		}
	}
}

// rowsOfAllKinds has ordinary rows, and ones with zeros, ties, a single large number, the largest
// and the smallest floats, and numbers that are not finite.
func rowsOfAllKinds(random *rand.Rand, n, cols int) []float32 {
	var all []float32
	for range n {
		row, kind := make([]float32, cols), random.IntN(12)
		for i := range row {
			row[i] = float32(random.NormFloat64())
			switch kind {
			case 0:
				row[i] = 0
			case 1: // 127 units, and halves of them
				row[i] = float32(random.IntN(255)-127) / 2
			case 2:
				row[i] *= math.MaxFloat32 / 8
			case 3:
				row[i] *= math.SmallestNonzeroFloat32 * 100
			case 4:
				row[i] = -127
			}
		}
		at := random.IntN(cols)
		switch kind {
		case 5:
			row[at] = 1e20
		case 6:
			row[at] = -math.MaxFloat32
		case 7:
			row[at] = float32(math.NaN())
		case 8:
			row[at] = float32(math.Inf(1 - 2*random.IntN(2)))
		}
		all = append(all, row...)
	}
	return all
}

// Biases and GELU follow the integers.
func TestLinear8Finish(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 0))
	const m, in, out = 14, 40, 37
	x, weight, bias := make([]float32, m*in), make([]float32, out*in), make([]float32, out)
	for _, numbers := range [][]float32{x, weight, bias} {
		for i := range numbers {
			numbers[i] = float32(random.NormFloat64())
		}
	}
	want := plainLinear8(m, in, out, x, weight)
	for name, level := range transformer.Int8Levels() {
		for _, gelu := range []bool{false, true} {
			got := transformer.Linear8(level, gelu, m, in, out, x, weight, bias)
			for i := range got {
				w := float64(want[i]) + float64(bias[i%out])
				if gelu {
					w = w / 2 * (1 + math.Erf(w/math.Sqrt2))
				}
				if !(math.Abs(float64(got[i])-w) < 1e-5) {
					t.Fatalf("%s, GELU %v: number %d is %v, want %v", name, gelu, i, got[i], w)
				}
			}
		}
	}
}

// A model in int8 gives nearly the oracle's vectors with every kernel.
func TestInt8IsNearThePaper(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]transformertest.Model{
		"zero value":    {},
		"cls":           {Pooling: "cls", Seed: 1},
		"odd sizes":     {Dim: 35, Heads: 7, Inner: 33, Positions: 50, Seed: 3},
		"whole panels":  {Dim: 64, Heads: 2, Inner: 96, Positions: 100, Seed: 4},
		"several reads": {Dim: 8, Heads: 1, Inner: 12500, Layers: 1, Positions: 4, Seed: 5},
		"F16":           {DType: "F16", Seed: 6},
		"BF16":          {DType: "BF16", Seed: 7},
		"named by bert": {Prefix: "bert.", Seed: 8},
	} {
		for _, kernel := range kernels {
			t.Run(name+"/"+kernel, func(t *testing.T) {
				t.Parallel()
				model := openAs(t, "int8", m, kernel)
				all := texts(model.Settings().MaxTokens)
				vectors, err := model.Encode(new(transformer.Workspace), all)
				if err != nil {
					t.Fatal(err)
				}
				oracle := newPlain(m)
				for i, ids := range all {
					if c := cosine(vectors[i], oracle.encode(ids)); !(c > 0.999) {
						t.Errorf("text %d of %d tokens has the cosine %v", i, len(ids), c)
					}
				}
			})
		}
	}
}

func cosine(a []float32, b []float64) float64 {
	x := make([]float64, len(a))
	for i, v := range a {
		x[i] = float64(v)
	}
	return dot(x, b) / math.Sqrt(dot(x, x)*dot(b, b))
}

// A model in int8 has a fingerprint of its own, which a store remembers: it must not change. All
// of the weights decide it.
func TestInt8Fingerprint(t *testing.T) {
	t.Parallel()
	model := openAs(t, "int8", transformertest.Model{}, "")
	if got, want := fingerprint(t, model), "ec9002a7cbc06b79"; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	for _, same := range []transformertest.Model{{Prefix: "bert."}, {Prompts: map[string]string{"query": "q: "}}} {
		if got := fingerprint(t, openAs(t, "int8", same, "generic")); got != fingerprint(t, model) {
			t.Errorf("%+v has the fingerprint %s", same, got)
		}
	}
	seen := map[string]bool{fingerprint(t, model): true, fingerprint(t, open(t, transformertest.Model{}, "")): true}
	for i, tensor := range (transformertest.Model{}).Tensors() {
		m := transformertest.Model{}
		dir, tensors := write(t, m), m.Tensors()
		for j := range tensor.X {
			tensors[i].X[j] *= 1.1
		}
		overwrite(t, dir, "model.safetensors", transformertest.Safetensors("F32", tensors))
		other, err := transformer.OpenInt8(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := fingerprint(t, other); seen[got] {
			t.Errorf("another %s has a known fingerprint", tensor.Name)
		}
		seen[fingerprint(t, other)] = true
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Weights that have no int8 form are refused by name.
func TestInt8Refuses(t *testing.T) {
	t.Parallel()
	for _, value := range []float64{math.NaN(), math.Inf(1)} {
		m := transformertest.Model{}
		dir, tensors := write(t, m), m.Tensors()
		at := slices.IndexFunc(tensors, func(t transformertest.Tensor) bool { return t.Name == "encoder.layer.1.attention.self.value.weight" })
		tensors[at].X[24*3+1] = float32(value)
		overwrite(t, dir, "model.safetensors", transformertest.Safetensors("F32", tensors))
		model, err := transformer.OpenInt8(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		want := `model.safetensors: tensor "encoder.layer.1.attention.self.value.weight": row 3 has a number that is not finite, so it has no int8 form`
		if _, err := model.Fingerprint(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := model.Encode(new(transformer.Workspace), [][]int32{{1}}); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	dir := write(t, transformertest.Model{Config: map[string]any{"intermediate_size": 65537}})
	want := "config.json: a layer with 65537 inputs has no int8 form, only one with at most 65536"
	if _, err := transformer.OpenInt8(dir, ""); err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// Tokens whose rows of embeddings take each other's place have their own nonetheless, in any order and
// from several goroutines.
func TestInt8RecentRows(t *testing.T) {
	t.Parallel()
	dir := write(t, transformertest.Model{})
	var texts [][]int32
	for i := range int32(30) {
		texts = append(texts, []int32{i, i % 7, i % 3, 29 - i})
	}
	var want [][]float32
	for _, keep := range []int{0, 1, 2, 1000} {
		model, err := transformer.OpenInt8(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		transformer.KeepRows(model, keep)
		var group errgroup.Group
		for range 3 {
			group.Go(func() error {
				got, err := model.Encode(new(transformer.Workspace), texts)
				if err == nil && want != nil && !reflect.DeepEqual(got, want) {
					t.Errorf("other vectors where %d rows are kept", keep)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			if want, err = model.Encode(new(transformer.Workspace), texts); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A file that is cut short while the model is open is an error, and one that says so.
func TestInt8FileCutShort(t *testing.T) {
	t.Parallel()
	dir := write(t, transformertest.Model{})
	model, err := transformer.OpenInt8(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	fingerprint(t, model)
	if err := os.Truncate(filepath.Join(dir, "model.safetensors"), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Encode(new(transformer.Workspace), [][]int32{{1}}); err == nil || !strings.Contains(fmt.Sprint(err), "reading weights: EOF") {
		t.Errorf("%v, want an error about the file", err)
	}
}
