package cmd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/binding"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/exchange"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/loader"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
	"sheaf/internal/sandbox"
)

type importOptions struct {
	format, indexName string
	src               string
	verify, reembed   bool
	maxExpansion      int
	onUnknown         string
	onConflict        conflictFlag
	fields            loader.ReadOptions
	fieldsGiven       bool
	embedder          embedderFlags
	facts             factFlags
}

// onUnknown are the values of --on-unknown.
var onUnknown = []string{string(langchain.FailUnknown), string(langchain.SkipUnknown), string(langchain.TextUnknown)}

func newImportCmd(env *environment) *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import SRC|-",
		Short: "Read documents with their vectors from LangChain and others",
		Long: `Copy documents with their vectors into the store, which is made where it is
missing: all of them or, on any error, none. SRC is a folder or a file, or stdin
for -; its content tells the format, unless --format does:
` + formatHelp(exchange.Readable(), readHelp) + `Nothing of a pickle is ever executed. Flat indexes are read as they are; other
types of Faiss index are read in a process with limits, and where they keep
only approximations of vectors, a notice says so. Documents of a pickle that
share texts or metadata take more room than the pickle when each is written out:
at most 64 MiB or --max-expansion times its size. Members of enums are their
values. A value of another class that is not known makes the import fail;
--on-unknown skip leaves its document out, and --on-unknown text makes it what
the class was called with, or a text.

The metric is the index's, and cosine for LlamaIndex's own vectors, unless
--metric says how they are to be compared here. LangChain's files do not tell
of normalize_L2: give --normalize, and queries are brought to length 1 as
LangChain does. --embedder names what the vectors were made with, so that texts
can be searched for; --verify makes sure of it by embedding three texts again.
Vectors of builtin and its models are known by their bits and need no flag.
--reembed makes all vectors anew.

A document with the id of another in the store is a conflict, and so is a
source that has other documents there: see sheaf merge --help.` + exitStatus(0, 1, 2, 5, 11, 12, 75, 130, 143),
		Example: `  sheaf import faiss_index --store imported.sheaf
  sheaf import --embedder builtin --verify documents.jsonl --store copy.sheaf
  sheaf import - --store piped.sheaf < documents.jsonl`,
		PreRunE: func(c *cobra.Command, args []string) error { return o.validate(env, c, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runImport(c.Context(), env, &o) },
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "read `FORMAT`: "+oneOf(importFormats)+" (default: what the content tells)")
	f.BoolVar(&o.verify, "verify", false, "embed three of the texts again, and fail where the vectors are not those of --embedder")
	f.BoolVar(&o.reembed, "reembed", false, "leave the vectors and embed all texts with --embedder")
	f.IntVar(&o.maxExpansion, "max-expansion", langchain.DefaultExpansion, "allow the documents of a pickle `N` times its size")
	f.StringVar(&o.onUnknown, "on-unknown", string(langchain.FailUnknown), "for a value of a class that is not known: `WHAT`: fail, skip or text")
	addIndexName(c, &o.indexName)
	addFields(c, &o.fields)
	complete(c, "format", importFormats...)
	complete(c, "on-unknown", onUnknown...)
	o.onConflict.addFlags(c)
	o.embedder.addFlags(c)
	o.facts.addFlags(c)
	f.Lookup("embedder").Usage = "what made the vectors, or is to make them: " + strings.Replace(provider.Usage(), "MODEL", "`MODEL`", 1) + " (default: another store's own, builtin where it made them, or else none)"
	f.Lookup("index-name").Usage = "the `NAME` of LangChain's files, NAME.faiss and NAME.pkl, or of LlamaIndex's, NAME__vector_store.json (default: index, and default for LlamaIndex)"
	f.Lookup("index-name").DefValue = ""
	f.Lookup("metric").Usage = "compare vectors by `METRIC`: l2, ip or cosine (default: the input's own, or else l2)"
	f.Lookup("metric").DefValue = ""
	return c
}

