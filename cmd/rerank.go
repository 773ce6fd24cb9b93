package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/rerank"
)

// rerankHelp is the paragraph about --rerank in the help of verbs.
const rerankHelp = `

With --rerank MODEL the best hits, 50 or as many as MODEL:N says, are judged
again by a better model, and the k best in its order are the answer. Filters and
thresholds come before it and are about the score, which a hit keeps.`

// addRerank declares the flag of verbs whose hits can be judged again.
func addRerank(c *cobra.Command) {
	addSettings(c.Flags(), "rerank", "rerank-url", "rerank-api-key-file")
}

// rerank judges the hits of each query again and leaves the k best by the judge. A query whose
// hits cannot be judged gets its error in err and has no hits.
func (a *asker) rerank(ctx context.Context, asked []query, found [][]engine.Hit) error {
	if a.o.rerank.Model == "" {
		return nil
	}
	if err := a.makeJudge(); err != nil {
		return err
	}
	questions := make([]rerank.Question, len(asked))
	for i, q := range asked {
		questions[i].Query = q.asked.Text
		for _, h := range found[i] {
			questions[i].Texts = append(questions[i].Texts, h.Text)
		}
	}
	verdicts, err := a.judge.Judge(ctx, questions)
	if err != nil {
		return fmt.Errorf("reranking by %s: %w", a.o.rerank.Model, err)
	}
	for i, v := range verdicts {
		if v.Err != nil {
			asked[i].err, found[i] = fmt.Errorf("reranking by %s: %w", a.o.rerank.Model, v.Err), nil
			continue
		}
		found[i] = engine.Rerank(found[i], v.Scores, a.o.k, a.o.mode == engine.Hybrid && rerank.MeaningAlone(a.judge))
	}
	return nil
}

// makeJudge makes the judge at the first call.
func (a *asker) makeJudge() (err error) {
	if a.judge != nil {
		return nil
	}
	o := a.o.embedder
	o.Dimensions, o.Query, o.Passage, o.Questions = 0, nil, nil, false // those are about the store's embedder
	c := a.env.config
	options := rerank.Options{Options: a.env.embedOptions(o, nil), URL: c.RerankURL, Key: c.RerankKey, KeyFile: c.RerankFile}
	options.TellsLong = true
	name := a.o.rerank.Model
	a.judge, err = rerank.New(name, options)
	switch {
	case err == nil:
		a.env.started.loaded = append(a.env.started.loaded, loaded{name, a.judge.Close})
		return nil
	case as[*embed.ModelError](err):
		return fmt.Errorf("reranking: %w", err)
	}
	return &usageError{fmt.Errorf("--rerank: %w", err)}
}
