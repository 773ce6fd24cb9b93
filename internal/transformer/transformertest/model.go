// Package transformertest writes small models with random weights, in the layout that
// transformer reads, and a tokenizer beside them.
package transformertest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Model describes a model to write. The zero value is a tiny one that pools by mean.
type Model struct {
	Dim, Layers, Heads, Inner, Positions int // 0: a small number
	Vocabulary                           int // ids are below it; 0: as many as Vocabulary has
	Seed                                 uint64
	DType                                string         // of the weights; empty: F32
	Prefix                               string         // of their names
	Pooling                              string         // empty: mean
	Normalize                            bool           // vectors have length 1
	Config                               map[string]any // keys of config.json to set; nil leaves a key out
	Text                                 map[string]any // keys of sentence_bert_config.json
	Prompts                              map[string]string
}

// Vocabulary lists the pieces of every model's tokenizer in the order of their ids: special
// tokens, letters, digits, marks, and some words.
var Vocabulary = vocabulary()

func vocabulary() []string {
	pieces := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for c := '!'; c <= '~'; c++ {
		if c < 'A' || c > 'Z' {
			pieces = append(pieces, string(c))
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		pieces = append(pieces, "##"+string(c))
	}
	return append(pieces, strings.Fields("the moon pulls sea and tides come go old paper turns yellow ##ing query passage")...)
}

// Tensor is a matrix or a row of numbers.
type Tensor struct {
	Name  string
	Shape []int
	X     []float32
}

// WithDefaults returns the model with defaults in the place of zero values.
func (m Model) WithDefaults() Model {
	def := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	def(&m.Dim, 24)
	def(&m.Layers, 2)
	def(&m.Heads, 3)
	def(&m.Inner, 40)
	def(&m.Positions, 32)
	def(&m.Vocabulary, len(Vocabulary))
	if m.DType == "" {
		m.DType = "F32"
	}
	if m.Pooling == "" {
		m.Pooling = "mean"
	}
	return m
}

// Tensors returns the weights, which are equal for equal models and rounded to DType.
func (m Model) Tensors() []Tensor {
	m = m.WithDefaults()
	random := rand.New(rand.NewPCG(m.Seed, 1))
	var all []Tensor
	add := func(name string, around float64, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = round(m.DType, float32(around+0.2*random.NormFloat64()))
		}
		all = append(all, Tensor{m.Prefix + name, shape, x})
	}
	linear := func(name string, out, in int) {
		add(name+".weight", 0, out, in)
		add(name+".bias", 0, out)
	}
	norm := func(name string) {
		add(name+".weight", 1, m.Dim)
		add(name+".bias", 0, m.Dim)
	}
	add("embeddings.word_embeddings.weight", 0, m.Vocabulary, m.Dim)
	add("embeddings.position_embeddings.weight", 0, m.Positions, m.Dim)
	add("embeddings.token_type_embeddings.weight", 0, 2, m.Dim)
	norm("embeddings.LayerNorm")
	for i := range m.Layers {
		layer := fmt.Sprintf("encoder.layer.%d.", i)
		linear(layer+"attention.self.query", m.Dim, m.Dim)
		linear(layer+"attention.self.key", m.Dim, m.Dim)
		linear(layer+"attention.self.value", m.Dim, m.Dim)
		linear(layer+"attention.output.dense", m.Dim, m.Dim)
		norm(layer + "attention.output.LayerNorm")
		linear(layer+"intermediate.dense", m.Inner, m.Dim)
		linear(layer+"output.dense", m.Dim, m.Inner)
		norm(layer + "output.LayerNorm")
	}
	return all
}

