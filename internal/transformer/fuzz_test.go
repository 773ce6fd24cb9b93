package transformer_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"sheaf/internal/transformer"
	"sheaf/internal/transformer/transformertest"
)

// FuzzTensors tests that with any header a tensor is within the file and has the shape that
// was asked for.
func FuzzTensors(f *testing.F) {
	m := transformertest.Model{Dim: 4, Heads: 1, Layers: 1, Inner: 4, Positions: 4}
	for _, dtype := range []string{"F32", "F16", "BF16", "I64"} {
		f.Add(transformertest.Safetensors(dtype, m.Tensors()[:2]), 119, 4)
	}
	f.Add(header(`{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"a": "b"}}`, 4), 1, 1)
	f.Add(header(`{"a": {"dtype": "F16", "shape": [0], "data_offsets": [1, 1]}}`, 4), 0, 0)
	f.Add([]byte("version https://git-lfs.github.com/spec/v1"), 0, 0)
	f.Fuzz(func(t *testing.T, file []byte, rows, cols int) {
		if rows < 1 || cols < 1 || rows > math.MaxInt16 || cols > math.MaxInt16 {
			return // configurations are checked before
		}
		for name, x := range transformer.Tensors(file, rows, cols) {
			if len(x) != rows && len(x) != rows*cols {
				t.Errorf("tensor %q has %d numbers, asked for %d by %d", name, len(x), rows, cols)
			}
			sum := float32(0) // a number beyond the file would end the process
			for _, v := range x {
				sum += v
			}
			_ = sum
		}
	})
}

// FuzzFolder tests that a folder whose configurations are accepted has sizes that can be
// computed with.
func FuzzFolder(f *testing.F) {
	dir := f.TempDir()
	if err := (transformertest.Model{Prompts: map[string]string{"query": "q"}}).Write(dir); err != nil {
		f.Fatal(err)
	}
	names := []string{"config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "tokenizer_config.json", "config_sentence_transformers.json"}
	var seed [6]string
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		seed[i] = string(data)
	}
	f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	f.Add(seed[0], `[{"type": "Transformer", "path": "1_Pooling/.."}]`, `{"pooling_mode_cls_token": true}`, `{"max_seq_length": 3}`, `{"model_max_length": 1e300}`, `{"prompts": {"query": null}}`)
	f.Fuzz(func(t *testing.T, config, modules, pooling, text, tokenizer, prompts string) {
		files := fstest.MapFS{}
		for i, data := range []string{config, modules, pooling, text, tokenizer, prompts} {
			files[names[i]] = &fstest.MapFile{Data: []byte(data)}
		}
		s, heads, err := transformer.ReadFolder(files)
		if err != nil {
			return
		}
		if s.Dim < 1 || s.Vocabulary < 1 || s.MaxTokens < 3 || heads < 1 || s.Dim%heads != 0 {
			t.Errorf("accepted %+v with %d heads", s, heads)
		}
	})
}
