package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
)

// embedderFlags say how an embedder is used. Which one it is, and where its service is, are
// settings.
type embedderFlags struct {
	dimensions int
	batchSize  positive
	retryFor   time.Duration
	truncate   bool
	query      *string // prompt before questions; nil: the model's own
	passage    *string // prompt before texts to be found; nil: the model's own
	questions  bool    // the verb's texts are questions
}

func (o *embedderFlags) addFlags(c *cobra.Command) {
	addSettings(c.Flags(), "embedder", "base-url", "api-key-file", "workers", "rpm", "tpm")
	c.Flags().IntVar(&o.dimensions, "dimensions", 0, "ask for vectors of `N` numbers (default: the model's own)")
	c.Flags().Var(&o.batchSize, "batch-size", "send at most `N` texts in a request")
	c.Flags().DurationVar(&o.retryFor, "retry-for", openai.DefaultRetryFor, "how long a service may stay unavailable")
	c.Flags().BoolVar(&o.truncate, "truncate", false, "embed the beginning of a text that is too long, which fails otherwise")
	c.Flags().Func("query-prefix", "put `TEXT` before questions (new stores; default: what the model asks for)", setText(&o.query))
	c.Flags().Func("passage-prefix", "put `TEXT` before texts to be found (new stores; default: what the model asks for)", setText(&o.passage))
	complete(c, "embedder", provider.Completions()...)
}

// setText returns the setter of a flag that may be given an empty text.
func setText(to **string) func(string) error {
	return func(text string) error {
		*to = &text
		return nil
	}
}

func (o *embedderFlags) validate() error {
	switch {
	case o.dimensions < 0:
		return usagef("--dimensions must be above 0, not %d", o.dimensions)
	case o.batchSize > provider.MaxBatchSize:
		return usagef("--batch-size must be from 1 to %d, not %d", provider.MaxBatchSize, o.batchSize)
	case o.retryFor < 0:
		return usagef("--retry-for must not be negative")
	}
	return nil
}

// embedder makes the embedder that is named spec. stats may be nil.
func (env *environment) embedder(spec string, o embedderFlags, stats *progress.Counter) (embed.Embedder, error) {
	return env.embedderOf(spec, o, 0, stats)
}

// embedderOf is embedder with the length of the vectors; 0: not known.
func (env *environment) embedderOf(spec string, o embedderFlags, dim int, stats *progress.Counter) (embed.Embedder, error) {
	e, err := provider.New(spec, embed.Options{
		BaseURL:    env.config.BaseURL,
		APIKey:     env.config.APIKey,
		APIKeyFile: env.config.APIKeyFile,
		Dimensions: o.dimensions,
		BatchSize:  int(o.batchSize),
		RetryFor:   max(o.retryFor, time.Nanosecond), // 0 is "the default" there, "do not retry" here
		RPM:        env.config.RPM,
		TPM:        env.config.TPM,
		Truncate:   o.truncate,
		Dim:        dim,
		FindModel:  env.findModel,
		Kernel:     faiss.Kernel(),
		Workers:    env.config.Workers,
		Query:      o.query,
		Passage:    o.passage,
		Questions:  o.questions,
		Notice:     env.notice,
		Stats:      stats,
		Stderr:     programOutput{env},
	})
	if broken := (*embed.ModelError)(nil); errors.As(err, &broken) {
		return nil, err
	}
	if err != nil {
		return nil, &usageError{err}
	}
	env.started.embedders = append(env.started.embedders, e)
	return e, nil
}

// pool returns how many batches to embed at once, and how many texts to put into each: what
// the settings say, or else what suits the embedder.
func (env *environment) pool(e embed.Embedder, o embedderFlags) (workers, batchSize int) {
	p := provider.Of(e.Identity().Provider)
	return cmp.Or(env.config.Workers, p.Workers, runtime.GOMAXPROCS(0)), cmp.Or(int(o.batchSize), p.BatchSize)
}

// preferred returns the name of a new store's embedder.
func (env *environment) preferred() string {
	return cmp.Or(env.config.Embedder, provider.Default)
}

