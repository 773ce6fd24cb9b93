package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/eval"
	"sheaf/internal/rerank"
)

type evalExactOptions struct {
	askFlags
	files questionFiles
}

func newEvalExactCmd(env *environment) *cobra.Command {
	var o evalExactOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "exact QUESTIONS",
		Short:       "Measure what share of the exact answer is found",
		Long: `Ask questions twice, as the flags say and by the exact scan over all vectors,
and print which share of the exact answer the first has: the recall, a mean over
all questions with its 95 % interval. It tells what --fetch-k before a filter
costs, and whether --recall is kept by an approximate index. No labels are
needed: QUESTIONS are those of sheaf eval, or texts, one a line.` + filterHelp + nearHelp +
			exitStatus(0, 1, 2, 3, 5, 10, 11, 12, 75, 130, 143),
		Example: `  sheaf eval exact questions.txt
  sheaf eval exact questions.txt --filter 'source~docs/**' --fetch-k 20
  sheaf eval exact questions.txt --mode vector --recall 0.99`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runEvalExact(c.Context(), env, &o) },
	}
	o.addSearchFlags(c)
	return c
}

func (o *evalExactOptions) validate(env *environment, args []string) error {
	if err := o.files.validate("eval exact", args); err != nil {
		return err
	}
	o.choose(env.config)
	o.rerank = rerank.Spec{} // a judge would only hide what is not found
	if o.allVectors {
		return usagef("--exact leaves nothing to measure: the answer is compared with the exact one")
	}
	if err := o.searchFlags.validate(); err != nil {
		return err
	}
	return env.validFormat()
}

// exactness is the answer of eval exact.
type exactness struct {
	Store     string        `json:"store"`
	K         int           `json:"k"`
	Questions int           `json:"questions"`
	Recall    eval.Figure   `json:"recall"`
	Exact     int           `json:"exact"` // questions whose whole answer is found
	Failed    []eval.Failed `json:"failed"`
}

func runEvalExact(ctx context.Context, env *environment, o *evalExactOptions) error {
	questions, err := env.readQuestions(o.files)
	if err != nil {
		return err
	}
	answer := exactness{Store: strings.Join(env.config.Stores, ", "), K: o.k, Questions: len(questions), Failed: []eval.Failed{}}
	var recalls []float64
	err = env.withAgreeing(ctx, func(s catalog) error {
		asked := examiner{env: env, store: s, flags: &o.askFlags}
		flags := askFlags{searchFlags: o.exact()}
		exact := examiner{env: env, store: s, flags: &flags}
		for block := range slices.Chunk(questions, asked.block()) {
			queries, found, err := asked.answer(ctx, block)
			if err != nil {
				return err
			}
			for i, q := range queries {
				block[i].Vector = q.vector // it is not embedded twice
			}
			_, wanted, err := exact.answer(ctx, block)
			if err != nil {
				return err
			}
			for i, q := range queries {
				if q.err != nil {
					answer.Failed = append(answer.Failed, eval.Failed{ID: q.id, Error: messageOf(q.err)})
					recalls = append(recalls, 0)
					continue
				}
				recalls = append(recalls, eval.Overlap(found[i], wanted[i]))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return env.printExactness(answer, recalls)
}

func (env *environment) printExactness(a exactness, recalls []float64) error {
	if len(a.Failed) == a.Questions {
		return &allFailedError{a.Questions, a.Failed[0]}
	}
	a.Recall = eval.NewFigure(recalls)
	for _, r := range recalls {
		if r == 1 {
			a.Exact++
		}
	}
	err := env.print(outputFlags{}, func(p *printer) error {
		switch name := fmt.Sprintf("recall@%d", a.K); p.form {
		case formJSON, formJSONL:
			return p.object(a)
		case formTSV:
			p.WriteString(tsv(append(figureColumns(name, a.Recall), fmt.Sprint(a.Exact), fmt.Sprint(a.Questions))))
		default:
			fmt.Fprintf(p, "%s  %s  [%s, %s]\n\n%s, %d of them answered exactly\n", name,
				p.styled(styleBold, decimal(a.Recall.Value)), decimal(a.Recall.Low), decimal(a.Recall.High), count(a.Questions, "question"), a.Exact)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return env.reportQuestions(&eval.Result{Failed: a.Failed})
}
