package embed

import (
	"errors"
	"io"

	"sheaf/internal/transformer"
	"sheaf/internal/unigram"
)

// USE is the model that "multilingual" stands for, by its name on the Hugging Face hub and elsewhere.
// The hub does not have it in a form that is read here.
const USE = "google/universal-sentence-encoder-multilingual"

// NewUSE returns the embedder "multilingual": USE-multilingual-v3, for 16 languages. There is no
// model to choose.
func NewUSE(_ string, o Options) (Embedder, error) {
	return newEncoder(Identity{Provider: "multilingual"}, USE, false, o)
}

// openUSE opens the model in a folder that package use has made.
func openUSE(dir string, int8 bool, o Options) (*bert, error) {
	if int8 {
		return nil, errors.New("USE-multilingual-v3 has no int8 form")
	}
	model, err := transformer.OpenUSE(dir, o.Kernel)
	if err != nil {
		return nil, err
	}
	b, err := newBERT(model, func() (*textTokens, error) { return useTokens(model) }, false, o)
	if err != nil {
		return nil, err
	}
	b.foreign = &foreign{}
	return b, nil
}

// The ids of <s> and </s>.
const (
	useBefore = 1
	useBehind = 2
)

// useTokens returns the tokenizer of a model. A text without pieces is unknown.
func useTokens(model *transformer.USE) (*textTokens, error) {
	p := model.Pieces()
	t, err := unigram.Open(unigram.Data{Charsmap: p.Charsmap, Trie: p.Trie, Scores: p.Scores, Least: p.Least})
	if err != nil {
		return nil, err
	}
	return &textTokens{
		tokenizer: neverEmpty{t}, beforeID: useBefore, behindID: useBehind,
		describe: func(io.Writer) error { return nil }, // the fingerprint of the model covers it
	}, nil
}

// neverEmpty is a tokenizer for which a text without pieces is one unknown piece.
type neverEmpty struct{ tokenizer }

func (n neverEmpty) Append(ids []int32, text string) []int32 {
	with := n.tokenizer.Append(ids, text)
	if len(with) == len(ids) {
		with = append(with, unigram.Unknown)
	}
	return with
}
