package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"sheaf/internal/binding"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
)

type initOptions struct {
	embedder embedderFlags
	facts    factFlags
	noWords  bool

	// Of a table.
	partitions int
	index      string
}

func newInitCmd(env *environment) *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init",
		Short: "Create an empty store",
		Long: `Create an empty store and fix, for its life, the embedder, the length of its
vectors and how they are compared. sheaf ingest does the same on first use.
With --no-words the store keeps no index of the words of its documents. A table
of PostgreSQL may have partitions, on several servers too, and with --index an
approximate index, by which searches without --recall then go; partitions of a
collection of Weaviate are its shards: docs/remote.md.

Where an equal store is already there, nothing is done. A store that has no
embedder is bound to the one that is given, once, if the lengths agree.

EMBEDDERS
  builtin   the default: a small English model in the program
  builtin:multilingual
            the same for 16 languages (Arabic, Chinese in both scripts, Dutch,
            English, French, German, Italian, Japanese, Korean, Polish,
            Portuguese, Russian, Spanish, Thai, Turkish), which sheaf ingest
            chooses by itself for texts that are not English
  minilm    all-MiniLM-L6-v2, English, computed here (sheaf model add minilm)
  multilingual
            USE-multilingual-v3: the same languages, computed here, better than
            builtin:multilingual (sheaf model add multilingual)
  hf:NAME   another encoder of the Hugging Face hub, computed here
  minilm:int8, hf:NAME:int8
            the same in integers of 8 bits: more than twice as fast, nearly as
            good
  openai    a service: most languages; the texts are sent to it

            quality: found in  and by para-  chunks a  time for    memory
            documentation      phrases       second    a question
  builtin   .791               .897          20,000     8 ms        38 MB
  minilm    .825               .983              36    19 ms       136 MB
   :int8    as minilm          .990             101    17 ms        59 MB
  openai    not measured here, depends on the model and the service

Quality is nDCG@10, of which 1 is perfect; the rest was measured on 2 cores with
chunks of 1,000 characters. docs/embedders.md says more.` + exitStatus(0, 1, 2, 5, 11, 12, 75),
		Example: `  sheaf init --metric cosine --store articles.sheaf
  sheaf init --embedder minilm --store notes.sheaf
  sheaf init --embedder none --dimensions 3 --store vectors.sheaf`,
		PreRunE: func(c *cobra.Command, args []string) error { return o.validate(c, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runInit(c.Context(), env, &o) },
	}
	o.embedder.addFlags(c)
	o.facts.addFlags(c)
	c.Flags().BoolVar(&o.noWords, "no-words", false, "keep no index of words (new stores)")
	c.Flags().IntVar(&o.partitions, "partitions", 0, "make a table or a collection of `N` partitions by hash of the id (PostgreSQL, Weaviate)")
	c.Flags().StringVar(&o.index, "index", indexNone, "have searches go by an approximate index: `KIND` none, hnsw or ivfflat (PostgreSQL)")
	complete(c, "index", indexes...)
	return c
}

// indexNone is the --index of a store whose searches are exact.
const indexNone = "none"

var indexes = []string{indexNone, engine.HNSW, engine.IVFFlat}

func (o *initOptions) validate(c *cobra.Command, args []string) error {
	if err := noArgs("init", args); err != nil {
		return err
	}
	if o.partitions < 0 {
		return usagef("--partitions must not be negative, not %d", o.partitions)
	}
	if !slices.Contains(indexes, o.index) {
		return usagef("--index: %q is neither none, hnsw nor ivfflat", o.index)
	}
	if err := o.facts.validate(c); err != nil {
		return err
	}
	return o.embedder.validate()
}

func runInit(ctx context.Context, env *environment, o *initOptions) error {
	options := env.storeOptions(nil)
	options.Partitions = o.partitions
	if o.index != indexNone {
		options.Index = o.index
	}
	w, created, err := env.openOrCreate(ctx, options, func() (engine.Facts, error) {
		e, err := env.embedder(env.preferred(), o.embedder, nil)
		if err != nil {
			return engine.Facts{}, err
		}
		f, err := o.facts.of(binding.Facts(ctx, e, o.embedder.Dimensions))
		f.NoWords = o.noWords
		return f, err
	})
	switch {
	case readOnly(err):
		return env.initReadOnly(ctx, o, err)
	case err != nil:
		return err
	case !created:
		if err = errors.Join(o.checkWords(w.Facts()), o.checkTable(ctx, w)); err == nil {
			err = env.agree(ctx, w, o)
		}
	}
	if err == nil {
		err = env.printInfo(ctx, w)
	}
	return errors.Join(err, w.Close())
}

