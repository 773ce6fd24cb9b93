package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/eval"
)

type evalDraftOptions struct {
	n      int
	seed   uint64
	filter filterFlags
}

func newEvalDraftCmd(env *environment) *cobra.Command {
	var o evalDraftOptions
	c := &cobra.Command{
		Use:   "draft",
		Short: "Make questions out of the store, to be edited",
		Long: `Draw documents of the store at random and print a question for each, as objects,
one a line, that sheaf eval reads: the beginning of the text as "query", the
lines of the document as "expect", and the text. These are no fair questions
yet, for they have the words of their answers: put each into words that someone
would use who does not know the text, and add to "expect" what else answers it.
The text can stay, it is not read.` + filterHelp + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf eval draft -n 50 > drafts.jsonl
  sheaf eval draft -n 20 --seed 7 --source 'docs/**'`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runEvalDraft(c.Context(), env, &o) },
	}
	c.Flags().IntVarP(&o.n, "number", "n", 50, "make `N` questions")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "draw other documents with another `NUMBER`")
	o.filter.addFlags(c.Flags())
	return c
}

func (o *evalDraftOptions) validate(env *environment, args []string) error {
	if err := noArgs("eval draft", args); err != nil {
		return err
	}
	if o.n < 1 {
		return usagef("-n must be at least 1, not %d", o.n)
	}
	if err := o.filter.validate(); err != nil {
		return err
	}
	return env.validFormat()
}

func runEvalDraft(ctx context.Context, env *environment, o *evalDraftOptions) error {
	var drafts []eval.Draft
	err := env.withStore(ctx, func(s reader) error {
		f, err := o.filter.in(ctx, env, s)
		if err != nil {
			return err
		}
		drafts, err = eval.NewDrafts(ctx, s, engine.ListOptions{Filter: f}, o.n, o.seed)
		return err
	})
	if err != nil {
		return err
	}
	return env.print(outputFlags{}, func(p *printer) error {
		if p.form == formJSON {
			return p.object(struct {
				Questions []eval.Draft `json:"questions"`
			}{drafts})
		}
		for _, d := range drafts {
			if err := p.object(d); err != nil {
				return err
			}
		}
		return nil
	})
}
