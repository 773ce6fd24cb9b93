package embed

import (
	"context"
	"errors"
	"strings"

	"sheaf/internal/transformer"
	"sheaf/internal/wordpiece"
)

// CrossEncoder computes how well texts answer queries by a model that reads both together, as
// sentence-transformers' CrossEncoder does with the same folder. It is safe for concurrent use.
type CrossEncoder struct {
	*bert
	classifier *transformer.Model
}

// pairSpecials are the special tokens of a pair: [CLS], and [SEP] after each text.
const pairSpecials = 3

// IsCrossEncoder reports whether the MODEL of "hf:MODEL" is on this machine and classifies, so
// that it is no embedder.
func IsCrossEncoder(model string, o Options) bool {
	name, _ := CutInt8(model)
	dir, err := findFolder(name, o)
	return err == nil && transformer.IsClassifier(dir)
}

// NewCrossEncoder makes the cross-encoder of the MODEL of "hf:MODEL".
func NewCrossEncoder(model string, o Options) (*CrossEncoder, error) {
	name, int8 := CutInt8(model)
	dir, err := findFolder(name, o)
	if err != nil {
		return nil, &ModelError{"hf:" + model, err}
	}
	c, err := openCrossEncoder(dir, int8, o)
	if err != nil {
		return nil, &ModelError{"hf:" + model, err}
	}
	return c, nil
}

func openCrossEncoder(dir string, int8 bool, o Options) (*CrossEncoder, error) {
	model, err := transformer.OpenClassifier(dir, o.Kernel, int8)
	if err != nil {
		return nil, err
	}
	b, err := newBERT(model, tokensIn(dir, model), int8, o)
	if err != nil {
		return nil, err
	}
	if _, ok := b.tokens.tokenizer.(*wordpiece.Tokenizer); !ok {
		err = errors.New("a cross-encoder with a Unigram tokenizer is not supported, only with WordPiece")
	} else if b.settings.MaxTokens <= pairSpecials {
		err = errors.New("max_seq_length leaves no room for a pair")
	}
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return &CrossEncoder{b, model}, nil
}

// Close frees what the model holds.
func (c *CrossEncoder) Close() error { return c.model.Close() }

// Pair is a query and a text that may answer it.
type Pair struct{ Query, Text string }

// Scores returns the score of each pair, higher for better answers. A pair that is too long for the
// model is cut: the longer of both until they are as long, then both.
func (c *CrossEncoder) Scores(ctx context.Context, pairs []Pair) ([]float32, error) {
	scores, second := make([]float32, len(pairs)), make([]int, len(pairs))
	ids := make([][]int32, len(pairs))
	for i, p := range pairs {
		ids[i], second[i] = c.pairTokens(p)
	}
	err := c.inPacks(ctx, ids, func(w *transformer.Workspace, first, end int) error {
		computed, err := c.classifier.Score(w, ids[first:end], second[first:end])
		copy(scores[first:], computed)
		return err
	})
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// pairTokens returns the ids of a pair, and the place at which the second text begins.
func (c *CrossEncoder) pairTokens(p Pair) (ids []int32, second int) {
	if c.settings.Lowercase {
		p.Query, p.Text = strings.ToLower(p.Query), strings.ToLower(p.Text)
	}
	ids = c.tokens.tokenizer.Append([]int32{c.tokens.beforeID}, p.Query)
	text := c.tokens.tokenizer.Append(nil, p.Text)
	first, rest := shares(len(ids)-1, len(text), c.settings.MaxTokens-pairSpecials)
	ids = append(ids[:1+first], c.tokens.behindID)
	second = len(ids)
	return append(append(ids, text[:rest]...), c.tokens.behindID), second
}

// shares returns how many tokens are kept of two texts, at most limit of both: the longer one is cut
// until both are as long, then both, as "longest_first" of Hugging Face's tokenizers does.
func shares(first, second, limit int) (int, int) {
	if first+second <= limit {
		return first, second
	}
	short := min(first, second, limit/2)
	if first > second {
		return limit - short, short
	}
	return short, limit - short
}