// checkWords returns an error where a store with words is to have none.
func (o *initOptions) checkWords(f engine.Facts) error {
	if !o.noWords || f.NoWords {
		return nil
	}
	return hint.With(&engine.MismatchError{Fact: "words", Store: "true", Given: "false"}, "leave --no-words out, or make another store with --store DIR")
}

// checkTable returns an error where a store is to have other partitions than it has, or
// another index.
func (o *initOptions) checkTable(ctx context.Context, s reader) error {
	if o.partitions == 0 && o.index == indexNone {
		return nil
	}
	info, err := s.Info(ctx)
	switch index := cmp.Or(info.Approximate, indexNone); {
	case err != nil:
		return err
	case o.partitions != 0 && info.Partitions != int64(o.partitions):
		return &engine.MismatchError{Fact: "partitions", Store: strconv.FormatInt(info.Partitions, 10), Given: strconv.Itoa(o.partitions)}
	case o.index != indexNone && index != o.index:
		return hint.With(&engine.MismatchError{Fact: "index", Store: index, Given: o.index}, "leave --index out, or make another table and merge this one into it")
	}
	return nil
}

// readOnly reports whether err says that a file or folder cannot be written.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// initReadOnly compares the flags with a store that cannot be written, as refused
// says. Where there is none, that is the error.
func (env *environment) initReadOnly(ctx context.Context, o *initOptions, refused error) error {
	err := env.withStore(ctx, func(s reader) error {
		if _, err := env.bound(s, o.facts, o.embedder, nil); err != nil {
			return err
		}
		if err := o.checkWords(s.Facts()); err != nil {
			return err
		}
		return env.printInfo(ctx, s)
	})
	if errors.Is(err, engine.ErrNotExist) {
		return refused
	}
	return err
}

// agree compares the flags with an existing store, and binds the embedder that they
// name to a store that has none.
func (env *environment) agree(ctx context.Context, w writer, o *initOptions) error {
	facts, spec := w.Facts(), env.config.Embedder
	if facts.Embedder != "" || !env.config.EmbedderFlag || spec == embed.None {
		_, err := env.bound(w, o.facts, o.embedder, nil)
		return err
	}
	if err := o.facts.check(facts); err != nil {
		return err
	}
	e, err := env.embedder(spec, o.embedder, nil)
	if err != nil {
		return err
	}
	wanted, err := binding.Facts(ctx, e, o.embedder.Dimensions)
	if err != nil {
		return err
	}
	if err := facts.Check(engine.Facts{Dim: wanted.Dim}); err != nil {
		return hint.With(fmt.Errorf("binding %s: %w", spec, err), "name the embedder that made its vectors, or make another store with --store DIR")
	}
	return w.Bind(ctx, wanted.Embedder, wanted.Fingerprint)
}

// factFlags are the facts of a new store that do not follow from its embedder.
type factFlags struct {
	metric    string
	normalize bool

	metricGiven, normalizeGiven bool
}

var metrics = []string{string(engine.L2), string(engine.InnerProduct), string(engine.Cosine)}

func (o *factFlags) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.metric, "metric", string(engine.L2), "compare vectors by `METRIC`: l2, ip or cosine (new stores)")
	c.Flags().BoolVar(&o.normalize, "normalize", false, "bring vectors and queries to length 1 (new stores)")
	complete(c, "metric", metrics...)
}

func (o *factFlags) validate(c *cobra.Command) error {
	o.metricGiven, o.normalizeGiven = c.Flags().Changed("metric"), c.Flags().Changed("normalize")
	if _, err := engine.ParseMetric(o.metric); err != nil {
		return usagef("--metric: %w", err)
	}
	return nil
}

// of completes the facts of a new store. err is passed on.
func (o *factFlags) of(f engine.Facts, err error) (engine.Facts, error) {
	f.Metric, f.Normalize = engine.Metric(o.metric), o.normalize
	return f, err
}

// check returns an error for a flag that disagrees with the facts of a store.
func (o *factFlags) check(f engine.Facts) error {
	var err error
	switch {
	case o.metricGiven && engine.Metric(o.metric) != f.Metric:
		err = &engine.MismatchError{Fact: "metric", Store: string(f.Metric), Given: o.metric}
	case o.normalizeGiven && o.normalize && f.Metric == engine.Cosine:
		return nil // cosine is normalized anyway
	case o.normalizeGiven && o.normalize != f.Normalize:
		err = &engine.MismatchError{Fact: "normalize", Store: fmt.Sprint(f.Normalize), Given: fmt.Sprint(o.normalize)}
	default:
		return nil
	}
	return hint.With(err, "leave the flag out, or make another store with --store DIR")
}
