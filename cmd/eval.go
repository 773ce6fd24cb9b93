package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/eval"
	"sheaf/internal/hint"
	"sheaf/internal/publish"
)

type evalOptions struct {
	askFlags                   // without the flags that say how hits are printed
	given    map[string]string // search flags, see Fingerprint.Search
	files    questionFiles
	names    []string // of the metrics
	metrics  []eval.Metric
	level    string
	gain     string

	baseline, save, run, svg string
	tolerance, failUnder     limits
	strict, rebaseline       bool
	worst                    int
}

// defaultMetrics are measured where --metric is not given.
var defaultMetrics = []string{"ndcg", "recall", "mrr"}

func newEvalCmd(env *environment) *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "eval QUESTIONS",
		Short:       "Measure how well the store answers questions",
		Long: `Ask the questions of a file and compare the answers with what is expected. Each
figure is a mean over all questions, from 0 to 1, with its 95 % interval. What
is asked, and how, say the flags of sheaf search; -k is 10 here.

QUESTIONS are objects, one a line, as for sheaf search --queries, with "expect":

  {"query": "where are keys kept", "expect": ["docs/keys.md"]}
  {"query": "E0425", "expect": ["errors.md:12-18"], "grades": {"id:17": 2}}

An expectation is an id, a source, a glob of sources, SOURCE:LINE or
SOURCE:LINE-LINE, text:WORDS for whatever contains these words, or id:ID. Lines
and texts still hold when the source is split in another way. "expect": [] says
that nothing should be found. "grades" say how good an answer is, else it is 1;
"filter" is a filter of one question. A table with the columns question and
expected, in CSV or TSV, a folder of BEIR, and TREC's --qrels with --queries are
read too.

With --level source the best place of each source counts, once; that is the
default where an expectation is a source. Questions that fail score 0. Labels
that name nothing in the store are stale: they are listed and do not count.

--baseline compares with a result that was saved, question by question. A figure
fails when its mean drop exceeds the tolerance and is more than chance, or with
--strict when it exceeds the tolerance; under --fail-under it always fails.` + filterHelp + nearHelp + rerankHelp +
			strings.Replace(exitStatus(0, 1, 2, 3, 4, 5, 10, 11, 12, 75, 130, 143), exitMeanings[exitNothing], "a figure fails its gate", 1),
		Example: `  sheaf eval labelled.jsonl
  sheaf eval labelled.jsonl --metric ndcg@5 --metric recall@20 --worst 3
  sheaf eval labelled.jsonl --baseline eval.json --rebaseline
  sheaf eval labelled.jsonl --baseline eval.json --fail-under recall@10=0.5
  sheaf eval labelled.jsonl --json --save today.json --svg today.svg`,
		Args: cobra.ArbitraryArgs,
		PreRunE: func(c *cobra.Command, args []string) error {
			o.given = maps.Collect(givenFlags(c.Flags(), o.given))
			return o.validate(env, args)
		},
		RunE: func(c *cobra.Command, _ []string) error { return runEval(c.Context(), env, &o) },
	}
	o.addFlags(c)
	c.AddCommand(newEvalCompareCmd(env), newEvalExactCmd(env), newEvalDraftCmd(env))
	return c
}

