package transformer_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"sheaf/internal/transformer"
	"sheaf/internal/transformer/transformertest"
)

var kernels = []string{"generic", "avx2", "avx512", ""}

// openers open a model to compute in float32 and in int8.
var openers = map[string]func(dir, level string) (*transformer.Model, error){"float32": transformer.Open, "int8": transformer.OpenInt8}

// write puts a model into a folder of its own.
func write(t testing.TB, m transformertest.Model) string {
	t.Helper()
	dir := t.TempDir()
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, m transformertest.Model, kernel string) *transformer.Model {
	t.Helper()
	return openAs(t, "float32", m, kernel)
}

func openAs(t testing.TB, numbers string, m transformertest.Model, kernel string) *transformer.Model {
	t.Helper()
	opened, err := openers[numbers](write(t, m), kernel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened
}

// texts are token ids of texts up to the longest, of the lengths where a tile, a vector or
// a panel is full or has something left over.
func texts(longest int) [][]int32 {
	random := rand.New(rand.NewPCG(3, 0))
	var all [][]int32
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 23, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97} {
		if n > longest {
			break
		}
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = int32(random.IntN(len(transformertest.Vocabulary)))
		}
		all = append(all, ids)
	}
	return all
}

// Every kernel gives the oracle's vectors, whatever the sizes leave over for the last
// vector, tile or panel.
func TestEncodeIsThePaper(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]transformertest.Model{
		"zero value":    {},
		"cls":           {Pooling: "cls", Seed: 1},
		"length 1":      {Normalize: true, Seed: 2},
		"odd sizes":     {Dim: 35, Heads: 7, Inner: 33, Positions: 50, Seed: 3},
		"whole panels":  {Dim: 64, Heads: 2, Inner: 96, Positions: 100, Seed: 4},
		"inner widest":  {Dim: 8, Heads: 1, Inner: 100, Layers: 1, Seed: 5},
		"F16":           {DType: "F16", Seed: 6},
		"BF16":          {DType: "BF16", Seed: 7},
		"named by bert": {Prefix: "bert.", Seed: 8},
		"by roberta":    {Prefix: "roberta.", Seed: 9},
	} {
		for _, kernel := range kernels {
			t.Run(name+"/"+kernel, func(t *testing.T) {
				t.Parallel()
				model := open(t, m, kernel)
				all := texts(model.Settings().MaxTokens)
				vectors, err := model.Encode(new(transformer.Workspace), all)
				if err != nil {
					t.Fatal(err)
				}
				oracle := newPlain(m)
				for i, ids := range all {
					checkNear(t, vectors[i], oracle.encode(ids))
				}
			})
		}
	}
}

