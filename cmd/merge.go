package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/progress"
	"sheaf/internal/store"
)

type mergeOptions struct {
	others     []string
	onConflict conflictFlag
}

func newMergeCmd(env *environment) *cobra.Command {
	var o mergeOptions
	c := &cobra.Command{
		Use:   "merge STORE...",
		Short: "Merge other stores into this one",
		Long: `Copy the documents of other stores, with their vectors as they are, into the
store that --store names. All of them are merged or, on any error, none; the
other stores are only read. Embedder, dim, metric and normalize must agree. A
store that is not there is made like the first of the others.

A document that the store has already, with the same id, text and metadata, is
skipped. An id with another text or metadata is a conflict, and so is a source
that has other chunks here; --on-conflict says what becomes of it:
  fail     nothing is merged (the default)
  skip     what the store has stays
  replace  the whole source of the merged store takes its place
  new-id   both stay; a document whose id is taken gets another

The store can be searched all the while.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf merge shards/a shards/b --store whole
  sheaf merge --on-conflict replace --json shards/b --store whole`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runMerge(c.Context(), env, &o) },
	}
	o.onConflict.addFlags(c)
	return c
}

// conflictFlag is the value of --on-conflict.
type conflictFlag struct{ policy string }

func (o *conflictFlag) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.policy, "on-conflict", string(engine.OnConflictFail), "where an id or a source has another content here: fail, skip, replace or new-id (`POLICY`)")
	complete(c, "on-conflict", string(engine.OnConflictFail), string(engine.OnConflictSkip), string(engine.OnConflictReplace), string(engine.OnConflictNewID))
}

func (o *conflictFlag) validate() error {
	if _, err := engine.ParseOnConflict(o.policy); err != nil {
		return usagef("--on-conflict: %w", err)
	}
	return nil
}

func (o *mergeOptions) validate(env *environment, args []string) error {
	o.others = args
	switch {
	case len(args) == 0:
		return hint.With(usagef("there is no store to merge"), "name the folders of other stores")
	case slices.Contains(args, ""):
		return usagef("an empty store name")
	}
	return errors.Join(o.onConflict.validate(), env.validFormat())
}

func runMerge(ctx context.Context, env *environment, o *mergeOptions) (err error) {
	if err := env.distinct(o.others); err != nil {
		return err
	}
	var others []reader
	defer func() {
		for _, s := range others {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, dir := range o.others {
		s, err := env.openOther(ctx, dir)
		if err != nil {
			return err
		}
		others = append(others, s)
	}
	counter := new(progress.Counter)
	merged, err := env.mergeInto(ctx, others[0].Facts(), others, engine.OnConflict(o.onConflict.policy), counter)
	if err != nil {
		return err
	}
	return env.printMerged(merged)
}

// distinct returns an error for a store that would be merged into itself or is
// named twice. It comes before any store is opened: to open a store twice in one
// process and close one of them would drop the locks of the other.
func (env *environment) distinct(others []string) error {
	for i, other := range others {
		if env.stores.Same(env.config.Store, other) {
			return fmt.Errorf("merging %q: %w", other, engine.ErrSameStore)
		}
		for _, earlier := range others[:i] {
			if env.stores.Same(earlier, other) {
				return usagef("%q and %q are the same store", earlier, other)
			}
		}
	}
	return nil
}

// openOther opens a store that is to be merged.
func (env *environment) openOther(ctx context.Context, dir string) (reader, error) {
	s, err := env.stores.Open(ctx, dir, env.storeOptions(nil))
	if !errors.Is(err, engine.ErrNotExist) {
		return s, err
	}
	if strings.Contains(dir, "://") {
		return nil, hint.With(err, "name the table of the store with ?table=NAME")
	}
	if inside := filepath.Join(dir, defaultStore); store.Is(inside) {
		return nil, hint.With(err, "did you mean %s?", inside)
	}
	return nil, hint.With(err, "name the folder that holds the files of the store")
}

// mergeInto merges the others into the store of the settings. It creates that
// store with the facts where it is missing, and then removes it on an error.
func (env *environment) mergeInto(ctx context.Context, facts engine.Facts, others []reader, policy engine.OnConflict, counter *progress.Counter) (merged engine.Merged, err error) {
	w, _, err := env.openOrCreate(ctx, env.storeOptions(counter.AddChunks), func() (engine.Facts, error) { return facts, nil })
	if err != nil {
		return merged, err
	}
	from, err := snapshots(ctx, others)
	if err == nil {
		total := 0
		for _, snap := range from {
			total += int(snap.Documents)
		}
		counter.SetTotal(total)
		shown := env.showProgress(counter, "merging", "document")
		merged, err = w.Merge(ctx, from, policy)
		shown.stop()
	}
	if err != nil {
		return merged, errors.Join(explainMerge(err), w.Discard())
	}
	return merged, errors.Join(env.index(ctx, w), w.Close())
}

// snapshots returns the contents of stores.
func snapshots(ctx context.Context, stores []reader) (all []engine.Snapshot, err error) {
	for _, s := range stores {
		snap, err := s.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, snap)
	}
	return all, nil
}

// explainMerge adds a hint where the facts of stores disagree.
func explainMerge(err error) error {
	if as[*engine.MismatchError](err) {
		return hint.With(err, "only stores of one embedder, dim, metric and normalize can be merged; ingest the other's sources again instead")
	}
	return err
}

func (env *environment) printMerged(m engine.Merged) error {
	if env.inJSON() {
		return env.printObject(struct {
			Added    int64 `json:"added"`
			Skipped  int64 `json:"skipped"`
			Replaced int64 `json:"replaced"`
		}(m))
	}
	env.say("%s added, %d skipped, %d replaced", count(m.Added, "document"), m.Skipped, m.Replaced)
	return nil
}