// newFacts returns the facts of a new store that is bound to e.
func newFacts(ctx context.Context, e embed.Embedder, dimensions int) (engine.Facts, error) {
	id, err := embed.Resolve(ctx, e)
	if err != nil {
		return engine.Facts{}, err
	}
	f := engine.Facts{Embedder: id.String(), Fingerprint: provider.Fingerprint(id, dimensions), Dim: id.Dim}
	if f.Embedder == embed.None {
		if dimensions == 0 {
			return f, usagef("a store without an embedder needs --dimensions N, the length of its vectors")
		}
		f.Embedder, f.Fingerprint, f.Dim = "", "", dimensions
	}
	return f, nil
}

// boundEmbedder makes the embedder of an existing store.
func (env *environment) boundEmbedder(f engine.Facts, o embedderFlags, stats *progress.Counter) (embed.Embedder, error) {
	bound, err := env.boundName(f)
	if err != nil {
		return nil, err
	}
	if err := o.bind(f); err != nil {
		return nil, err
	}
	e, err := env.embedderOf(bound, o, f.Dim, stats)
	if err != nil || bound == embed.None {
		return e, err
	}
	id := e.Identity()
	made := engine.Facts{Embedder: id.String(), Fingerprint: provider.Fingerprint(id, o.dimensions), Dim: id.Dim}
	if provider.AreFolders(made.Embedder, f.Embedder) {
		made.Embedder = f.Embedder
	}
	if err := f.Check(made); err != nil {
		return nil, hint.With(err, "the store's vectors were made by another version of the embedder: ingest its sources into a new store")
	}
	return e, nil
}

// boundName returns the name of a store's embedder. A flag that names another one is an
// error. What the environment prefers is for new stores and does not count. A store is data and
// gives no orders: it names only embedders that are trusted.
func (env *environment) boundName(f engine.Facts) (string, error) {
	given, bound := env.config.Embedder, cmp.Or(f.Embedder, embed.None)
	if env.config.EmbedderFlag && !provider.Names(given, bound) {
		err := &engine.MismatchError{Fact: "embedder", Store: bound, Given: given}
		if bound == embed.None {
			return "", hint.With(err, "bind it first: sheaf init --embedder %s", given)
		}
		return "", hint.With(err, "leave --embedder out, or make another store with --store DIR")
	}
	switch {
	case provider.Trusted(bound):
		return bound, nil
	case provider.Names(given, bound):
		return given, nil // a folder may have moved since the store was made
	}
	return "", hint.With(fmt.Errorf("the store asks for the embedder %q, which only you may choose", bound),
		"if you trust it, give --embedder %s", shellQuote(bound))
}

// bind sets the flags that were not given to what the store remembers of its embedder. Those
// that were given must agree with it.
func (o *embedderFlags) bind(f engine.Facts) error {
	if o.dimensions != 0 && o.dimensions != f.Dim {
		return hint.With(f.Check(engine.Facts{Dim: o.dimensions}), "leave --dimensions out, or make another store with --store DIR")
	}
	if provider.AsksForDim(f.Fingerprint, f.Dim) {
		o.dimensions = f.Dim
	}
	prompts := embed.PromptsOf(f.Fingerprint)
	for _, p := range []struct {
		flag  string
		given **string
		bound string
	}{
		{"query-prefix", &o.query, prompts.Query}, {"passage-prefix", &o.passage, prompts.Passage},
	} {
		if *p.given != nil && **p.given != p.bound {
			err := &engine.MismatchError{Fact: p.flag, Store: strconv.Quote(p.bound), Given: strconv.Quote(**p.given)}
			return hint.With(err, "leave --%s out, or make another store with --store DIR", p.flag)
		}
		*p.given = &p.bound
	}
	return nil
}

// shellQuote quotes a word for a shell.
func shellQuote(word string) string {
	if strings.ContainsAny(word, " \t\n'\"$`\\!*?[]{}()<>|&;#~") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