func (o *importOptions) validate(env *environment, c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || args[0] == "":
		return hint.With(usagef("there is nothing to import"), "name a folder or a file, or - for stdin")
	case len(args) > 1:
		return usagef("import takes one source, not %d", len(args))
	case o.maxExpansion < 1:
		return usagef("--max-expansion %d: it must be at least 1", o.maxExpansion)
	case o.verify && o.reembed:
		return usagef("--verify is about vectors that --reembed makes anew: they cannot be used together")
	}
	o.fieldsGiven = slices.ContainsFunc(fieldFlags, c.Flags().Changed)
	if err := setChoice(&o.onUnknown, o.onUnknown, onUnknown); err != nil {
		return usagef("--on-unknown: %w", err)
	}
	o.src = args[0]
	if o.format != "" {
		if err := setChoice(&o.format, o.format, importFormats); err != nil {
			return usagef("--format: %w", err)
		}
	}
	if f, _ := exchange.Lookup(o.format); o.src == "-" && f.Several {
		return usagef("%s is more than one file: it cannot come from stdin", o.format)
	}
	if p := provider.Of(env.config.Embedder); env.config.EmbedderFlag && p.DefaultModel != "" && p.Name == env.config.Embedder {
		return hint.With(usagef("%s has several models with vectors of the same length", p.Name), "name the one: --embedder %s:%s", p.Name, p.DefaultModel)
	}
	return errors.Join(validIndexName(o.indexName), o.onConflict.validate(), o.embedder.validate(), o.facts.validate(c), distinctFields(o.fields), env.validFormat())
}

