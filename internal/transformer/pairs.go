package transformer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// IsClassifier reports whether the folder dir says that it holds a model for
// classification, of whatever architecture, which no vectors are wanted of.
func IsClassifier(dir string) bool {
	var c configFile
	return readJSON(os.DirFS(dir), "config.json", &c) == nil && c.classifies()
}

func (c *configFile) classifies() bool {
	return slices.ContainsFunc(c.Architectures, func(name string) bool { return strings.HasSuffix(name, "ForSequenceClassification") })
}

// classifierFile is what a cross-encoder's config.json has besides. Versions of
// sentence-transformers have the activation in several places.
type classifierFile struct {
	configFile
	Labels     map[string]any `json:"id2label"` // transformers' default: two
	Activation struct {
		Name string `json:"activation_fn"`
	} `json:"sentence_transformers"`
	LegacyActivation string `json:"sbert_ce_default_activation_function"`
}

// readClassifier reads the configuration files of a cross-encoder's folder.
func readClassifier(files fs.FS) (*folder, error) {
	var modules []module
	switch err := readOptional(files, "modules.json", &modules); {
	case err != nil:
		return nil, err
	case len(modules) > 1 || len(modules) == 1 && (modules[0].Path != "" || !strings.HasSuffix(modules[0].Type, ".Transformer")):
		return nil, errors.New("modules.json: a cross-encoder of several modules is not supported")
	}
	f := &folder{pooling: clsPooling, classifies: true}
	if err := f.readEncoder(files); err != nil {
		return nil, err
	}
	var c classifierFile
	if err := readJSON(files, "config.json", &c); err != nil {
		return nil, err
	}
	if f.padding >= 0 {
		return nil, fmt.Errorf("config.json: a cross-encoder of the architecture %q is not supported, only of %q", architectureXLMR, architectureBERT)
	}
	if labels := cmp.Or(len(c.Labels), 2); labels != 1 {
		return nil, fmt.Errorf("config.json: a classifier of %d labels is not supported, only of 1", labels)
	}
	if f.shape.types < 2 {
		return nil, errors.New("config.json: type_vocab_size is 1, so the texts of a pair are not told apart")
	}
	var s struct {
		Activation string `json:"activation_fn"`
		Prompt     string `json:"default_prompt_name"`
	}
	if err := readOptional(files, "config_sentence_transformers.json", &s); err != nil {
		return nil, err
	}
	if s.Prompt != "" {
		return nil, errors.New("config_sentence_transformers.json: prompts before pairs are not supported")
	}
	return f, f.setActivation(cmp.Or(s.Activation, c.Activation.Name, c.LegacyActivation))
}

// setActivation sets what is applied to a sum of the classifier, by the name of a class of PyTorch.
// Without a name it is the sigmoid, as in sentence-transformers.
func (f *folder) setActivation(name string) error {
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "", "Sigmoid":
		f.sigmoid = true
	case "Identity":
	default:
		return fmt.Errorf("the activation %q is not supported, only Sigmoid and Identity", name)
	}
	return nil
}
