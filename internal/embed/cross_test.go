package embed_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/transformer/transformertest"
)

// crossFolder is a small cross-encoder, with what sentence-transformers computes with it; see record.py
// there.
const crossFolder = "testdata/crossencoder"

// crossCase is a recorded pair.
type crossCase struct {
	Query, Text  string
	IDs          []int32
	Second       int
	Score, Logit float64
}

func crossCases(t *testing.T) (cases []crossCase) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(crossFolder, "cases.json"))
	if err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil || len(cases) == 0 {
		t.Fatal(err)
	}
	return cases
}

// crossCopy copies the cross-encoder into a folder in which files are changed: nil removes one.
// A changed configuration has these members besides.
func crossCopy(t *testing.T, config map[string]any, files map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"} {
		data, err := os.ReadFile(filepath.Join(crossFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "config.json" {
			all := map[string]any{}
			if err := json.Unmarshal(data, &all); err != nil {
				t.Fatal(err)
			}
			maps.Copy(all, config)
			if data, err = json.Marshal(all); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(path, data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func newCross(t *testing.T, model string, o embed.Options) *embed.CrossEncoder {
	t.Helper()
	c, err := embed.NewCrossEncoder(model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCrossEncoder(t *testing.T) {
	t.Parallel()
	cases := crossCases(t)
	var pairs []embed.Pair
	for _, c := range cases {
		pairs = append(pairs, embed.Pair{Query: c.Query, Text: c.Text})
	}
	identity := crossCopy(t, map[string]any{"sentence_transformers": map[string]any{"activation_fn": "torch.nn.modules.linear.Identity"}}, nil)
	legacy := crossCopy(t, map[string]any{"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, nil)
	newest := crossCopy(t, nil, map[string]any{
		"modules.json":                      []any{map[string]any{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}},
		"sentence_bert_config.json":         map[string]any{"transformer_task": "sequence-classification", "modality_config": map[string]any{"text": map[string]any{"method_output_name": "logits"}}},
		"config_sentence_transformers.json": map[string]any{"activation_fn": "torch.nn.modules.linear.Identity"},
	})
	for _, test := range []struct {
		name, model, kernel string
		want                func(crossCase) float64
		tolerance           float64
	}{
		{"sigmoid", crossFolder, "", func(c crossCase) float64 { return c.Score }, 1e-5},
		{"portable", crossFolder, "generic", func(c crossCase) float64 { return c.Score }, 1e-5},
		{"identity", identity, "", func(c crossCase) float64 { return c.Logit }, 1e-5},
		{"identity, before version 4", legacy, "", func(c crossCase) float64 { return c.Logit }, 1e-5},
		{"identity, of version 6", newest, "", func(c crossCase) float64 { return c.Logit }, 1e-5},
		{"int8", crossFolder + ":int8", "", func(c crossCase) float64 { return c.Score }, 0.03},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			model := test.model
			if !filepath.IsAbs(model) {
				model = "./" + model
			}
			c := newCross(t, model, embed.Options{Kernel: test.kernel})
			scores, err := c.Scores(t.Context(), pairs)
			if err != nil || len(scores) != len(cases) {
				t.Fatal(scores, err)
			}
			for i, want := range cases {
				if got := float64(scores[i]); math.Abs(got-test.want(want)) > test.tolerance {
					t.Errorf("%q, %q: %v, want %v", want.Query, want.Text, got, test.want(want))
				}
				alone, err := c.Scores(t.Context(), pairs[i:i+1])
				if err != nil || alone[0] != scores[i] {
					t.Errorf("%q: %v alone, %v among others, %v", want.Query, alone, scores[i], err)
				}
				if ids, second := embed.PairTokens(c, pairs[i]); !slices.Equal(ids, want.IDs) || second != want.Second {
					t.Errorf("%q, %q: ids %v, second %d, want %v, %d", want.Query, want.Text, ids, second, want.IDs, want.Second)
				}
			}
		})
	}
}

// unigramCross is a cross-encoder with the tokenizer of an XLM-R.
func unigramCross(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config := map[string]any{"architectures": []string{"BertForSequenceClassification"}, "id2label": map[string]any{"0": "score"}}
	m := transformertest.Model{Vocabulary: 222, Config: config}
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	head := append(m.Tensors(),
		transformertest.Tensor{Name: "pooler.dense.weight", Shape: []int{24, 24}, X: make([]float32, 24*24)},
		transformertest.Tensor{Name: "pooler.dense.bias", Shape: []int{24}, X: make([]float32, 24)},
		transformertest.Tensor{Name: "classifier.weight", Shape: []int{1, 24}, X: make([]float32, 24)},
		transformertest.Tensor{Name: "classifier.bias", Shape: []int{1}, X: make([]float32, 1)})
	put(t, dir, "model.safetensors", string(transformertest.Safetensors("F32", head)))
	copyOf(t, "tokenizer.json", xlmrFolder, dir)
	remove(t, dir, "tokenizer_config.json")
	remove(t, dir, "modules.json")
	return dir
}

// What would be computed wrongly is refused by name.
func TestCrossEncoderRefuses(t *testing.T) {
	t.Parallel()
	for want, dir := range map[string]string{
		`a cross-encoder of the architecture "xlm-roberta" is`: crossCopy(t, map[string]any{"model_type": "xlm-roberta"}, nil),
		"a cross-encoder with a Unigram tokenizer is not":      unigramCross(t),
		"a classifier of 2 labels is not supported, only of 1": crossCopy(t, map[string]any{"id2label": map[string]any{"0": "no", "1": "yes"}}, nil),
		"type_vocab_size is 1":                                 crossCopy(t, map[string]any{"type_vocab_size": 1}, nil),
		`the activation "torch.nn.Softmax" is not supported`:   crossCopy(t, map[string]any{"sbert_ce_default_activation_function": "torch.nn.Softmax"}, nil),
		"of several modules is not supported":                  crossCopy(t, nil, map[string]any{"modules.json": []any{map[string]any{"type": "a.Transformer"}, map[string]any{"type": "a.Dense"}}}),
		"prompts before pairs are not supported":               crossCopy(t, nil, map[string]any{"config_sentence_transformers.json": map[string]any{"default_prompt_name": "query"}}),
		`the task "fill-mask"`:                                 crossCopy(t, nil, map[string]any{"sentence_bert_config.json": map[string]any{"transformer_task": "fill-mask"}}),
		"leaves no room for a pair":                            crossCopy(t, nil, map[string]any{"sentence_bert_config.json": map[string]any{"max_seq_length": 3}}),
		"has no model.safetensors":                             crossCopy(t, nil, map[string]any{"model.safetensors": nil}),
		"not a safetensors file":                               crossCopy(t, nil, map[string]any{"model.safetensors": "damaged"}),
	} {
		_, err := embed.NewCrossEncoder(dir, embed.Options{})
		var model *embed.ModelError
		if !errors.As(err, &model) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err := embed.CheckModel(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("checked: %v, want %q", err, want)
		}
	}
	for _, model := range []string{"nobody/nothing", "./nothing"} {
		if _, err := embed.NewCrossEncoder(model, embed.Options{}); err == nil {
			t.Errorf("%s: there is such a model", model)
		}
	}
	if err := embed.CheckModel(crossFolder); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(crossFolder)); err != nil {
		t.Fatal(err)
	}
	if err := embed.SaveInt8(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "model.int8")); err != nil {
		t.Error(err)
	}
	if !embed.IsCrossEncoder("./"+crossFolder+":int8", embed.Options{}) || embed.IsCrossEncoder("./testdata", embed.Options{}) {
		t.Error("cross-encoders are not told from other folders")
	}
}
