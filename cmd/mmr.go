package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
)

type mmrOptions struct {
	askFlags
	words       queryWords
	vector      queryVector
	vectorGiven bool
	lambda      float64
}

func newMMRCmd(env *environment) *cobra.Command {
	var o mmrOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "mmr QUERY...|--vector VECTOR",
		Short:       "Find documents that are near to a text and unlike each other",
		Long: `Find documents by maximal marginal relevance: near to the query, and unlike
each other, so that an answer does not say the same thing four times. The query
is a text, as for sheaf search, or with --vector a vector, as for sheaf
search-vector; --queries asks many.

From the nearest documents, --fetch-k of them, the first pick is the one most
alike to the query, and each further one has the highest

  lambda x likeness to the query - (1 - lambda) x likeness to what is picked

where likeness is the cosine. With --lambda 1 only the query counts, with 0
only variety. Hits come in the order in which they were picked, with their own
scores. A text that is stored twice may be picked twice, as with LangChain:
sheaf duplicates finds such texts. Candidates are the nearest documents that
--filter and --source keep and that pass --score-threshold and --min-relevance.
With --fetch-k N and one of the two, as with LangChain, they are those that it
keeps among the 2 x N nearest.` + filterHelp + rerankHelp +
			exitStatus(0, 1, 2, 3, 4, 5, 10, 11, 12, 75, 130, 143),
		Example: `  sheaf mmr "how does a crash leave the store"
  sheaf mmr -k 8 --fetch-k 50 --lambda 0.3 --json rotating keys
  sheaf embed "stars and navigation" | sheaf mmr --vector -
  sheaf mmr --source 'docs/**' --queries questions.txt`,
		PreRunE: func(c *cobra.Command, args []string) error {
			o.vectorGiven = c.Flags().Changed("vector")
			return o.validate(env, args)
		},
		RunE: func(c *cobra.Command, _ []string) error { return runMMR(c.Context(), env, &o) },
	}
	o.addFlags(env, c, "pick from the `N` nearest documents (default 20, or -k where that is more)")
	o.vector.addFlags(c)
	addMode(c)
	addRerank(c)
	c.Flags().StringVar(&o.vector.text, "vector", "", "ask by `VECTOR`: numbers, @FILE, or - for stdin")
	c.Flags().Float64Var(&o.lambda, "lambda", 0.5, "weigh likeness to the query (1) against variety (0) by `X`")
	return c
}

func (o *mmrOptions) validate(env *environment, args []string) error {
	o.words = args
	switch {
	case !(o.lambda >= 0 && o.lambda <= 1): // NaN too
		return usagef("--lambda must be from 0 to 1, not %v", o.lambda)
	case o.vectorGiven && len(args) > 0:
		return usagef("a query and --vector cannot be used together")
	case o.vectorGiven && o.queries != "":
		return usagef("--vector and --queries cannot be used together")
	case o.vectorGiven && env.config.RerankFlag:
		return usagef("--rerank judges by a text: it cannot be used with --vector")
	case !o.vectorGiven && o.vector.binary != "":
		return usagef("--binary is about --vector @FILE")
	}
	check := o.words.validate(o.queries)
	if o.vectorGiven {
		check = o.vector.validate()
	}
	if check != nil {
		return check
	}
	if !o.vectorGiven {
		o.choose(env.config)
	}
	return o.askFlags.validate(env)
}

func runMMR(ctx context.Context, env *environment, o *mmrOptions) error {
	return env.withAgreeing(ctx, func(s catalog) error {
		a := newAsker(env, s, &o.askFlags)
		a.find, a.diverse = o.diverse(env, s), true
		switch {
		case o.queries != "":
			return a.askFile(ctx, textQuery)
		case o.vectorGiven:
			return a.askVector(ctx, o.vector)
		}
		return a.askWords(ctx, o.words)
	})
}

// diverse returns the finder of mmr.
func (o *mmrOptions) diverse(env *environment, s catalog) finder {
	return func(ctx context.Context, asked []query) ([][]engine.Hit, error) {
		search, err := o.options(ctx, env, s, asked)
		if err != nil {
			return nil, err
		}
		return engine.MMR(ctx, s, vectors(asked), engine.MMROptions{SearchOptions: search, Candidates: o.candidates(), Lambda: o.lambda})
	}
}

// candidatesPerJudged is how many of the nearest there are for each hit that MMR picks to be
// judged again, which would all be picked otherwise. LangChain's own figures have that ratio.
const candidatesPerJudged = 5

// candidates returns the number of documents that MMR picks from; 0: as many as usual.
func (o *mmrOptions) candidates() int { return candidatesPerJudged * o.rerank.Depth }
