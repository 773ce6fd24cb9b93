package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sheaf/internal/eval"
	"sheaf/internal/hint"
)

func newEvalCompareCmd(env *environment) *cobra.Command {
	return &cobra.Command{
		Annotations: takesManyStores,
		Use:         "compare BEFORE AFTER",
		Short:       "Compare two results of eval, question by question",
		Long: `Compare two results that sheaf eval --save wrote. Only questions count that both
have and that expect the same: the change of a figure is the mean of their
changes, with its 95 % interval. An interval that has 0 in it may be chance. On
a pipe each line is a metric, its value before and after, the change, the
interval of the change, and how many questions are better, worse and equal.` + exitStatus(0, 1, 2),
		Example: `  sheaf eval compare before.json after.json`,
		PreRunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("eval compare takes two results")
			}
			return env.validFormat()
		},
		RunE: func(_ *cobra.Command, args []string) error { return runEvalCompare(env, args[0], args[1]) },
	}
}

func runEvalCompare(env *environment, beforePath, afterPath string) error {
	before, err := loadResult(beforePath)
	if err != nil {
		return err
	}
	after, err := loadResult(afterPath)
	if err != nil {
		return err
	}
	c, err := eval.Compare(before, after)
	if err != nil {
		return hint.With(fmt.Errorf("%q and %q cannot be compared: %w", beforePath, afterPath, err), "sheaf eval --save makes results of the same questions")
	}
	if !before.Fingerprint.SameCorpus(&after.Fingerprint) {
		env.say("the two were made on other sources: the change is not that of the search alone")
	}
	return env.print(outputFlags{}, func(p *printer) error {
		if p.form == formJSON || p.form == formJSONL {
			return p.object(c)
		}
		for _, name := range slices.Sorted(maps.Keys(c.Metrics)) {
			p.change(name, c.Metrics[name])
		}
		if p.form == formTable {
			fmt.Fprintf(p, "\n%s in both, %d only in the first, %d only in the second\n", count(c.Paired, "question"), c.OnlyBefore, c.OnlyAfter)
		}
		return nil
	})
}

// change writes how a measure changed.
func (p *printer) change(name string, c eval.Change) {
	if p.form == formTSV {
		p.WriteString(tsv([]string{
			name, decimal(c.Before), decimal(c.After), decimal(c.Change), decimal(c.Low), decimal(c.High),
			strconv.Itoa(c.Better), strconv.Itoa(c.Worse), strconv.Itoa(c.Equal),
		}))
		return
	}
	fmt.Fprintf(p, "%-12s  %s -> %s  %s  [%+.4f, %+.4f]  %d better, %d worse, %d equal\n",
		name, decimal(c.Before), decimal(c.After), p.styled(styleBold, fmt.Sprintf("%+.4f", c.Change)), c.Low, c.High, c.Better, c.Worse, c.Equal)
}