func (o *evalOptions) addFlags(c *cobra.Command) {
	o.given = o.addSearchFlags(c)
	addRerank(c)
	o.given["rerank"] = ""
	flags := c.Flags()
	flags.StringVar(&o.files.qrels, "qrels", "", "read what is expected from a `FILE` of TREC or BEIR, with --queries")
	flags.StringVar(&o.files.queries, "queries", "", "read the questions of --qrels from `FILE`: ID, a tab and the question, or BEIR's objects")
	flags.StringArrayVar(&o.names, "metric", nil, "measure `NAME@K`: "+strings.Join(eval.MetricNames(), ", ")+" (default: "+strings.Join(defaultMetrics, ", ")+" at -k)")
	flags.StringVar(&o.level, "level", "", "rank by `LEVEL`: document or source")
	flags.StringVar(&o.gain, "gain", string(eval.Linear), "count a grade in ndcg as itself (linear) or as 2^grade-1 (exp): `GAIN`")
	flags.StringVar(&o.baseline, "baseline", "", "compare with the result in `FILE`, and exit 4 when a figure is worse")
	flags.Var(&o.tolerance, "tolerance", "let a figure drop by X below the baseline: `METRIC=X`")
	flags.BoolVar(&o.strict, "strict", false, "a drop fails even if it may be chance")
	flags.BoolVar(&o.rebaseline, "rebaseline", false, "write the result to the file of --baseline instead of comparing")
	flags.Var(&o.failUnder, "fail-under", "exit 4 when a figure is below X: `METRIC=X`")
	flags.StringVar(&o.save, "save", "", "write the result to `FILE`, for --baseline and sheaf eval compare")
	flags.StringVar(&o.run, "run", "", "write the rankings to `FILE` in TREC's format")
	flags.IntVar(&o.worst, "worst", 0, "list the `N` questions with the worst answers, by the first metric")
	flags.StringVar(&o.svg, "svg", "", "draw the figures with their intervals into `FILE`")
	complete(c, "metric", eval.MetricNames()...)
	complete(c, "level", string(eval.ByDocument), string(eval.BySource))
	complete(c, "gain", string(eval.Linear), string(eval.Exponential))
}

// addSearchFlags declares the flags of search and returns the names of those that
// say what is found. Their values are a part of a result.
func (o *askFlags) addSearchFlags(c *cobra.Command) (names map[string]string) {
	o.searchFlags.addFlags(c, 10, fetchFirst)
	addMode(c)
	names = map[string]string{}
	c.Flags().VisitAll(func(f *pflag.Flag) { names[f.Name] = "" })
	o.embedder.addFlags(c)
	return names
}

// givenFlags yields those of the named flags that were given, with their values.
func givenFlags(flags *pflag.FlagSet, names map[string]string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		more := true
		flags.Visit(func(f *pflag.Flag) {
			if _, named := names[f.Name]; named && more {
				more = yield(f.Name, f.Value.String())
			}
		})
	}
}

func (o *evalOptions) validate(env *environment, args []string) error {
	if err := o.files.validate("eval", args); err != nil {
		return err
	}
	switch {
	case o.level != "" && o.level != string(eval.ByDocument) && o.level != string(eval.BySource):
		return usagef("--level: %q is neither %s nor %s", o.level, eval.ByDocument, eval.BySource)
	case o.gain != string(eval.Linear) && o.gain != string(eval.Exponential):
		return usagef("--gain: %q is neither %s nor %s", o.gain, eval.Linear, eval.Exponential)
	case o.baseline == "" && (o.rebaseline || o.strict || len(o.tolerance) > 0):
		return usagef("--rebaseline, --strict and --tolerance are about a --baseline")
	case o.worst < 0:
		return usagef("--worst must not be negative, not %d", o.worst)
	}
	if err := o.parseMetrics(); err != nil {
		return err
	}
	o.choose(env.config)
	return cmp.Or(o.searchFlags.validate(), env.validFormat())
}

// parseMetrics sets the metrics: those that are asked for and those that have a limit.
// As many hits are searched for as they look at.
func (o *evalOptions) parseMetrics() error {
	names := o.names
	if len(names) == 0 {
		names = defaultMetrics
	}
	for _, l := range []limits{o.failUnder, o.tolerance} {
		names = slices.Concat(names, slices.Sorted(maps.Keys(l)))
	}
	depth := o.k
	for _, name := range names {
		m, err := eval.ParseMetric(name, o.k)
		if err != nil {
			return &usageError{err}
		}
		if depth = max(depth, m.K); !slices.Contains(o.metrics, m) {
			o.metrics = append(o.metrics, m)
		}
	}
	o.failUnder, o.tolerance = o.failUnder.at(o.k), o.tolerance.at(o.k)
	o.k = depth
	return nil
}

