package transformer_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/transformer"
	"sheaf/internal/transformer/transformertest"
)

func overwrite(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	base := transformer.Settings{Dim: 24, Vocabulary: len(transformertest.Vocabulary), MaxTokens: 32, TokenizerLowercase: &yes}
	tests := []struct {
		name  string
		model transformertest.Model
		edit  func(t *testing.T, dir string)
		want  func(*transformer.Settings)
	}{
		{name: "zero value"},
		{name: "length 1", model: transformertest.Model{Normalize: true}, want: func(s *transformer.Settings) { s.Normalized = true }},
		{name: "max_seq_length", model: transformertest.Model{Text: map[string]any{"max_seq_length": 20, "do_lower_case": true}},
			want: func(s *transformer.Settings) { s.MaxTokens, s.Lowercase = 20, true }},
		{name: "max_seq_length beyond the positions", model: transformertest.Model{Text: map[string]any{"max_seq_length": 512}}},
		{name: "model_max_length", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "tokenizer_config.json", []byte(`{"model_max_length": 10}`))
		}, want: func(s *transformer.Settings) { s.MaxTokens, s.TokenizerLowercase = 10, nil }},
		{name: "model_max_length without an end", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "tokenizer_config.json", []byte(`{"model_max_length": 1000000000000000019884624838656}`))
		}, want: func(s *transformer.Settings) { s.TokenizerLowercase = nil }},
		{name: "as of sentence-transformers 6", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "sentence_bert_config.json", []byte(`{"transformer_task": "feature-extraction", "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}}`))
			overwrite(t, dir, "modules.json", []byte(`[{"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}, {"path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"}]`))
			overwrite(t, dir, "tokenizer_config.json", []byte(`{"model_max_length": 12}`))
		}, want: func(s *transformer.Settings) { s.MaxTokens, s.TokenizerLowercase = 12, nil }},
		{name: "prompts", model: transformertest.Model{Prompts: map[string]string{"query": "query: ", "passage": "passage: ", "corpus": "no"}},
			want: func(s *transformer.Settings) { s.QueryPrompt, s.PassagePrompt = "query: ", "passage: " }},
		{name: "an empty prompt is one", model: transformertest.Model{Prompts: map[string]string{"document": "", "passage": "no"}}},
		{name: "default prompt", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "config_sentence_transformers.json", []byte(`{"prompts": {"s": "say: "}, "default_prompt_name": "s"}`))
		}, want: func(s *transformer.Settings) { s.QueryPrompt, s.PassagePrompt = "say: ", "say: " }},
		{name: "a bare encoder", edit: func(t *testing.T, dir string) {
			for _, name := range []string{"modules.json", "1_Pooling", "sentence_bert_config.json", "config_sentence_transformers.json", "tokenizer_config.json"} {
				remove(t, dir, name)
			}
		}, want: func(s *transformer.Settings) { s.PoolingAssumed, s.TokenizerLowercase = true, nil }},
		{name: "a tokenizer's settings that change nothing", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "tokenizer_config.json", []byte(`{"do_lower_case": true, "strip_accents": null, "truncation_side": "right", "cls_token": {"content": "[CLS]"}, "sep_token": "[SEP]"}`))
		}, want: func(s *transformer.Settings) { s.FirstToken, s.LastToken = "[CLS]", "[SEP]" }},
		{name: "XLM-R", model: transformertest.Model{Config: map[string]any{"model_type": "xlm-roberta", "pad_token_id": nil}},
			want: func(s *transformer.Settings) { s.MaxTokens = 30 }},
		{name: "another tokenizer", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "tokenizer_config.json", []byte(`{"do_lower_case": false, "strip_accents": true, "tokenize_chinese_chars": false}`))
		}, want: func(s *transformer.Settings) {
			s.TokenizerLowercase, s.TokenizerAccents, s.TokenizerIdeographs = &no, &yes, &no
		}},
		{name: "poolings by their older names", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "1_Pooling/config.json", []byte(`{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}`))
		}},
		{name: "the default pooling", edit: func(t *testing.T, dir string) { overwrite(t, dir, "1_Pooling/config.json", []byte(`{}`)) }},
		{name: "a list of poolings", edit: func(t *testing.T, dir string) {
			overwrite(t, dir, "1_Pooling/config.json", []byte(`{"pooling_mode": ["cls"], "include_prompt": true}`))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, test.model)
			if test.edit != nil {
				test.edit(t, dir)
			}
			model, err := transformer.Open(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			want := base
			want.TokenizerDir = "."
			if test.want != nil {
				test.want(&want)
			}
			if diff := cmp.Diff(want, model.Settings()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The encoder may lie in a folder of its own.
func TestEncoderBelow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := (transformertest.Model{}).Write(filepath.Join(dir, "0_Transformer")); err != nil {
		t.Fatal(err)
	}
	overwrite(t, dir, "modules.json", []byte(`[{"path": "0_Transformer", "type": "a.Transformer"}, {"path": "0_Transformer/1_Pooling", "type": "b.Pooling"}]`))
	model, err := transformer.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if got, want := model.Settings().TokenizerDir, "0_Transformer"; got != want {
		t.Errorf("tokenizer in %q, want %q", got, want)
	}
}

// A folder that would be computed wrongly, or not at all, is refused in one sentence.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	set := func(key string, value any) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			m := transformertest.Model{Config: map[string]any{key: value}}
			if err := m.Write(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	xlmr := func(padding int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			m := transformertest.Model{Config: map[string]any{"model_type": "xlm-roberta", "pad_token_id": padding}}
			if err := m.Write(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { overwrite(t, dir, name, []byte(content)) }
	}
	instead := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			remove(t, dir, "model.safetensors")
			overwrite(t, dir, name, []byte("x"))
		}
	}
	without := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { remove(t, dir, name) }
	}
	tests := []struct {
		name string
		edit func(t *testing.T, dir string)
		want string
	}{
		{"RoBERTa", set("model_type", "roberta"), `config.json: the architecture "roberta" is not supported, only "bert" and "xlm-roberta"`},
		{"no padding", xlmr(-1), "pad_token_id is -1, not from 0"},
		{"padding beyond", xlmr(32), "pad_token_id is 32, not from 0 to below max_position_embeddings"},
		{"padding at the end", xlmr(29), "max_seq_length 2 leaves no room for a token"},
		{"no architecture", set("model_type", nil), `the architecture "" is not supported`},
		{"decoder", set("is_decoder", true), "a decoder is not supported"},
		{"another activation", set("hidden_act", "gelu_new"), `the activation "gelu_new" is not supported`},
		{"relative positions", set("position_embedding_type", "relative_key"), `position embeddings of type "relative_key" are not supported`},
		{"no size", set("hidden_size", nil), "hidden_size is 0, not from 1 to 1048576"},
		{"a huge size", set("vocab_size", 1<<40), "vocab_size is 1099511627776"},
		{"a negative size", set("num_hidden_layers", -1), "num_hidden_layers is -1"},
		{"heads that do not fit", set("num_attention_heads", 5), "hidden_size 24 does not share out among 5 heads"},
		{"epsilon", set("layer_norm_eps", -1), "layer_norm_eps is -1"},
		{"a size that is text", set("hidden_size", "24"), "hidden_size"},
		{"another size", set("intermediate_size", 41), `tensor "encoder.layer.0.intermediate.dense.weight" has the shape [40 24], but config.json says [41 24]`},
		{"more layers", set("num_hidden_layers", 1<<20), `there is no tensor "encoder.layer.2.attention.self.query.weight"`},
		{"config.json is missing", without("config.json"), "open config.json: no such file"},
		{"config.json is no JSON", file("config.json", "{"), "unexpected end of JSON input"},
		{"config.json is huge", file("config.json", strings.Repeat(" ", 1<<20+1)), "is larger than 1048576 bytes"},
		{"a module outside", file("modules.json", `[{"type": "Transformer", "path": "../x"}]`), `"../x" does not lie in the folder`},
		{"an absolute module", file("modules.json", `[{"type": "Transformer", "path": "/etc"}]`), `"/etc" does not lie in the folder`},
		{"a module of another kind", file("modules.json", `[{"type": "a.Transformer"}, {"type": "a.Pooling", "path": "1_Pooling"}, {"type": "a.Dense"}]`), `"a.Dense" as module 2 is not supported`},
		{"no module", file("modules.json", `[]`), "modules.json names no pooling"},
		{"no pooling", file("modules.json", `[{"type": "a.Transformer"}]`), "modules.json names no pooling"},
		{"modules.json is an object", file("modules.json", `{}`), "cannot unmarshal"},
		{"pooling is missing", without("1_Pooling"), "no such file"},
		{"pooling by max", file("1_Pooling/config.json", `{"pooling_mode_max_tokens": true}`), "pooling by [max] is not supported, only by mean or by cls"},
		{"two poolings", file("1_Pooling/config.json", `{"pooling_mode": ["cls", "mean"]}`), "pooling by [cls mean] is not supported"},
		{"pooling that is no text", file("1_Pooling/config.json", `{"pooling_mode": [1]}`), "pooling by [1] is not supported"},
		{"pooling without the prompt", file("1_Pooling/config.json", `{"include_prompt": false}`), "pooling without the prompt is not supported"},
		{"prompts that are none", file("config_sentence_transformers.json", `{"prompts": 1}`), "cannot unmarshal"},
		{"max_seq_length", file("sentence_bert_config.json", `{"max_seq_length": 2}`), "max_seq_length 2 leaves no room for a token"},
		{"sentence_bert_config.json", file("sentence_bert_config.json", `[]`), "cannot unmarshal"},
		{"another task", file("sentence_bert_config.json", `{"transformer_task": "fill-mask"}`), `the task "fill-mask" with the output "" is not supported, only "feature-extraction" with "last_hidden_state"`},
		{"another output", file("sentence_bert_config.json", `{"modality_config": {"text": {"method_output_name": "pooler_output"}}}`), `with the output "pooler_output" is not supported`},
		{"tokenizer_config.json", file("tokenizer_config.json", `[]`), "cannot unmarshal"},
		{"cut at the left", file("tokenizer_config.json", `{"truncation_side": "left"}`), `truncation_side "left" is not supported`},
		{"a token that is a number", file("tokenizer_config.json", `{"cls_token": 1}`), "cannot unmarshal number"},
		{"a token without a name", file("tokenizer_config.json", `{"cls_token": {"content": 1}}`), "cannot unmarshal number"},
		{"a pickle", instead("pytorch_model.bin"), "the weights are a pickle (pytorch_model.bin), which could run code"},
		{"several files", instead("model.safetensors.index.json"), "weights in several files are not supported"},
		{"TensorFlow", instead("tf_model.h5"), "weights of TensorFlow are not supported"},
		{"no weights", without("model.safetensors"), "has no model.safetensors"},
		{"a folder as weights", instead("model.safetensors/x"), "is not a regular file"},
		{"empty weights", file("model.safetensors", ""), "unexpected EOF"},
		{"a Git LFS pointer", file("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:53\n"), "this is a Git LFS pointer"},
		{"weights cut short", func(t *testing.T, dir string) {
			path := filepath.Join(dir, "model.safetensors")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()-1); err != nil {
				t.Fatal(err)
			}
		}, "not a safetensors file, or a damaged one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, transformertest.Model{})
			test.edit(t, dir)
			for name, open := range openers {
				model, err := open(dir, "")
				if err == nil {
					model.Close()
					t.Fatalf("%s: opened, want %q", name, test.want)
				}
				if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %v, want one line with %q", name, err, test.want)
				}
			}
		})
	}
}

