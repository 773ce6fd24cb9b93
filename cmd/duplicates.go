package cmd

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/progress"
	"sheaf/internal/seq"
)

type duplicatesOptions struct {
	filter       filterFlags
	minScore     figure
	minRelevance figure
	perSource    bool
	groups       bool
}

// duplicateRelevance is how alike documents are that count as duplicates where no flag says so.
const duplicateRelevance = 0.95

func newDuplicatesCmd(env *environment) *cobra.Command {
	var o duplicatesOptions
	c := &cobra.Command{
		Use:   "duplicates",
		Short: "Find documents that say nearly the same",
		Long: `Compare the vectors of all documents with each other and print the pairs that
are nearly the same, the older document first. With --groups documents that are
alike, directly or by others between them, are printed together. No embedder is
asked, and the answer is exact.

How alike is a matter of the embedder: look at some pairs before anything is
deleted. On a pipe each pair is a line of TSV: relevance, then id, source and
line of each document.` + filterHelp + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf duplicates
  sheaf duplicates --min-relevance 0.99 --groups
  sheaf duplicates --min-relevance 1 | cut -f 5 | sheaf delete -`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runDuplicates(c.Context(), env, &o) },
	}
	f := c.Flags()
	f.Var(&o.minRelevance, "min-relevance", "two documents are alike from relevance `R` on (default "+strconv.FormatFloat(duplicateRelevance, 'f', -1, 64)+")")
	f.Var(&o.minScore, "min-score", "two documents are alike up to score `X` under l2, from X on under ip and cosine")
	f.BoolVar(&o.perSource, "per-source", false, "compare documents of the same source only")
	f.BoolVar(&o.groups, "groups", false, "print documents that are alike together")
	o.filter.addFlags(f)
	return c
}

func (o *duplicatesOptions) validate(env *environment, args []string) error {
	if err := noArgs("duplicates", args); err != nil {
		return err
	}
	if o.minRelevance.outside(0, 1) {
		return usagef("--min-relevance must be from 0 to 1, not %s", &o.minRelevance)
	}
	if o.minRelevance.value == nil && o.minScore.value == nil {
		relevance := duplicateRelevance
		o.minRelevance.value = &relevance
	}
	if err := o.filter.validate(); err != nil {
		return err
	}
	return env.validFormat()
}

func runDuplicates(ctx context.Context, env *environment, o *duplicatesOptions) error {
	return env.withStore(ctx, func(s reader) error {
		f, err := o.filter.in(ctx, env, s)
		if err != nil {
			return err
		}
		options := engine.DuplicateOptions{Filter: f, MinRelevance: o.minRelevance.value, WithinSource: o.perSource}
		if x := o.minScore.value; x != nil {
			threshold := float32(*x)
			options.ScoreThreshold = &threshold
		}
		if o.groups || !env.streams.OutTerminal { // else pairs and progress would share a screen
			stop, err := env.comparing(ctx, s, &options)
			if err != nil {
				return err
			}
			defer stop()
		}
		found := engine.Duplicates(ctx, s, options)
		if o.groups {
			groups, err := engine.Groups(found)
			if err != nil {
				return err
			}
			found = seq.Of(groups)
		}
		none := true
		err = env.print(outputFlags{}, func(p *printer) error {
			p.lines = alikeLines
			alikes := seq.Map(found, func(g engine.Group) alike { none = false; return newAlike(g) })
			if p.form == formTable {
				alikes = withTexts(ctx, s, alikes)
			}
			return list(p, "groups", alikes)
		})
		if err == nil && none && !env.inJSON() {
			env.notice("nothing found: no two documents are that alike; a lower --min-relevance finds more")
		}
		return err
	})
}

// comparing shows how many documents have been compared, until it is stopped.
func (env *environment) comparing(ctx context.Context, s reader, o *engine.DuplicateOptions) (stop func(), err error) {
	info, err := s.Info(ctx)
	if err != nil {
		return nil, err
	}
	counter := new(progress.Counter)
	counter.SetTotal(int(info.Documents))
	o.Progress = counter.AddChunks
	return env.showProgress(counter, "comparing", "document").stop, nil
}

// alike are documents that are alike, as they are printed.
type alike struct {
	Documents []alikeDocument `json:"documents"`
	Relevance number          `json:"relevance"`
}

type alikeDocument struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	StartLine int    `json:"start_line,omitempty"`

	text string // on a terminal
}

// alikeLines are how many lines of a text are shown: enough to see what is alike.
const alikeLines = 2

// withTexts yields documents that are alike with their texts.
func withTexts(ctx context.Context, s reader, all iter.Seq2[alike, error]) iter.Seq2[alike, error] {
	return func(yield func(alike, error) bool) {
		for a, err := range all {
			if err == nil {
				err = a.addTexts(ctx, s)
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

func (a *alike) addTexts(ctx context.Context, s reader) error {
	for i := range a.Documents {
		docs, _, err := s.Get(ctx, []string{a.Documents[i].ID}, false)
		if err != nil {
			return err
		}
		for _, d := range docs { // none, where it was deleted meanwhile
			a.Documents[i].text = d.Text
		}
	}
	return nil
}

func newAlike(g engine.Group) alike {
	a := alike{Relevance: number(g.Relevance)}
	for _, d := range g.Documents {
		a.Documents = append(a.Documents, alikeDocument{ID: d.ID, Source: d.Source, StartLine: d.StartLine})
	}
	return a
}

func (a alike) columns() []string {
	columns := []string{a.Relevance.String()}
	for _, d := range a.Documents {
		columns = append(columns, d.ID, d.Source, line(d.StartLine))
	}
	return columns
}

func (a alike) body() string { return "" } // there is no --text

func (a alike) table(p *printer) {
	relevance := decimal(float64(a.Relevance))
	for i, d := range a.Documents {
		id := p.styled(styleBold, visibleLine(d.ID))
		parts := []string{p.styled(styleGreen, relevance), id}
		if i > 0 {
			parts = []string{strings.Repeat(" ", passageIndent) + id}
		}
		p.heading(parts, d.Source, d.StartLine)
		p.excerpted(filled(d.text, d.Source))
	}
	p.WriteByte('\n')
}
