package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/progress"
	"sheaf/internal/store"
)

// embedderFlags say how an embedder is asked. Which one it is, and where its
// service is, are settings.
type embedderFlags struct {
	dimensions int
	batchSize  int
	retryFor   time.Duration
	truncate   bool
}

func (o *embedderFlags) addFlags(c *cobra.Command) {
	addSettings(c.Flags(), "embedder", "base-url", "api-key-file", "workers", "rpm", "tpm")
	c.Flags().IntVar(&o.dimensions, "dimensions", 0, "ask for vectors of `N` numbers (default: the model's own)")
	c.Flags().IntVar(&o.batchSize, "batch-size", 0, "send at most `N` texts in a request")
	c.Flags().DurationVar(&o.retryFor, "retry-for", embed.DefaultRetryFor, "how long a service may stay unavailable")
	c.Flags().BoolVar(&o.truncate, "truncate", false, "embed the beginning of a text that is too long, which fails otherwise")
	complete(c, "embedder", "builtin", "openai:text-embedding-3-small", "openai:text-embedding-3-large", "none")
}

func (o *embedderFlags) validate() error {
	switch {
	case o.dimensions < 0:
		return usagef("--dimensions must be above 0, not %d", o.dimensions)
	case o.batchSize < 0 || o.batchSize > embed.MaxBatchSize:
		return usagef("--batch-size must be from 1 to %d, not %d", embed.MaxBatchSize, o.batchSize)
	case o.retryFor < 0:
		return usagef("--retry-for must not be negative")
	}
	return nil
}

// noEmbedder is the name under which a store has none.
const noEmbedder = "none"

// embedder makes the embedder that spec names. stats may be nil.
func (env *environment) embedder(spec string, o embedderFlags, stats *progress.Counter) (embed.Embedder, error) {
	return env.embedderOf(spec, o, 0, stats)
}

// embedderOf is embedder where the length of its vectors is known; 0 is not.
func (env *environment) embedderOf(spec string, o embedderFlags, dim int, stats *progress.Counter) (embed.Embedder, error) {
	e, err := embed.New(spec, embed.Options{
		BaseURL:    env.config.BaseURL,
		APIKey:     env.config.APIKey,
		APIKeyFile: env.config.APIKeyFile,
		Dimensions: o.dimensions,
		BatchSize:  o.batchSize,
		RetryFor:   max(o.retryFor, time.Nanosecond), // 0 is "the default" there, "do not retry" here
		RPM:        env.config.RPM,
		TPM:        env.config.TPM,
		Truncate:   o.truncate,
		Dim:        dim,
		Notice:     env.notice,
		Stats:      stats,
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return e, nil
}

// hints are the settings, or what suits the embedder.
func (env *environment) hints(e embed.Embedder, o embedderFlags) embed.Hints {
	h := embed.HintsOf(e)
	if env.config.Workers > 0 {
		h.Workers = env.config.Workers
	}
	if o.batchSize > 0 {
		h.BatchSize = o.batchSize
	}
	return h
}

// preferred names the embedder of a new store.
func (env *environment) preferred() string {
	if env.config.Embedder == "" {
		return "builtin"
	}
	return env.config.Embedder
}

// askedDimensions is the fingerprint of a store whose embedder is asked for
// vectors of another length than the model's own. Its queries must be, too; and
// a service that was never asked may refuse to be, so the length alone does not tell.
const askedDimensions = "dimensions=%d"

// newFacts are the facts of a store that the embedder e is bound to.
func newFacts(ctx context.Context, e embed.Embedder, dimensions int) (store.Facts, error) {
	id, err := embed.Resolve(ctx, e)
	if err != nil {
		return store.Facts{}, err
	}
	f := store.Facts{Embedder: id.String(), Fingerprint: id.Fingerprint, Dim: id.Dim}
	if dimensions != 0 && f.Fingerprint == "" {
		f.Fingerprint = fmt.Sprintf(askedDimensions, dimensions)
	}
	if f.Embedder == noEmbedder {
		if dimensions == 0 {
			return f, usagef("a store without an embedder needs --dimensions N, the length of its vectors")
		}
		f.Embedder, f.Fingerprint, f.Dim = "", "", dimensions
	}
	return f, nil
}

// boundEmbedder makes the embedder of an existing store. A store is data,
// never orders: what it names is used only where nothing but the name follows
// from it (providers that are part of this program, at a URL that the user
// chose). A flag that names another embedder is an error; the environment's
// preference is for new stores and does not count.
func (env *environment) boundEmbedder(f store.Facts, o embedderFlags, stats *progress.Counter) (embed.Embedder, error) {
	bound := f.Embedder
	if bound == "" {
		bound = noEmbedder
	}
	if given := env.config.Embedder; env.config.EmbedderFlag && !sameEmbedder(given, bound) {
		err := &store.MismatchError{Fact: "embedder", Store: bound, Given: given}
		if bound == noEmbedder {
			return nil, withHint(err, "bind it first: sheaf init --embedder %s", given)
		}
		return nil, withHint(err, "leave --embedder out, or make another store with --store DIR")
	}
	switch provider, _, _ := strings.Cut(bound, ":"); provider {
	case noEmbedder, "builtin", "openai":
	default:
		if env.config.Embedder != bound {
			return nil, withHint(fmt.Errorf("the store asks for the embedder %q, which only you may choose", bound),
				"if you trust it, give --embedder %s", bound)
		}
	}
	if o.dimensions != 0 && o.dimensions != f.Dim {
		err := f.Check(store.Facts{Dim: o.dimensions})
		return nil, withHint(err, "leave --dimensions out, or make another store with --store DIR")
	}
	if f.Fingerprint == fmt.Sprintf(askedDimensions, f.Dim) {
		o.dimensions = f.Dim
	}
	e, err := env.embedderOf(bound, o, f.Dim, stats)
	if err != nil {
		return nil, err
	}
	id := e.Identity()
	if err := f.Check(store.Facts{Embedder: id.String(), Fingerprint: id.Fingerprint, Dim: id.Dim}); bound != noEmbedder && err != nil {
		return nil, withHint(err, "the store's vectors were made by another version of the embedder: ingest its sources into a new store")
	}
	return e, nil
}

// sameEmbedder tells whether given names the embedder bound. A bare provider
// names whatever model of it the store has.
func sameEmbedder(given, bound string) bool {
	return given == bound || !strings.Contains(given, ":") && strings.HasPrefix(bound, given+":")
}
