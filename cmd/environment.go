package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/pflag"

	"sheaf/internal/store"
)

// environment is what every verb works in.
type environment struct {
	streams Streams
	flags   globalFlags
	config  Config
	command string // as typed: what a lock shows to others
	now     func() time.Time
	shown   *display // of the run that goes on; nil: none
}

// globalFlags are the flags of every verb that are no settings.
type globalFlags struct {
	json, jsonl, quiet, verbose, noProgress bool
	configFile                              string
}

func (g *globalFlags) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&g.json, "json", false, "answer with one JSON object; errors are JSON too")
	flags.BoolVar(&g.jsonl, "jsonl", false, "answer with one JSON object a line; errors are JSON too")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "print the answer and errors only")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "say more about what is done")
	flags.BoolVar(&g.noProgress, "no-progress", false, "draw no progress bar")
	flags.StringVar(&g.configFile, "config", "", "read settings from `FILE` instead of the user's config.toml")
}

func (env *environment) storeOptions() store.Options {
	return store.Options{LockTimeout: env.config.LockTimeout, Holder: env.command}
}

// withStore opens the store for reading and calls use with it.
func (env *environment) withStore(ctx context.Context, use func(*store.Store) error) error {
	s, err := store.Open(ctx, env.config.Store, env.storeOptions())
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close())
}