func runImport(ctx context.Context, env *environment, o *importOptions) (err error) {
	// What is kept of each document lives to the end of the run. A lower target keeps
	// garbage from taking as much memory again.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	if o.src == "-" {
		env.tellTyped("what is to be imported")
	}
	in, err := exchange.Open(ctx, o.src, exchange.Options{
		Format: o.format, IndexName: o.indexName, Fields: o.fields, Stdin: env.streams.In, OpenStore: env.openContents,
		Options: langchain.Options{Foreign: sandbox.Read, TextsOnly: o.reembed, Expansion: o.maxExpansion, OnUnknown: langchain.OnUnknown(o.onUnknown)},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if f, _ := exchange.Lookup(in.Format); o.fieldsGiven && !f.Records {
		return usagef("--text-field, --id-field and --vector-field are about records, and %s is %s", in.Called, f.Name)
	}
	var counter progress.Counter
	i := &importing{ctx: ctx, env: env, o: o, in: in, counter: &counter}
	if err = i.open(); err != nil {
		return err
	}
	counter.SetTotal(in.Total)
	shown := env.showProgress(&counter, "importing", "document")
	merged, err := i.w.Merge(ctx, []engine.Snapshot{{Transfers: i.transfers()}}, engine.OnConflict(o.onConflict.policy))
	shown.stop()
	if err != nil {
		return errors.Join(in.About(err), i.w.Discard())
	}
	facts, created := i.w.Facts(), i.created
	if err := errors.Join(env.index(ctx, i.w), i.w.Close()); err != nil {
		return err
	}
	return env.printImported(in, merged, facts, created)
}

// importing is an import into a store.
type importing struct {
	ctx     context.Context
	env     *environment
	o       *importOptions
	in      *exchange.Input
	counter *progress.Counter
	w       writer
	created bool
	e       embed.Embedder // nil where no text is embedded
}

// open opens the store, whose facts must agree with the input, or creates it.
func (i *importing) open() (err error) {
	i.w, i.created, err = i.env.openOrCreate(i.ctx, i.env.storeOptions(i.counter.AddChunks), func() (f engine.Facts, err error) {
		f, i.e, err = i.newFacts()
		return f, err
	})
	if err != nil || i.created {
		return err
	}
	if i.e, err = i.agree(i.w.Facts()); err != nil {
		return errors.Join(err, i.w.Close())
	}
	return nil
}

// metric returns the metric of --metric or of the input, or "" where neither has one.
func (i *importing) metric() (engine.Metric, error) {
	if i.o.facts.metricGiven {
		return engine.Metric(i.o.facts.metric), nil
	}
	if i.in.Metric == "" {
		return "", nil
	}
	m, err := engine.ParseMetric(i.in.Metric)
	if err != nil {
		return "", hint.With(i.in.About(fmt.Errorf("its index compares by %s, which sheaf does not", i.in.Metric)),
			"--metric l2, ip or cosine imports the vectors to be compared so")
	}
	return m, nil
}

// errNothingEmbeds says that neither the flag nor the store names an embedder.
var errNothingEmbeds = usagef("--reembed and --verify need --embedder, which names what embeds")

// newFacts returns the facts of the store that the import creates, and its embedder.
func (i *importing) newFacts() (f engine.Facts, e embed.Embedder, err error) {
	f = i.in.Facts
	if f.Metric, err = i.metric(); err != nil {
		return f, nil, err
	}
	if f.Metric == "" {
		f.Metric = engine.L2
	}
	if f.Dim = i.in.Dim; i.o.facts.normalizeGiven {
		f.Normalize = i.o.facts.normalize
	}
	if f.Dim == 0 && !i.in.Empty && !i.o.reembed {
		return f, nil, i.in.About(fmt.Errorf("its first document: %w", exchange.ErrNoVector))
	}
	spec := i.env.config.Embedder
	if !i.env.config.EmbedderFlag { // which outranks what the input tells
		if spec, err = i.madeBy(); err != nil {
			return f, nil, err
		}
	}
	if spec != "" {
		if f, e, err = i.bind(f, spec); err != nil {
			return f, nil, err
		}
	}
	switch {
	case e == nil && (i.o.reembed || i.o.verify):
		return f, nil, errNothingEmbeds
	case f.Dim == 0 && i.in.Empty:
		err := i.in.About(errors.New("it holds no document, so nothing tells how long vectors are"))
		return f, nil, hint.With(err, "make the store first with sheaf init, or give the --embedder that it is to have")
	}
	return f, e, nil
}

// madeBy names the embedder in the program that made the vectors, as they tell themselves; "" for none, and
// where the input tells, or they are not kept.
func (i *importing) madeBy() (string, error) {
	if i.in.Facts.Embedder != "" || i.o.reembed {
		return "", nil
	}
	spec, err := i.in.MadeBy(i.ctx, provider.InProgram, func(spec string) (embed.Embedder, error) { return provider.New(spec, embed.Options{}) })
	if spec != "" {
		i.env.notice(fmt.Sprintf("the first vectors are those that %s makes of their texts, so the store has this embedder; --embedder none leaves it without", spec))
	}
	return spec, err
}

// bind returns the facts of a store with the embedder that is named spec.
func (i *importing) bind(f engine.Facts, spec string) (engine.Facts, embed.Embedder, error) {
	if spec == f.Embedder && !i.o.reembed {
		i.o.embedder.Fingerprint = f.Fingerprint // its vectors are kept, and so is the version of the model
	}
	if f.Embedder, f.Fingerprint = "", ""; spec == embed.None {
		return f, nil, nil
	}
	e, err := i.embedder(spec, f.Dim)
	if err != nil {
		return f, nil, err
	}
	bound, err := binding.Facts(i.ctx, e, i.o.embedder.Dimensions)
	if err != nil {
		return f, nil, err
	}
	err = i.made(bound.Embedder).Check(engine.Facts{Embedder: bound.Embedder, Fingerprint: bound.Fingerprint})
	switch {
	case err != nil:
		return f, nil, hint.With(i.in.About(err), "leave --embedder out to keep the vectors, or make them anew with --reembed")
	case !i.o.reembed && !i.in.Empty && bound.Dim != f.Dim:
		err := fmt.Errorf("%s makes vectors of %d numbers, and those of %s have %d", spec, bound.Dim, i.in.Called, f.Dim)
		return f, nil, hint.With(err, "name the embedder that made them, or make them anew with --reembed")
	}
	f.Embedder, f.Fingerprint, f.Dim = bound.Embedder, bound.Fingerprint, bound.Dim
	return f, e, nil
}

// made returns the embedder that the vectors of the input are by, for a store that has an embedder of a
// name. Nothing is known of it where texts are embedded anew, or where the flag gives it another name.
func (i *importing) made(name string) engine.Facts {
	if i.o.reembed || i.env.config.EmbedderFlag && i.in.Facts.Embedder != name {
		return engine.Facts{}
	}
	return engine.Facts{Embedder: i.in.Facts.Embedder, Fingerprint: i.in.Facts.Fingerprint}
}

// embedder makes the embedder that is named spec. One that does not know the length
// of its vectors takes that of the input, so that no request is needed to learn it.
func (i *importing) embedder(spec string, dim int) (embed.Embedder, error) {
	e, err := i.env.embedder(spec, i.o.embedder, nil)
	if err != nil || i.o.reembed || e.Identity().Dim != 0 {
		return e, err
	}
	o := i.o.embedder
	o.Dim = dim
	return i.env.embedder(spec, o, nil)
}

// agree compares the input with the facts of an existing store.
func (i *importing) agree(f engine.Facts) (embed.Embedder, error) {
	if err := i.o.facts.check(f); err != nil {
		return nil, err
	}
	metric, err := i.metric()
	if err != nil {
		return nil, err
	}
	if metric != "" && metric != f.Metric {
		err := &engine.MismatchError{Fact: "metric", Store: string(f.Metric), Given: string(metric)}
		return nil, hint.With(err, "--metric %s imports the vectors to be compared as the store's", f.Metric)
	}
	want := i.made(f.Embedder)
	if !i.o.reembed {
		want.Dim = i.in.Dim
	}
	if err := f.Check(want); err != nil {
		return nil, i.in.About(err)
	}
	if err := f.Check(engine.Facts{Normalize: i.in.Facts.Normalize && !i.o.facts.normalizeGiven}); err != nil {
		return nil, hint.With(i.in.About(err), "make another store with --store DIR, or let questions keep their length with --normalize=false")
	}
	embeds := i.o.reembed || i.o.verify
	if !embeds && !i.env.config.EmbedderFlag {
		return nil, nil
	}
	e, err := i.env.boundEmbedder(f, i.o.embedder, nil)
	switch {
	case err != nil:
		return nil, err
	case embeds && f.Embedder == "":
		return nil, errNothingEmbeds
	}
	return e, nil
}

// transfers returns the documents of the input as the store takes them.
func (i *importing) transfers() iter.Seq2[engine.Transfer, error] {
	docs := i.in.Transfers(i.w.Facts())
	switch {
	case i.o.reembed:
		workers, batchSize := i.env.pool(i.e, i.o.embedder)
		return i.tellingCut(exchange.Embed(i.ctx, i.e, workers, batchSize, docs))
	case i.o.verify:
		return exchange.Verify(i.ctx, i.e, docs)
	}
	return docs
}

// tellingCut passes documents on, and tells at the end of how many only the beginning was embedded.
func (i *importing) tellingCut(docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		cut := 0
		for t, err := range docs {
			if t.Origin == engine.Truncated {
				cut++
			}
			if !yield(t, err) {
				return
			}
		}
		if cut > 0 {
			i.env.notice(fmt.Sprintf("only the beginnings of %s are embedded: they are too long", count(cut, "document")))
		}
	}
}

