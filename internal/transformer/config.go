package transformer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

const (
	maxSize = 1 << 20 // bound of every size in a configuration; no tensor is as wide
	maxJSON = 1 << 20 // bytes of a configuration file
)

// shape holds the sizes of an encoder.
type shape struct {
	vocabulary, positions, types int
	dim, layers, heads, inner    int
	epsilon                      float32
}

// configFile is config.json. Keys that are often left out have the defaults of BertConfig in
// the Python package transformers.
type configFile struct {
	Architectures []string `json:"architectures"`

	ModelType  string   `json:"model_type"`
	Activation string   `json:"hidden_act"`
	Positional string   `json:"position_embedding_type"`
	Decoder    bool     `json:"is_decoder"`
	Vocabulary int      `json:"vocab_size"`
	Positions  int      `json:"max_position_embeddings"`
	Types      int      `json:"type_vocab_size"`
	Dim        int      `json:"hidden_size"`
	Layers     int      `json:"num_hidden_layers"`
	Heads      int      `json:"num_attention_heads"`
	Inner      int      `json:"intermediate_size"`
	Epsilon    *float64 `json:"layer_norm_eps"`
	Padding    int32    `json:"pad_token_id"`
}

// The architectures, by model_type. That of XLM-R is a BERT whose positions are numbered from behind
// the id of the padding token.
const (
	architectureBERT = "bert"
	architectureXLMR = "xlm-roberta"
)

// readConfig reads an encoder's config.json and refuses what is neither a plain BERT nor an XLM-R.
func readConfig(files fs.FS, dir string) (*configFile, shape, error) {
	c := &configFile{Activation: "gelu", Positional: "absolute", Types: 2, Padding: 1}
	if err := readJSON(files, path.Join(dir, "config.json"), c); err != nil {
		return nil, shape{}, err
	}
	s, err := c.shape()
	if err != nil {
		return nil, shape{}, fmt.Errorf("config.json: %w", err)
	}
	return c, s, nil
}

func (c *configFile) shape() (shape, error) {
	switch {
	case c.ModelType != architectureBERT && c.ModelType != architectureXLMR:
		return shape{}, fmt.Errorf("the architecture %q is not supported, only %q and %q", c.ModelType, architectureBERT, architectureXLMR)
	case c.Decoder:
		return shape{}, errors.New("a decoder is not supported, only an encoder")
	case c.Activation != "gelu":
		return shape{}, fmt.Errorf("the activation %q is not supported, only \"gelu\"", c.Activation)
	case c.Positional != "absolute":
		return shape{}, fmt.Errorf("position embeddings of type %q are not supported, only \"absolute\"", c.Positional)
	}
	for _, size := range []struct {
		key   string
		value int
	}{
		{"vocab_size", c.Vocabulary}, {"max_position_embeddings", c.Positions}, {"type_vocab_size", c.Types},
		{"hidden_size", c.Dim}, {"num_hidden_layers", c.Layers}, {"num_attention_heads", c.Heads}, {"intermediate_size", c.Inner},
	} {
		if size.value < 1 || size.value > maxSize {
			return shape{}, fmt.Errorf("%s is %d, not from 1 to %d", size.key, size.value, maxSize)
		}
	}
	if c.ModelType == architectureXLMR && (c.Padding < 0 || int(c.Padding) >= c.Positions) {
		return shape{}, fmt.Errorf("pad_token_id is %d, not from 0 to below max_position_embeddings", c.Padding)
	}
	if c.Dim%c.Heads != 0 {
		return shape{}, fmt.Errorf("hidden_size %d does not share out among %d heads", c.Dim, c.Heads)
	}
	epsilon := 1e-12
	if c.Epsilon != nil {
		epsilon = *c.Epsilon
	}
	if epsilon < 0 || epsilon > 1 {
		return shape{}, fmt.Errorf("layer_norm_eps is %v", epsilon)
	}
	return shape{
		vocabulary: c.Vocabulary, positions: c.Positions, types: c.Types,
		dim: c.Dim, layers: c.Layers, heads: c.Heads, inner: c.Inner, epsilon: float32(epsilon),
	}, nil
}

// readJSON reads a configuration file, which must exist.
func readJSON(files fs.FS, name string, to any) error {
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxJSON:
		return fmt.Errorf("%s is larger than %d bytes", name, maxJSON)
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// readOptional reads a configuration file, or leaves to unchanged where there is none.
func readOptional(files fs.FS, name string, to any) error {
	err := readJSON(files, name, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
