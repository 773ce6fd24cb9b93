package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/engine"
	"sheaf/internal/eval"
	"sheaf/internal/hint"
	"sheaf/internal/progress"
	"sheaf/internal/question"
)

// The values of --index.
const (
	indexLists = "lists"
	indexOff   = "off"
)

// indexOptions are the flags of tune that are about an approximate index.
type indexOptions struct {
	kind   string // "" where something else is tuned
	sample positive
}

// defaultRecall is what an approximate index has to find, and leastSampled how many questions
// say whether it does: with 100 of them, half of which report, an interval around .99 is
// about .02 wide.
const (
	defaultRecall = 0.99
	leastSampled  = 100
)

func (o *indexOptions) addFlags(c *cobra.Command) {
	o.sample = 1000
	f := c.Flags()
	f.StringVar(&o.kind, "index", "", "make an approximate index for searches with --recall, or remove it: `KIND` lists or off")
	f.Lookup("index").NoOptDefVal = indexLists
	complete(c, "index", indexLists, indexOff)
	f.Var(&o.sample, "sample", "with --index and no QUESTIONS, measure by `N` first sentences of texts, or rows where nothing embeds")
}

// validateIndex is validate where --index is given.
func (o *tuneOptions) validateIndex(c *cobra.Command, env *environment, args []string) (err error) {
	if len(args) > 0 {
		err = o.questions.validate("tune --index", args)
	}
	embedding := new(cobra.Command)
	new(embedderFlags).addFlags(embedding)
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		fits := f.Name == "index" || f.Name == "sample" || f.Name == "recall" || embedding.Flags().Lookup(f.Name) != nil
		if err == nil && f.Changed && !fits {
			err = usagef("--%s and --index cannot be used together", f.Name)
		}
	})
	switch {
	case err != nil:
		return err
	case o.index.kind != indexLists && o.index.kind != indexOff:
		return usagef("--index: %q is neither %s nor %s", o.index.kind, indexLists, indexOff)
	case o.index.kind == indexOff && len(args) > 0:
		return usagef("--index=off takes no questions")
	case o.index.sample < leastSampled:
		return usagef("--sample must be at least %d, not %d", leastSampled, o.index.sample)
	case o.recall.value != nil && !(*o.recall.value > 0 && *o.recall.value < 1):
		return hint.With(usagef("--recall must be between 0 and 1, not %s", &o.recall), "an exact search needs no index")
	}
	return env.validFormat()
}

// lister is a store that can have an approximate index.
type lister interface {
	MakeLists(ctx context.Context, recall float64, sample engine.Sample, questions [][]float32, n int) (*engine.Lists, error)
	DropLists(ctx context.Context) error
}

func runTuneIndex(ctx context.Context, env *environment, o *tuneOptions) error {
	var asked []query
	if o.questions.path != "" {
		questions, err := env.readQuestions(o.questions)
		if err != nil {
			return err
		}
		if len(questions) < leastSampled {
			return hint.With(usagef("an index is measured by at least %d questions, not %d", leastSampled, len(questions)),
				"without questions, first sentences of the texts stand for them")
		}
		for _, q := range questions {
			asked = append(asked, newQuery(q.Question, q.Err))
		}
	}
	counter := new(progress.Counter)
	w, err := env.openWriter(ctx, counter.AddChunks)
	if err != nil {
		return err
	}
	lists, err := env.tuneIndex(ctx, w, o, asked, counter)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return env.printLists(lists)
}

// tuneIndex makes or removes the index of a store. It returns nil where it was removed.
func (env *environment) tuneIndex(ctx context.Context, w writer, o *tuneOptions, asked []query, counter *progress.Counter) (*engine.Lists, error) {
	l, ok := w.(lister)
	switch {
	case !ok:
		return nil, hint.With(usagef("only a store that is a folder has such an index"), "sheaf help init tells of the indexes of PostgreSQL")
	case o.index.kind == indexOff:
		return nil, l.DropLists(ctx)
	}
	sample := engine.Asked
	if asked == nil {
		var err error
		if sample, asked, err = env.drawQuestions(ctx, w, int(o.index.sample)); err != nil {
			return nil, err
		}
	}
	if err := newAsker(env, w, &o.askFlags).embedBlock(ctx, asked); err != nil {
		return nil, err
	}
	for _, q := range asked {
		if q.err != nil {
			return nil, fmt.Errorf("question %q: %w", q.id, q.err)
		}
	}
	info, err := w.Info(ctx)
	if err != nil {
		return nil, err
	}
	recall := defaultRecall
	if o.recall.value != nil {
		recall = *o.recall.value
	}
	counter.SetTotal(int(info.Documents + info.DeadRows))
	shown := env.showProgress(counter, "making lists", "row")
	defer shown.stop()
	return l.MakeLists(ctx, recall, sample, vectors(asked), int(o.index.sample))
}