// Write writes the model's files to a new folder.
func (m Model) Write(dir string) error {
	m = m.WithDefaults()
	config := map[string]any{
		"architectures": []string{"BertModel"}, "model_type": "bert", "hidden_act": "gelu",
		"hidden_size": m.Dim, "num_hidden_layers": m.Layers, "num_attention_heads": m.Heads,
		"intermediate_size": m.Inner, "max_position_embeddings": m.Positions, "type_vocab_size": 2,
		"vocab_size": m.Vocabulary, "layer_norm_eps": 1e-12, "position_embedding_type": "absolute",
	}
	maps.Copy(config, m.Config)
	maps.DeleteFunc(config, func(_ string, value any) bool { return value == nil })
	modules := []map[string]any{
		{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
		{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
	}
	if m.Normalize {
		modules = append(modules, map[string]any{"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})
	}
	for name, content := range map[string]any{
		"config.json":                       config,
		"modules.json":                      modules,
		"1_Pooling/config.json":             map[string]any{"word_embedding_dimension": m.Dim, "pooling_mode": m.Pooling},
		"sentence_bert_config.json":         m.Text,
		"config_sentence_transformers.json": map[string]any{"prompts": m.Prompts},
		"tokenizer_config.json":             map[string]any{"do_lower_case": true, "model_max_length": m.Positions},
		"tokenizer.json":                    Tokenizer(),
	} {
		data, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return err
		}
		if err := write(dir, name, data); err != nil {
			return err
		}
	}
	if err := write(dir, "vocab.txt", []byte(strings.Join(Vocabulary, "\n")+"\n")); err != nil {
		return err
	}
	return write(dir, "model.safetensors", Safetensors(m.DType, m.Tensors()))
}

func write(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}

// Tokenizer returns the content of a tokenizer.json, which a test may change.
func Tokenizer() map[string]any {
	pieces := map[string]int{}
	var added []any
	for id, piece := range Vocabulary {
		pieces[piece] = id
		if id < 5 {
			added = append(added, map[string]any{"id": id, "content": piece, "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false})
		}
	}
	return map[string]any{
		"version": "1.0", "added_tokens": added,
		"post_processor": map[string]any{"type": "BertProcessing", "cls": []any{"[CLS]", 2}, "sep": []any{"[SEP]", 3}},
		"normalizer":     map[string]any{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer":  map[string]any{"type": "BertPreTokenizer"},
		"model":          map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": pieces},
	}
}

// Safetensors returns a safetensors file with the tensors, whose numbers have a type.
func Safetensors(dtype string, all []Tensor) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data []byte
	for _, t := range all {
		begin := len(data)
		for _, x := range t.X {
			data = appendNumber(data, dtype, x)
		}
		header[t.Name] = map[string]any{"dtype": dtype, "shape": t.Shape, "data_offsets": []int{begin, len(data)}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // maps, slices and strings always encode
	}
	text = append(text, slices.Repeat([]byte(" "), 7-(len(text)+7)%8)...)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), data...)
}

func appendNumber(data []byte, dtype string, x float32) []byte {
	bits := math.Float32bits(x)
	switch dtype {
	case "F16":
		return binary.LittleEndian.AppendUint16(data, half(x))
	case "BF16":
		return binary.LittleEndian.AppendUint16(data, uint16(bits>>16))
	}
	return binary.LittleEndian.AppendUint32(data, bits)
}

// round truncates x to the precision of a type.
func round(dtype string, x float32) float32 {
	switch dtype {
	case "F16": // 10 bits of fraction; steps of 2^-24 below 2^-14
		if math.Abs(float64(x)) < 1.0/(1<<14) {
			return float32(math.Trunc(float64(x)*(1<<24))) / (1 << 24)
		}
		return math.Float32frombits(math.Float32bits(x) &^ (1<<13 - 1))
	case "BF16":
		return math.Float32frombits(math.Float32bits(x) &^ (1<<16 - 1))
	}
	return x
}

// half returns the binary16 of a number that round returned.
func half(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	if exponent := int(bits>>23&0xff) - 127 + 15; exponent > 0 {
		return sign | uint16(exponent)<<10 | uint16(bits>>13&0x3ff)
	}
	return sign | uint16(math.Abs(float64(x))*(1<<24))
}
