package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/engine"
	"sheaf/internal/eval"
	"sheaf/internal/hint"
	"sheaf/internal/ingest"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
	"sheaf/internal/publish"
	"sheaf/internal/splitter"
)

type tuneOptions struct {
	askFlags
	questions questionFiles
	roots     []string // from which throw-away stores are made; none: the store is asked
	vary      []string
	objective string
	metric    eval.Metric
	maxTime   time.Duration
	budget    time.Duration
	svg       string
	flags     *pflag.FlagSet // those that were given are a part of what is recommended
	index     indexOptions

	splitter splitterFlags
	loader   loaderFlags
	varied   []varied
	plans    []plan
}

func newTuneCmd(env *environment) *cobra.Command {
	var o tuneOptions
	c := &cobra.Command{
		Use:   "tune QUESTIONS [PATH...] | tune --index [QUESTIONS]",
		Short: "Find the settings that answer questions best",
		Long: `Try settings on the questions of sheaf eval and say which answers best, and how
sure that is. --vary names a setting and its values; all combinations are tried,
and the first values are what the others are compared with.

Of a store: mode, k, and lambda, which stands for sheaf mmr. With PATHs, from
which stores are made and thrown away, also splitter, chunk-size, chunk-overlap
and embedder. Labels must survive another splitter: SOURCE, SOURCE:LINE-LINE and
text:WORDS do. The store itself is never changed.

One half of the questions chooses, the other half reports: its figures are not
the best of many draws of luck. A setting is recommended where it is better than
the first beyond chance; else it is said how many more questions would show it.
Marked are the settings to which no other is equal in quality, time and bytes
and better in one.

With --index an approximate index is made, of a store of 20,000 documents or
more, for searches with --recall: the vectors are divided into lists of such
that are near to one another, and a search looks at the nearest lists only. It
pays from some two million vectors on, or where the disk is slow. How many lists
find a share of the exact answer, 0.99 or what --recall says, is measured by
QUESTIONS, whose labels are ignored; without them by first sentences of the
texts, and by vectors that are moved where nothing embeds. sheaf info says what
came of it, sheaf compact makes the lists anew when a twentieth of the vectors
is in none or gone, and --index=off removes them. Searches without --recall stay
exact.` + filterHelp + nearHelp +
			exitStatus(0, 1, 2, 3, 5, 10, 11, 12, 75, 130, 143),
		Example: `  sheaf tune questions.jsonl
  sheaf tune questions.jsonl --vary mode=vector,hybrid --vary k=5,10 --objective recall@10
  sheaf tune questions.jsonl docs --vary splitter=character,markdown --vary chunk-size=500,1000
  sheaf tune questions.jsonl docs --vary embedder=builtin,minilm --max-time 20ms --svg tune.svg
  sheaf tune --index asked.txt --recall 0.99
  sheaf tune --index=off`,
		PreRunE: func(c *cobra.Command, args []string) error { return o.validate(c, env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runTune(c.Context(), env, &o) },
	}
	o.addSearchFlags(c)
	o.index.addFlags(c)
	f := c.Flags()
	f.StringArrayVar(&o.vary, "vary", nil, "try the values of a setting: `KEY=VALUE,VALUE`, where KEY is "+oneOf(tunableNames())+" (repeatable; default mode="+strings.Join(modeNames(), ",")+")")
	f.StringVar(&o.objective, "objective", "ndcg", "what is to be as high as possible: `METRIC@K`, as --metric of sheaf eval")
	f.DurationVar(&o.maxTime, "max-time", 0, "recommend nothing that takes longer than `DURATION` a question")
	f.DurationVar(&o.budget, "budget", 0, "try no further settings after `DURATION`")
	f.StringVar(&o.svg, "svg", "", "draw quality over time into `FILE`")
	o.splitter.addFlags(c)
	o.loader.addFlags(c)
	return c
}

// varied is a setting and the values to try.
type varied struct {
	tunable
	values []string
}

// plan is one choice of all varied settings.
type plan struct {
	choices  []eval.Choice
	ask      searchFlags
	lambda   *float64 // nil: search, else mmr
	embedder string   // "": the one of the settings
	splitter *splitter.Options
}

// tunable is a setting that --vary can name.
type tunable struct {
	name string
	made bool // it takes effect when a store is made
	set  func(p *plan, value string) error
}

// tunables are the settings that can be varied. Those that a store is made with come first,
// so that combinations of the others are tried on one store.
var tunables = []tunable{
	{"embedder", true, func(p *plan, v string) (err error) { p.embedder, err = provider.Canonical(v); return err }},
	{"splitter", true, func(p *plan, v string) error {
		p.splitter.Kind = splitter.Kind(v)
		return setChoice(&v, v, splitterKinds)
	}},
	{"chunk-size", true, func(p *plan, v string) error { return setCount(&p.splitter.ChunkSize, v, 1) }},
	{"chunk-overlap", true, func(p *plan, v string) error { return setCount(&p.splitter.ChunkOverlap, v, 0) }},
	{"mode", false, func(p *plan, v string) (err error) {
		p.ask.mode, err = engine.ParseMode(v)
		p.ask.modeUnsaid = false
		return err
	}},
	{"lambda", false, func(p *plan, v string) error { return p.setLambda(v) }},
	{"k", false, func(p *plan, v string) error { return setCount(&p.ask.k, v, 1) }},
}

func tunableNames() (names []string) {
	for _, t := range tunables {
		names = append(names, t.name)
	}
	return names
}

func (p *plan) setLambda(value string) error {
	x, err := strconv.ParseFloat(value, 64)
	if err != nil || !(x >= 0 && x <= 1) {
		return fmt.Errorf("%q is not a number from 0 to 1", value)
	}
	p.lambda = &x
	return nil
}

func (o *tuneOptions) validate(c *cobra.Command, env *environment, args []string) error {
	if o.index.kind != "" {
		return o.validateIndex(c, env, args)
	}
	if err := o.questions.validate("tune", args[:min(1, len(args))]); err != nil {
		return err
	}
	var err error
	switch o.roots = args[1:]; {
	case slices.Contains(o.roots, "-"):
		return hint.With(usagef("the paths are read several times, which stdin cannot be"), "name files or folders")
	case len(o.roots) > 0:
		err = validRoots(o.roots)
	}
	if err != nil {
		return err
	}
	if o.metric, err = eval.ParseMetric(o.objective, o.k); err != nil {
		return usagef("--objective: %w", err)
	}
	if o.maxTime < 0 || o.budget < 0 {
		return usagef("--max-time and --budget must not be negative")
	}
	if !c.Flags().Changed("k") {
		o.k = o.metric.K
	}
	o.choose(env.config)
	err = cmp.Or(o.searchFlags.validate(), env.validFormat(), o.splitter.validate(c), o.loader.validate(), o.parseVary(c))
	if err != nil {
		return err
	}
	o.flags = c.Flags()
	return o.makePlans()
}

// parseVary reads --vary.
func (o *tuneOptions) parseVary(c *cobra.Command) error {
	texts := o.vary
	if len(texts) == 0 {
		texts = []string{"mode=" + strings.Join(modeNames(), ",")}
	}
	for _, text := range texts {
		name, values, _ := strings.Cut(text, "=")
		i := slices.IndexFunc(tunables, func(t tunable) bool { return t.name == name })
		switch {
		case i < 0:
			return usagef("--vary %q: %q is none of %s", text, name, oneOf(tunableNames()))
		case values == "":
			return usagef("--vary %q names no values: %s=VALUE,VALUE", text, name)
		case slices.ContainsFunc(o.varied, func(v varied) bool { return v.name == name }):
			return usagef("--vary names %s twice", name)
		case name != "lambda" && len(o.vary) > 0 && c.Flags().Changed(name):
			return usagef("--%s and --vary %s cannot be used together", name, name)
		case tunables[i].made && len(o.roots) == 0:
			return hint.With(usagef("--vary %s needs files to make stores from", name), "sheaf tune QUESTIONS PATH... --vary %s", text)
		}
		all := strings.Split(values, ",")
		if len(slices.Compact(slices.Sorted(slices.Values(all)))) < len(all) {
			return usagef("--vary %q has a value twice", text)
		}
		o.varied = append(o.varied, varied{tunables[i], all})
	}
	slices.SortStableFunc(o.varied, func(a, b varied) int {
		return cmp.Compare(slices.Index(tunableNames(), a.name), slices.Index(tunableNames(), b.name))
	})
	return nil
}

// makePlans combines the values of the varied settings.
func (o *tuneOptions) makePlans() error {
	base := plan{ask: o.searchFlags}
	if made := slices.ContainsFunc(o.varied, func(v varied) bool { return v.made && v.name != "embedder" }); made || o.splitter.given {
		options := o.splitter.options
		if !o.splitter.kindGiven {
			options.Kind = "" // records are split where a kind is named
		}
		base.splitter = &options
	}
	o.plans = []plan{base}
	for _, v := range o.varied {
		var more []plan
		for _, p := range o.plans {
			for _, value := range v.values {
				q := p
				q.choices = append(slices.Clip(p.choices), eval.Choice{Name: v.name, Value: value})
				if p.splitter != nil {
					options := *p.splitter
					q.splitter = &options
				}
				if err := v.set(&q, value); err != nil {
					return usagef("--vary %s: %w", v.name, err)
				}
				more = append(more, q)
			}
		}
		o.plans = more
	}
	for _, p := range o.plans {
		if p.splitter == nil {
			continue
		}
		options := *p.splitter
		options.Kind = cmp.Or(options.Kind, splitter.Character)
		if _, err := splitter.New(options); err != nil {
			return usagef("%s: %w", p.String(), err)
		}
	}
	return nil
}

// String returns the choices of the plan.
func (p *plan) String() string {
	var all []string
	for _, c := range p.choices {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, " ")
}

// useless says why a plan cannot be better than a quicker one; "" where it can.
func (p *plan) useless(m eval.Metric) string {
	varied := slices.ContainsFunc(p.choices, func(c eval.Choice) bool { return c.Name == "k" })
	if varied && p.ask.k > m.K {
		return fmt.Sprintf("%s looks at %d hits", m, m.K)
	}
	return ""
}

// moreQuestions is the hint where there are too few.
const moreQuestions = "sheaf eval draft makes more questions out of a store, to be edited"

func runTune(ctx context.Context, env *environment, o *tuneOptions) error {
	if o.index.kind != "" {
		return runTuneIndex(ctx, env, o)
	}
	questions, err := env.readQuestions(o.questions)
	if err != nil {
		return err
	}
	eval.RefuseUnlabelled(questions)
	if n := len(questions); n < eval.LeastTuned { // before anything is ingested
		return hint.With(fmt.Errorf("%s: tuning takes at least %d", count(n, "question"), eval.LeastTuned), moreQuestions)
	}
	counter := new(progress.Counter)
	t := &tuner{env: env, o: o, questions: questions, shown: env.showProgress(counter, "tuning", "setting"), counter: counter}
	counter.SetTotal(len(o.plans))
	err = t.tryAll(ctx)
	t.shown.stop()
	if err != nil {
		return err
	}
	if len(t.trials) == 0 {
		return usagef("there is nothing to try: %s", t.notRun[0].Reason)
	}
	r, err := eval.Tune(t.trials, len(questions), o.metric, float64(o.maxTime)/float64(time.Millisecond))
	switch {
	case errors.Is(err, eval.ErrTooSlow):
		return hint.With(fmt.Errorf("%w: the quickest takes %.1f ms a question", err, t.quickest()), "--max-time is %s", o.maxTime)
	case err != nil:
		return hint.With(err, moreQuestions)
	}
	if o.svg != "" {
		if err := publish.Write([]string{o.svg}, func(files []*os.File) error { return r.WriteSVG(files[0]) }); err != nil {
			return err
		}
	}
	if err := env.printTuning(&tuned{r, append([]notRun{}, t.notRun...), o.commands(env, &r.Tried[r.Best.Trial])}); err != nil {
		return err
	}
	return t.incomplete(r)
}

// tuner tries settings.
type tuner struct {
	env       *environment
	o         *tuneOptions
	questions []eval.Question
	shown     *display
	counter   *progress.Counter

	trials []eval.Trial
	notRun []notRun
	failed ingest.Report // of the inputs of the throw-away stores, of the last one
}

// notRun is a setting that was not tried.
type notRun struct {
	Settings string `json:"settings"`
	Reason   string `json:"reason"`
}

// quickest returns the latency of the quickest trial, in milliseconds.
func (t *tuner) quickest() float64 {
	return slices.MinFunc(t.trials, func(a, b eval.Trial) int { return cmp.Compare(a.Latency, b.Latency) }).Latency
}

// incomplete returns a *partialError where inputs or questions failed, or questions count in no trial.
func (t *tuner) incomplete(r *eval.Tuning) error {
	var all []string
	if t.failed.FailedSources+t.failed.FailedChunks > 0 {
		all = append(all, countFailed(&t.failed)+" failed")
	}
	questions := 0
	for _, trial := range t.trials {
		questions = max(questions, len(trial.Result.Failed))
	}
	if questions > 0 {
		all = append(all, count(questions, "question")+" failed")
	}
	if r.LeftOut > 0 {
		all = append(all, count(r.LeftOut, "question")+" with labels that name nothing under some settings or any")
	}
	if len(all) == 0 {
		return nil
	}
	return hint.With(&partialError{strings.Join(all, ", and ")}, "sheaf eval and sheaf ingest say which")
}