func runEval(ctx context.Context, env *environment, o *evalOptions) error {
	questions, err := env.readQuestions(o.files)
	if err != nil {
		return err
	}
	eval.RefuseUnlabelled(questions)
	gate := eval.Gate{FailUnder: o.failUnder, Tolerance: o.tolerance, Strict: o.strict}
	if gate.Baseline, err = o.loadBaseline(); err != nil {
		return err
	}
	var r *eval.Result
	err = env.withAgreeing(ctx, func(s catalog) (err error) {
		e := &evaluation{examiner: examiner{env: env, store: s, flags: &o.askFlags}, o: o}
		if r, err = e.measure(ctx, questions); err == nil {
			r.Latency, err = e.latency(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := o.sameCorpus(env, gate.Baseline, r); err != nil {
		return err
	}
	failed, err := gate.Apply(r)
	if err != nil {
		return &usageError{fmt.Errorf("--baseline %q: %w", o.baseline, err)}
	}
	if err := o.write(r); err != nil {
		return err
	}
	if err := env.printResult(r, o); err != nil {
		return err
	}
	return errors.Join(o.gateError(r, failed), env.reportQuestions(r))
}

// loadBaseline returns the baseline; nil where there is none, or where it is to be written.
func (o *evalOptions) loadBaseline() (*eval.Result, error) {
	if o.baseline == "" || o.rebaseline {
		return nil, nil
	}
	r, err := loadResult(o.baseline)
	if errors.Is(err, fs.ErrNotExist) {
		err = hint.With(err, "--rebaseline makes it")
	}
	return r, err
}

func loadResult(path string) (*eval.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := eval.Load(f)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return r, nil
}

// sameCorpus refuses a baseline of another corpus.
func (o *evalOptions) sameCorpus(env *environment, baseline, r *eval.Result) error {
	if baseline == nil {
		return nil
	}
	was, is := &baseline.Fingerprint, &r.Fingerprint
	if !was.SameCorpus(is) {
		return hint.With(usagef("the baseline %q was made on other sources: it is no measure for this store", o.baseline),
			"--rebaseline replaces it by the result for this store")
	}
	if was.Documents != is.Documents || was.Store == is.Store && was.Generation != is.Generation {
		env.say("the store has other documents than when the baseline was made, %d then and %d now", was.Documents, is.Documents)
	}
	return nil
}

// write writes the files that are asked for.
func (o *evalOptions) write(r *eval.Result) error {
	save := func(w io.Writer) error {
		b, err := marshal(r)
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		return err
	}
	outputs := []struct {
		path string
		fill func(w io.Writer) error
	}{
		{o.save, save}, {o.run, r.WriteRun}, {o.svg, r.WriteSVG},
	}
	if o.rebaseline {
		outputs = append(outputs, outputs[0])
		outputs[len(outputs)-1].path = o.baseline
	}
	for _, out := range outputs {
		if out.path == "" {
			continue
		}
		if err := publish.Write([]string{out.path}, func(files []*os.File) error { return out.fill(files[0]) }); err != nil {
			return err
		}
	}
	return nil
}

// limits is the value of a repeatable flag METRIC=X.
type limits map[string]float64

// Set adds a limit.
func (l *limits) Set(text string) error {
	name, number, ok := strings.Cut(text, "=")
	x, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(x >= 0 && x <= 1) {
		return errors.New("must be METRIC=X, where X is from 0 to 1")
	}
	if *l == nil {
		*l = limits{}
	}
	(*l)[name] = x
	return nil
}

// String returns the limits as they are given.
func (l *limits) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(*l)) {
		all = append(all, fmt.Sprintf("%s=%v", name, (*l)[name]))
	}
	return strings.Join(all, " ")
}

// Type returns the name of the type in help and completions.
func (l *limits) Type() string { return "limit" }

// at returns the limits by the whole names of the metrics, which must be known.
func (l limits) at(k int) limits {
	whole := limits{}
	for name, x := range l {
		if m, err := eval.ParseMetric(name, k); err == nil {
			whole[m.String()] = x
		}
	}
	return whole
}
