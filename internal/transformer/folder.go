package transformer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Settings are what the configuration files of a model's folder say.
type Settings struct {
	Dim        int // numbers in a vector
	Vocabulary int // token ids are below it
	MaxTokens  int // of a text, [CLS] and [SEP] included
	Normalized bool
	Lowercase  bool // texts are lower-cased before they are tokenized

	// What tokenizer_config.json says of the tokenizer, nil where it does not: do_lower_case, strip_accents and
	// tokenize_chinese_chars.
	TokenizerLowercase, TokenizerAccents, TokenizerIdeographs *bool

	// The tokens before and behind a text, as tokenizer_config.json names them: cls_token and sep_token; empty where
	// it does not.
	FirstToken, LastToken string

	PoolingAssumed bool // the folder names no pooling, so it is mean

	QueryPrompt, PassagePrompt string // put before questions, and before texts to be found

	TokenizerDir string // folder of the tokenizer's files: slash-separated, relative to the model's
}

// pooling is how one vector is made of the vectors of a text's tokens.
type pooling string

const (
	meanPooling pooling = "mean"
	clsPooling  pooling = "cls"
)

// folder is the content of the configuration files of a model's folder.
type folder struct {
	Settings
	shape   shape
	padding int32 // id of the padding token of an XLM-R, or -1: positions are numbered from behind it
	pooling pooling
	encoder string // folder of config.json and the weights; as TokenizerDir

	classifies bool // it gives scores to pairs, not vectors to texts
	sigmoid    bool // scores are brought to 0..1
}

// module is one entry of modules.json.
type module struct {
	Type string `json:"type"`
	Path string `json:"path"`
}

// readFolder reads the configuration files of a folder. One without modules.json is an encoder
// by itself, whose pooling is mean, as in sentence-transformers.
func readFolder(files fs.FS) (*folder, error) {
	f := &folder{}
	modules := []module{{Type: "Transformer"}}
	switch err := readJSON(files, "modules.json", &modules); {
	case errors.Is(err, fs.ErrNotExist):
		f.pooling, f.PoolingAssumed = meanPooling, true
	case err != nil:
		return nil, err
	}
	for i, m := range modules {
		dir := path.Clean(m.Path)
		if !fs.ValidPath(dir) {
			return nil, fmt.Errorf("modules.json: %q does not lie in the folder", m.Path)
		}
		if err := f.module(files, i, m.Type, dir); err != nil {
			return nil, err
		}
	}
	if f.pooling == "" {
		return nil, errors.New("modules.json names no pooling")
	}
	return f, f.readPrompts(files)
}

// module reads the i-th module, whose kind is a class such as
// sentence_transformers.models.Pooling.
func (f *folder) module(files fs.FS, i int, kind, dir string) error {
	switch name := kind[strings.LastIndexByte(kind, '.')+1:]; {
	case i == 0 && name == "Transformer":
		f.encoder = dir
		return f.readEncoder(files)
	case i == 1 && name == "Pooling":
		return f.readPooling(files, dir)
	case i > 0 && name == "Normalize":
		f.Normalized = true
		return nil
	}
	return fmt.Errorf("modules.json: %q as module %d is not supported", kind, i)
}

