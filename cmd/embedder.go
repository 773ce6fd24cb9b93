package cmd

import (
	"cmp"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"sheaf/internal/binding"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/kernel"
	"sheaf/internal/openai"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
)

// embedderFlags say how an embedder works. Which one it is, and where its service is, are settings.
type embedderFlags struct {
	embed.Options // those that have a flag
	batchSize     positive
}

func (o *embedderFlags) addFlags(c *cobra.Command) {
	addSettings(c.Flags(), "embedder", "base-url", "api-key-file", "auth-header", "extra-body", "workers", "rpm", "tpm")
	c.Flags().IntVar(&o.Dimensions, "dimensions", 0, "ask for vectors of `N` numbers (default: the model's own)")
	c.Flags().Var(&o.batchSize, "batch-size", "send at most `N` texts in a request")
	c.Flags().DurationVar(&o.RetryFor, "retry-for", openai.DefaultRetryFor, "how long a service may stay unavailable, a `DURATION`")
	c.Flags().BoolVar(&o.Truncate, "truncate", false, "embed the beginning of a text that is too long, which fails otherwise")
	c.Flags().Func("query-prefix", "put `TEXT` before questions (new stores; default: what the model asks for)", setText(&o.Query))
	c.Flags().Func("passage-prefix", "put `TEXT` before texts to be found (new stores; default: what the model asks for)", setText(&o.Passage))
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
	case o.Dimensions < 0:
		return usagef("--dimensions must be above 0, not %d", o.Dimensions)
	case o.batchSize > provider.MaxBatchSize:
		return usagef("--batch-size must be from 1 to %d, not %d", provider.MaxBatchSize, o.batchSize)
	case o.RetryFor < 0:
		return usagef("--retry-for must not be negative")
	}
	return nil
}

// embedder makes the embedder that spec names. stats may be nil.
func (env *environment) embedder(spec string, o embedderFlags, stats *progress.Counter) (embed.Embedder, error) {
	return env.newEmbedder(spec, env.embedOptions(o, stats))
}

// boundEmbedder makes the embedder of a store with the facts f.
func (env *environment) boundEmbedder(f engine.Facts, o embedderFlags, stats *progress.Counter) (embed.Embedder, error) {
	options := env.embedOptions(o, stats)
	options.Told = options.Questions // it was said when the store was made
	spec, err := binding.Resolve(f, env.config.Embedder, env.config.EmbedderFlag, &options)
	if err != nil {
		return nil, err
	}
	e, err := env.newEmbedder(spec, options)
	if err != nil {
		return nil, err
	}
	if err := binding.Check(f, e); err != nil {
		return nil, err
	}
	return e, nil
}

// embedOptions completes the flags by the settings.
func (env *environment) embedOptions(o embedderFlags, stats *progress.Counter) embed.Options {
	options := o.Options
	options.BatchSize = int(o.batchSize)
	options.RetryFor = max(o.RetryFor, time.Nanosecond) // 0 is "the default" there, "do not retry" here
	options.BaseURL, options.APIKey, options.APIKeyFile = env.config.BaseURL, env.config.APIKey, env.config.APIKeyFile
	options.AuthHeader, options.ExtraBody = env.config.AuthHeader, env.config.ExtraBody
	options.RPM, options.TPM, options.Workers = env.config.RPM, env.config.TPM, env.config.Workers
	options.FindModel, options.Kernel = env.findModel, kernel.Chosen().String()
	options.Notice, options.Stats, options.Stderr = env.notice, stats, programOutput{env}
	return options
}

// newEmbedder makes an embedder that is closed when the verb ends.
func (env *environment) newEmbedder(spec string, o embed.Options) (embed.Embedder, error) {
	e, err := provider.New(spec, o)
	switch {
	case err == nil:
		env.started.loaded = append(env.started.loaded, loaded{e.Identity().String(), func() error { return embed.Close(e) }})
		return e, nil
	case as[*embed.ModelError](err):
		return nil, err
	}
	return nil, &usageError{err}
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
