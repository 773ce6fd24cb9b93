package rerank

import (
	"context"
	"strings"

	"sheaf/internal/embed"
)

// cross judges by a cross-encoder, a model that reads query and text together.
type cross struct{ model *embed.CrossEncoder }

// newHF makes the judge of a model of the hub, or of one in a folder: a cross-encoder where it is
// one, else an embedder.
func newHF(model string, o Options) (Judge, error) {
	_, name, _ := strings.Cut(model, ":")
	if !embed.IsCrossEncoder(name, o.Options) {
		return newSimilarity(model, o)
	}
	c, err := embed.NewCrossEncoder(name, o.Options)
	if err != nil {
		return nil, err
	}
	return &cross{c}, nil
}

// Close implements Judge.
func (c *cross) Close() error { return c.model.Close() }

// Judge implements Judge.
func (c *cross) Judge(ctx context.Context, questions []Question) ([]Verdict, error) {
	var pairs []embed.Pair
	for _, q := range questions {
		for _, text := range q.Texts {
			pairs = append(pairs, embed.Pair{Query: q.Query, Text: text})
		}
	}
	scores, err := c.model.Scores(ctx, pairs)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(questions))
	for i, q := range questions {
		n := len(q.Texts)
		verdicts[i].Scores, scores = scores[:n:n], scores[n:]
	}
	return verdicts, nil
}