// drawQuestions makes questions of the first sentences of texts, or says that rows have to
// stand for questions, where there are too few or the store has no embedder.
func (env *environment) drawQuestions(ctx context.Context, s reader, n int) (engine.Sample, []query, error) {
	if s.Facts().Embedder == "" && !env.config.EmbedderFlag {
		return engine.Moved, nil, nil
	}
	drafts, err := eval.NewDrafts(ctx, s, engine.ListOptions{}, n, 1)
	if err != nil || len(drafts) < leastSampled {
		return engine.Moved, nil, err
	}
	var asked []query
	for _, d := range drafts {
		q := newQuery(question.Question{ID: d.ID, Text: d.Query}, nil)
		q.asked.Text = q.text
		asked = append(asked, q)
	}
	return engine.Sentences, asked, nil
}

// listsInfo is an approximate index in answers.
type listsInfo struct {
	File      string        `json:"file"`
	Damage    string        `json:"damage,omitempty"`
	Lists     int           `json:"lists"`
	Rows      int64         `json:"rows"`
	Tail      int64         `json:"tail"`
	Gone      int64         `json:"gone"`
	Stale     bool          `json:"stale"`
	Promise   float64       `json:"promise"`
	Sample    engine.Sample `json:"sample"`
	Questions int           `json:"questions"`
	K         int           `json:"k"`
	LookedAt  int           `json:"lists_looked_at"`
	Share     float64       `json:"rows_looked_at"`
	Recall    eval.Figure   `json:"recall"`
}

func newListsInfo(l *engine.Lists) *listsInfo {
	if l == nil {
		return nil
	}
	damage := ""
	if l.Damage != nil {
		damage = l.Damage.Error()
	}
	return &listsInfo{l.File, damage, l.Lists, l.Rows, l.Tail, l.Gone, l.Stale, l.Promise, l.Sample, l.Questions, l.K, l.Looked, l.Read, eval.Figure{Value: l.Recall, Low: l.Low, High: l.High}}
}

// String says what the index does.
func (i *listsInfo) String() string {
	switch {
	case i == nil:
		return "none"
	case i.Damage != "":
		return "cannot be read: " + i.Damage
	case i.File == "":
		return fmt.Sprintf("%d of rows that are others now: sheaf compact makes them anew", i.Lists)
	case i.LookedAt == i.Lists:
		return fmt.Sprintf("%d of %s, all looked at: fewer do not hold recall@%d of %v (%s)", i.Lists, count(int(i.Rows), "row"), i.K, i.Promise, i.File)
	}
	return fmt.Sprintf("%d of %s; %d of them, %.1f %% of the rows, for recall@%d of %v: %.4f [%.4f, %.4f] by %s%s (%s)", i.Lists, count(int(i.Rows), "row"),
		i.LookedAt, 100*i.Share, i.K, i.Promise, i.Recall.Value, i.Recall.Low, i.Recall.High, i.measuredBy(), i.besides(), i.File)
}

// besides says which rows are not those that the index was measured with.
func (i *listsInfo) besides() string {
	if i.Tail == 0 && i.Gone == 0 {
		return ""
	}
	return fmt.Sprintf("; %s in no list, %d deleted since", count(int(i.Tail), "row"), i.Gone)
}

// measuredBy says what the index was measured by.
func (i *listsInfo) measuredBy() string {
	n := i.Questions / 2
	switch i.Sample {
	case engine.Asked:
		return count(n, "question")
	case engine.Sentences:
		return count(n, "first sentence") + " of texts"
	}
	return count(n, "row") + " that stand for questions"
}

func (env *environment) printLists(l *engine.Lists) error {
	i := newListsInfo(l)
	return env.print(outputFlags{}, func(p *printer) error {
		return p.fields(struct {
			Lists *listsInfo `json:"lists"`
		}{i}, []field{{"lists", i.String()}})
	})
}