func (f *folder) readEncoder(files fs.FS) error {
	config, shape, err := readConfig(files, f.encoder)
	if err != nil {
		return err
	}
	f.shape, f.padding = shape, -1
	if config.ModelType == architectureXLMR {
		f.padding = config.Padding
	}
	longest := shape.positions - int(f.padding) - 1
	var text struct {
		Longest  *int   `json:"max_seq_length"`
		Lower    bool   `json:"do_lower_case"`
		Task     string `json:"transformer_task"` // since sentence-transformers 6
		Modality struct {
			Text struct {
				Output string `json:"method_output_name"`
			} `json:"text"`
		} `json:"modality_config"`
	}
	var tokenizer tokenizerConfig
	if err := readOptional(files, path.Join(f.encoder, "sentence_bert_config.json"), &text); err != nil {
		return err
	}
	if err := readOptional(files, path.Join(f.encoder, "tokenizer_config.json"), &tokenizer); err != nil {
		return err
	}
	task, output := "feature-extraction", "last_hidden_state"
	if f.classifies {
		task, output = "sequence-classification", "logits"
	}
	if cmp.Or(text.Task, task) != task || cmp.Or(text.Modality.Text.Output, output) != output {
		return fmt.Errorf("sentence_bert_config.json: the task %q with the output %q is not supported, only %q with %q",
			text.Task, text.Modality.Text.Output, task, output)
	}
	if side := cmp.Or(tokenizer.Truncation, "right"); side != "right" {
		return fmt.Errorf("tokenizer_config.json: truncation_side %q is not supported, only \"right\"", side)
	}
	switch {
	case text.Longest != nil:
		longest = min(longest, *text.Longest)
	case tokenizer.Longest >= 1:
		longest = int(min(float64(longest), tokenizer.Longest))
	}
	if longest < 3 {
		return fmt.Errorf("max_seq_length %d leaves no room for a token", longest)
	}
	f.Dim, f.Vocabulary, f.MaxTokens = f.shape.dim, f.shape.vocabulary, longest
	f.Lowercase, f.TokenizerDir = text.Lower, f.encoder
	f.TokenizerLowercase, f.TokenizerAccents, f.TokenizerIdeographs = tokenizer.Lowercase, tokenizer.Accents, tokenizer.Ideographs
	f.FirstToken, f.LastToken = string(tokenizer.CLS), string(tokenizer.SEP)
	return nil
}

// tokenizerConfig is tokenizer_config.json, whose settings outrank those of the tokenizer.
type tokenizerConfig struct {
	Longest    float64 `json:"model_max_length"` // 1e30: any
	Lowercase  *bool   `json:"do_lower_case"`
	Accents    *bool   `json:"strip_accents"` // null: as do_lower_case
	Ideographs *bool   `json:"tokenize_chinese_chars"`
	Truncation string  `json:"truncation_side"`
	CLS        token   `json:"cls_token"`
	SEP        token   `json:"sep_token"`
}

// token is the name of a token: text, or an object with the content.
type token string

// UnmarshalJSON implements json.Unmarshaler.
func (t *token) UnmarshalJSON(data []byte) error {
	object := struct{ Content *string }{(*string)(t)}
	if len(data) > 0 && data[0] == '{' {
		return json.Unmarshal(data, &object)
	}
	return json.Unmarshal(data, object.Content)
}

// legacyPoolings maps the keys that older versions have in place of "pooling_mode" to poolings.
var legacyPoolings = map[string]string{
	"pooling_mode_cls_token":            "cls",
	"pooling_mode_max_tokens":           "max",
	"pooling_mode_mean_tokens":          "mean",
	"pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
	"pooling_mode_weightedmean_tokens":  "weightedmean",
	"pooling_mode_lasttoken":            "lasttoken",
}

func (f *folder) readPooling(files fs.FS, dir string) error {
	name, c := path.Join(dir, "config.json"), map[string]any{}
	if err := readJSON(files, name, &c); err != nil {
		return err
	}
	if include, ok := c["include_prompt"].(bool); ok && !include {
		return fmt.Errorf("%s: pooling without the prompt is not supported", name)
	}
	var modes []any
	for key, mode := range legacyPoolings {
		if on, ok := c[key].(bool); ok && on {
			modes = append(modes, mode)
		}
	}
	switch given := c["pooling_mode"].(type) {
	case string:
		modes = []any{given}
	case []any:
		modes = given
	}
	if len(modes) == 0 {
		modes = []any{string(meanPooling)}
	}
	mode, _ := modes[0].(string)
	f.pooling = pooling(mode)
	if len(modes) > 1 || f.pooling != meanPooling && f.pooling != clsPooling {
		return fmt.Errorf("%s: pooling by %v is not supported, only by mean or by cls", name, modes)
	}
	return nil
}

// readPrompts reads what sentence-transformers puts before questions and passages.
func (f *folder) readPrompts(files fs.FS) error {
	var c struct {
		Prompts map[string]string `json:"prompts"`
		Default string            `json:"default_prompt_name"`
	}
	if err := readOptional(files, "config_sentence_transformers.json", &c); err != nil {
		return err
	}
	prompt := func(names ...string) string {
		for _, name := range append(names, c.Default) {
			if text, found := c.Prompts[name]; found {
				return text
			}
		}
		return ""
	}
	f.QueryPrompt, f.PassagePrompt = prompt("query"), prompt("document", "passage", "corpus")
	return nil
}
