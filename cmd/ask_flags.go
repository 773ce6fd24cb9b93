package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/provider"
	"sheaf/internal/rerank"
)

// askFlags are the flags of every verb that prints what a search finds.
type askFlags struct {
	searchFlags
	withVectors bool
	explain     bool
	perSource   positive // hits of one source; 0: any number
	context     int      // chunks before and after each hit
	lines       int
	full        bool
	exitStatus  bool
	queries     string
	output      outputFlags
}

// searchFlags say what a search finds.
type searchFlags struct {
	k              int
	filter         filterFlags
	fetchK         positive
	scoreThreshold figure
	minRelevance   figure
	relevanceFn    string
	recall         figure
	allVectors     bool // an approximate index is not used
	embedder       embedderFlags
	mode           engine.Mode // "" where only vectors are asked for
	modeUnsaid     bool
	literal        bool        // quotes and dashes in a query set no conditions
	rerank         rerank.Spec // without a Model where hits are not judged again
}

// The values of --relevance-fn.
const (
	relevanceDefault   = "default"
	relevanceLangChain = "langchain"
)

// addFlags declares the flags. fetchK is the help of --fetch-k.
func (o *askFlags) addFlags(env *environment, c *cobra.Command, fetchK string) {
	env.addPartial(c.Flags())
	o.searchFlags.addFlags(c, 4, fetchK)
	o.embedder.addFlags(c)
	flags := c.Flags()
	flags.BoolVar(&o.withVectors, "with-vectors", false, "print the vector of each hit (JSON only)")
	flags.BoolVarP(&o.exitStatus, "exit-status", "e", false, "exit 4 when nothing is found")
	flags.StringVar(&o.queries, "queries", "", "answer each line of `FILE` (- is stdin), one JSON object a line")
	flags.IntVar(&o.context, "context", 0, "show also the `N` chunks of the same source before and after each hit")
	flags.IntVar(&o.lines, "lines", shownLines, "on a terminal show up to `N` lines of each text")
	flags.BoolVar(&o.full, "full", false, "on a terminal show each text whole")
	o.output.addFlags(flags)
	o.output.addTemplate(flags, "hit", hitFields)
}

// addFlags declares the flags, apart from those of the embedder. k is the default of
// -k, fetchK the help of --fetch-k.
func (o *searchFlags) addFlags(c *cobra.Command, k int, fetchK string) {
	flags := c.Flags()
	flags.IntVarP(&o.k, "k", "k", k, "find `N` documents")
	o.filter.addFlags(flags)
	flags.Var(&o.fetchK, "fetch-k", fetchK)
	flags.Var(&o.scoreThreshold, "score-threshold", "keep scores up to `X` under l2, from X on under ip and cosine")
	flags.Var(&o.minRelevance, "min-relevance", "keep relevances from `R` on")
	flags.StringVar(&o.relevanceFn, "relevance-fn", relevanceDefault, "compute relevances by the `FORMULA` default or langchain")
	complete(c, "relevance-fn", relevanceDefault, relevanceLangChain)
	flags.BoolVar(&o.allVectors, "exact", false, "look at all vectors, as --recall 1 does, also where an index could answer")
	flags.Var(&o.recall, "recall", "find a share of `R` of the exact answer, on average, by the lists of sheaf tune --index; 1 is all")
	o.embedder.Questions = true
}

func (o *askFlags) validate(env *environment) error {
	switch {
	case o.queries != "" && (o.output.text || o.output.pretty):
		return usagef("--queries answers in JSON or by a template: it cannot be used with --text or --pretty")
	case o.context < 0:
		return usagef("--context must not be negative")
	case o.lines < 1:
		return hint.With(usagef("--lines must be at least 1, not %d", o.lines), "--full shows all lines")
	}
	if err := cmp.Or(o.searchFlags.validate(), o.output.validate(env)); err != nil {
		return err
	}
	if f := env.form(o.output); o.explain && o.queries == "" && f != formTable && f != formTemplate && !env.inJSON() {
		return hint.With(usagef("--explain is part of JSON, of templates and of what a terminal shows"), "add --json")
	}
	return nil
}

func (o *searchFlags) validate() error {
	switch {
	case o.allVectors && o.recall.value != nil:
		return usagef("--exact and --recall cannot be used together")
	case o.k < 1:
		return usagef("-k must be at least 1, not %d", o.k)
	case o.fetchK > 0 && int(o.fetchK) < o.k:
		return usagef("--fetch-k must be at least -k, which is %d, not %d", o.k, o.fetchK)
	case o.relevanceFn != relevanceDefault && o.relevanceFn != relevanceLangChain:
		return usagef("--relevance-fn: %q is neither %s nor %s", o.relevanceFn, relevanceDefault, relevanceLangChain)
	case o.relevanceFn == relevanceDefault && o.minRelevance.outside(0, 1):
		return hint.With(usagef("--min-relevance must be from 0 to 1, not %s", &o.minRelevance),
			"LangChain's figures go beyond: --relevance-fn %s", relevanceLangChain)
	case o.recall.value != nil && !(*o.recall.value > 0 && *o.recall.value <= 1):
		return usagef("--recall must be above 0 and at most 1, not %s", &o.recall)
	}
	return cmp.Or(o.filter.validate(), o.embedder.validate())
}