// openContents opens another store as an input.
func (env *environment) openContents(ctx context.Context, dir string) (snap engine.Snapshot, stop func() error, err error) {
	if env.stores.Same(env.config.Store, dir) {
		return snap, nil, engine.ErrSameStore
	}
	s, err := env.openOther(ctx, dir)
	if err != nil {
		return snap, nil, err
	}
	if snap, err = s.Snapshot(ctx); err != nil {
		return snap, nil, errors.Join(err, s.Close())
	}
	return snap, s.Close, nil
}

func (env *environment) printImported(in *exchange.Input, m engine.Merged, f engine.Facts, created bool) error {
	if env.inJSON() {
		return env.printObject(struct {
			Added   int64  `json:"added"`
			Skipped int64  `json:"skipped"`
			Dim     int    `json:"dim"`
			Metric  string `json:"metric"`
			Format  string `json:"format"`

			Notices []string `json:"notices,omitempty"`
		}{m.Added, m.Skipped, f.Dim, string(f.Metric), in.Format, append(env.started.notices.all(), in.Remarks()...)})
	}
	env.say("%s imported, %d skipped, %d replaced; metric %s, dim %d", count(m.Added, "document"), m.Skipped, m.Replaced, f.Metric, f.Dim)
	for _, remark := range in.Remarks() {
		env.say("%s", visible(remark))
	}
	if created && f.Embedder == "" {
		env.say("no embedder is bound, so the store answers vectors only; sheaf init --embedder NAME binds the one that made them; " +
			"an import into another store with --reembed --embedder builtin makes new ones")
	}
	return nil
}