func checkNear(t *testing.T, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) < 2e-5) {
			t.Fatalf("number %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// A text's vector is the same bits alone, in any company, and from many goroutines.
func TestEncodeDoesNotDependOnTheBatch(t *testing.T) {
	t.Parallel()
	for numbers := range openers {
		for _, kernel := range kernels {
			t.Run(numbers+"/"+kernel, func(t *testing.T) {
				t.Parallel()
				model := openAs(t, numbers, transformertest.Model{Dim: 48, Inner: 64, Positions: 65}, kernel)
				checkAnyBatch(t, model)
			})
		}
	}
}

func checkAnyBatch(t *testing.T, model *transformer.Model) {
	t.Helper()
	all := texts(65)
	want, err := model.Encode(new(transformer.Workspace), all)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for part := range 3 {
		group.Go(func() {
			var w transformer.Workspace
			for i := part; i < len(all); i += 3 {
				got, err := model.Encode(&w, [][]int32{all[i], all[0]})
				if err != nil || !slices.Equal(got[0], want[i]) || !slices.Equal(got[1], want[0]) {
					t.Errorf("text %d of %d tokens differs, error %v", i, len(all[i]), err)
				}
			}
		})
	}
	group.Wait()
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for numbers := range openers {
		t.Run(numbers, func(t *testing.T) {
			t.Parallel()
			checkRefusals(t, openAs(t, numbers, transformertest.Model{}, ""))
		})
	}
}

func checkRefusals(t *testing.T, model *transformer.Model) {
	t.Helper()
	var w transformer.Workspace
	for _, test := range []struct {
		texts [][]int32
		want  string
	}{
		{[][]int32{{1}, {}}, "text 2 has 0 tokens, not from 1 to 32"},
		{[][]int32{make([]int32, 33)}, "text 1 has 33 tokens"},
		{[][]int32{{0, -1}}, "token -1 is not below"},
		{[][]int32{{int32(len(transformertest.Vocabulary))}}, "is not below"},
	} {
		if _, err := model.Encode(&w, test.texts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.texts, err, test.want)
		}
	}
	if got, err := model.Encode(&w, nil); len(got) != 0 || err != nil {
		t.Errorf("no texts: %v, %v", got, err)
	}
	if err := errors.Join(model.Close(), model.Close()); err != nil {
		t.Error(err)
	}
	if _, err := model.Encode(&w, [][]int32{{1}}); !errors.Is(err, transformer.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestEncodeNotFinite(t *testing.T) {
	t.Parallel()
	m := transformertest.Model{}
	dir, tensors := write(t, m), m.Tensors()
	tensors[0].X[5] = float32(math.NaN())
	overwrite(t, dir, "model.safetensors", transformertest.Safetensors("F32", tensors))
	for numbers, open := range openers {
		model, err := open(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		want := "text 2 of 2: a malformed vector: number 1 is NaN; the weights are damaged"
		if _, err := model.Encode(new(transformer.Workspace), [][]int32{{1, 2}, {0}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", numbers, err, want)
		}
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What decides a vector decides the fingerprint, and nothing else does. A store remembers
// it, so the first one is written out here: it must not change.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, m := range []transformertest.Model{
		{}, {Seed: 1}, {Normalize: true}, {Pooling: "cls"}, {DType: "BF16"}, {Text: map[string]any{"max_seq_length": 20}},
		{Text: map[string]any{"do_lower_case": true}}, {Heads: 2}, {Config: map[string]any{"layer_norm_eps": 1e-5}},
		{Config: map[string]any{"model_type": "xlm-roberta"}}, {Config: map[string]any{"model_type": "xlm-roberta", "pad_token_id": 0}},
	} {
		name, got := fmt.Sprintf("%+v", m), fingerprint(t, open(t, m, ""))
		if other, found := seen[got]; found {
			t.Errorf("%s and %s have one fingerprint, %s", name, other, got)
		}
		seen[got] = name
	}
	model := open(t, transformertest.Model{}, "")
	if got, want := fingerprint(t, model), "470c6841f9f8498b"; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	for _, same := range []transformertest.Model{{Prefix: "bert."}, {Prompts: map[string]string{"query": "q: "}}} {
		if got := fingerprint(t, open(t, same, "generic")); got != fingerprint(t, model) {
			t.Errorf("%+v has the fingerprint %s", same, got)
		}
	}
}

func fingerprint(t *testing.T, m *transformer.Model) string {
	t.Helper()
	f, err := m.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Old checkpoints call the weights of a layer norm gamma and beta.
func TestOldNamesOfNorms(t *testing.T) {
	t.Parallel()
	m := transformertest.Model{}
	dir := write(t, m)
	want := encodeOne(t, dir)
	tensors := m.Tensors()
	for i, tensor := range tensors {
		tensors[i].Name = strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(tensor.Name)
	}
	overwrite(t, dir, "model.safetensors", transformertest.Safetensors("F32", tensors))
	if got := encodeOne(t, dir); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func encodeOne(t *testing.T, dir string) []float32 {
	t.Helper()
	model, err := transformer.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	vectors, err := model.Encode(new(transformer.Workspace), [][]int32{{2, 60, 61, 3}})
	if err != nil {
		t.Fatal(err)
	}
	return vectors[0]
}