// header makes a safetensors file of a header and some bytes.
func header(text string, data int) []byte {
	file := append([]byte{byte(len(text)), byte(len(text) >> 8), 0, 0, 0, 0, 0, 0}, text...)
	return append(file, make([]byte, data)...)
}

func TestTensorsRefused(t *testing.T) {
	t.Parallel()
	word := func(entry string) []byte {
		return header(`{"embeddings.word_embeddings.weight": `+entry+`}`, 24*4*len(transformertest.Vocabulary))
	}
	shape := `"shape": [` + string(mustJSON(t, len(transformertest.Vocabulary))) + `, 24], `
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"shorter than a length":    {[]byte("1234567"), "7 bytes: not a safetensors file"},
		"a header beyond the end":  {[]byte{9, 0, 0, 0, 0, 0, 0, 0, '{', '}'}, "a header of 9 bytes in a file of 10"},
		"a huge header":            {[]byte{0, 0, 0, 0, 0, 0, 0, 0x80, '{', '}'}, "a header of 9223372036854775808 bytes"},
		"a header that is no JSON": {header(`{"a"`, 0), "not a safetensors file"},
		"an array":                 {header(`[]`, 0), "not a safetensors file"},
		"nothing in it":            {header(`{}`, 0), `there is no tensor "embeddings.word_embeddings.weight"`},
		"an entry that is none":    {word(`7`), "not a safetensors file"},
		"offsets that run back":    {word(`{"dtype": "F32", ` + shape + `"data_offsets": [8, 4]}`), "lies at [8 4]"},
		"offsets beyond the end":   {word(`{"dtype": "F32", ` + shape + `"data_offsets": [0, 18446744073709551615]}`), "lies at [0 18446744073709551615]"},
		"negative offsets":         {word(`{"dtype": "F32", ` + shape + `"data_offsets": [-1, 4]}`), "not a safetensors file"},
		"too few bytes":            {word(`{"dtype": "F32", ` + shape + `"data_offsets": [0, 4]}`), "4 bytes for"},
		"another type":             {word(`{"dtype": "I8", ` + shape + `"data_offsets": [0, 4]}`), `numbers of type "I8" are not supported, only F32, F16 and BF16`},
		"no shape":                 {word(`{"dtype": "F32", "data_offsets": [0, 4]}`), "has the shape []"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, transformertest.Model{})
			overwrite(t, dir, "model.safetensors", test.file)
			for name, open := range openers {
				if _, err := open(dir, ""); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v, want %q", name, err, test.want)
				}
			}
		})
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Weights that are not aligned are the same weights.
func TestUnalignedWeights(t *testing.T) {
	t.Parallel()
	m := transformertest.Model{}
	dir := write(t, m)
	want := fingerprint(t, open(t, m, ""))
	file, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	length := int(file[0]) | int(file[1])<<8
	shifted := append([]byte{byte(length + 1), byte((length + 1) >> 8)}, file[2:8+length]...)
	overwrite(t, dir, "model.safetensors", append(append(shifted, ' '), file[8+length:]...))
	model, err := transformer.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if got := fingerprint(t, model); got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	vectors, err := model.Encode(new(transformer.Workspace), [][]int32{{2, 9, 3}})
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, vectors[0], newPlain(m).encode([]int32{2, 9, 3}))
}

func TestHalfPrecision(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint16]float32{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 1.0 / (1 << 14), 0x0001: 1.0 / (1 << 24), 0x83ff: -1023.0 / (1 << 24), 0x3555: 0.333251953125,
		0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)),
	} {
		if got := transformer.FromHalf(bits); got != want {
			t.Errorf("%#04x is %v, want %v", bits, got, want)
		}
	}
	if got := transformer.FromHalf(0x7e00); got == got {
		t.Errorf("0x7e00 is %v, want NaN", got)
	}
}