// addMode declares the flag of verbs that ask by text.
func addMode(c *cobra.Command) {
	addSettings(c.Flags(), "mode")
	complete(c, "mode", modeNames()...)
}

func modeNames() []string {
	return []string{string(engine.ByVector), string(engine.ByWords), string(engine.Hybrid)}
}

// choose sets by what documents are found and judged: by the flags, else by vector alone where
// a flag of LangChain's is given, else as the environment or the configuration says.
func (o *searchFlags) choose(c Config) {
	langChain := o.fetchK > 0 || o.scoreThreshold.value != nil || o.relevanceFn == relevanceLangChain
	if langChain && !c.ModeFlag {
		c.Mode = engine.ByVector
	}
	if langChain && !c.RerankFlag {
		c.Rerank = rerank.Spec{}
	}
	o.mode, o.modeUnsaid, o.rerank = cmp.Or(c.Mode, engine.Hybrid), c.Mode == "", c.Rerank
	o.literal = o.modeUnsaid // what is pasted, such as an error message, has quotes too
}

// settle chooses vectors in a store without words, if nobody has said a mode.
func (o *searchFlags) settle(f engine.Facts) {
	if o.modeUnsaid && f.NoWords {
		o.mode = engine.ByVector
	}
}

// exact returns the flags for the exact answer: the nearest of all that the filter
// lets through.
func (o searchFlags) exact() searchFlags {
	all := 1.0
	o.fetchK, o.recall = 0, figure{&all}
	return o
}

// lookedAt is how many vectors a search has looked at whose answer may not be exact; zeros
// where it is.
type lookedAt struct {
	Vectors int64 `json:"vectors"`
	Of      int64 `json:"of"`
}

func (l *lookedAt) add(more lookedAt) {
	l.Vectors += more.Vectors
	l.Of += more.Of
}

// depth is how many hits are searched for: k, or those that are judged again.
func (o *searchFlags) depth() int { return max(o.k, o.rerank.Depth) }

// options returns the options of a search in s for some queries.
func (o *askFlags) options(ctx context.Context, env *environment, s catalog, asked []query) (engine.SearchOptions, error) {
	f, err := o.filter.in(ctx, env, s)
	search := engine.SearchOptions{
		K:                  o.depth(),
		Filter:             f,
		FetchK:             int(o.fetchK),
		MinRelevance:       o.minRelevance.value,
		LangChainRelevance: o.relevanceFn == relevanceLangChain,
		WithVectors:        o.withVectors,
		Explain:            o.explain,
		Mode:               o.mode,
		Calibration:        provider.Calibration(s.Facts().Embedder),
		Judge:              provider.Calibration(o.rerank.Model),
		Looked:             func(q int, vectors, of int64) { asked[q].looked = lookedAt{vectors, of} },
		Lost: func(why error) {
			env.started.lost.Do(func() {
				env.notice(fmt.Sprintf("the approximate index cannot be used, so all vectors are looked at: %v: sheaf tune --index makes another", why))
			})
		},
	}
	switch {
	case o.allVectors:
		search.Recall = 1
	case o.recall.value != nil:
		search.Recall = *o.recall.value
	}
	if search.ByText() {
		for _, q := range asked {
			search.Texts = append(search.Texts, q.asked.Text)
			search.Conditions = append(search.Conditions, q.asked.Condition)
		}
	}
	if x := o.scoreThreshold.value; x != nil {
		threshold := float32(*x)
		search.ScoreThreshold = &threshold
	}
	return search, err
}

// nearest returns the finder of search and search-vector.
func (o *askFlags) nearest(env *environment, s catalog) finder {
	return func(ctx context.Context, asked []query) ([][]engine.Hit, error) {
		search, err := o.options(ctx, env, s, asked)
		if err != nil {
			return nil, err
		}
		if o.perSource > 0 {
			return fewPerSource(ctx, s, vectors(asked), search, int(o.perSource))
		}
		return s.Search(ctx, vectors(asked), search)
	}
}

// figure is the value of an optional flag for a number.
type figure struct{ value *float64 }

// Set parses a finite number.
func (f *figure) Set(text string) error {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64) // see guardVectors
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return errors.New("must be a number")
	}
	f.value = &x
	return nil
}

// String returns the number, or "" where there is none.
func (f *figure) String() string {
	if f.value == nil {
		return ""
	}
	return strconv.FormatFloat(*f.value, 'g', -1, 64)
}

// Type returns the name of the type in help and completions.
func (f *figure) Type() string { return "number" }

// outside reports whether there is a number and it is not from low to high.
func (f *figure) outside(low, high float64) bool {
	return f.value != nil && (*f.value < low || *f.value > high)
}

// positive is the value of an optional flag for an integer from 1 on; 0 where it is not given.
type positive int

// Set parses an integer from 1 on.
func (p *positive) Set(text string) error {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 {
		return errors.New("must be a whole number from 1 on")
	}
	*p = positive(n)
	return nil
}

// String returns the number, or "" where there is none.
func (p *positive) String() string {
	if *p == 0 {
		return ""
	}
	return fmt.Sprint(int(*p))
}

// Type returns the name of the type in help and completions.
func (p *positive) Type() string { return "int" }
