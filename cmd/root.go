// Package cmd is the command line of sheaf. It alone prints, reads settings
// and knows exit codes. Each verb has a file with three parts: newXCmd declares
// the verb, xOptions holds its own flags and validates them before anything is
// opened, and runX does the work.
package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sheaf/internal/crash"
	"sheaf/internal/hint"
	"sheaf/internal/sandbox"
)

//go:generate go run ./gen ..

// Main runs the command line args, without the program's name, and returns the
// exit code. It writes to the streams only and does not end the process.
func Main(ctx context.Context, args []string, streams Streams) int {
	return run(ctx, args, streams, everywhere{})
}

// run is Main with the stores that --store can name.
func run(ctx context.Context, args []string, streams Streams, stores opener) int {
	if len(args) > 0 && args[0] == sandbox.Verb {
		return sandbox.Main(args[1:], streams.Out)
	}
	if streams.In != nil {
		streams.In = &interruptibleReader{ctx: ctx, in: streams.In}
	}
	env := &environment{
		streams: streams,
		stores:  stores,
		command: strings.Join(append([]string{"sheaf"}, args...), " "),
		now:     time.Now,
	}
	root := newRootCmd(env, asked(args))
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		env.completeValues(root)
	}
	root.SetArgs(guardVectors(args))
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	c, err := execute(ctx, root)
	env.end()
	if err == nil {
		err = env.started.failure
	}
	hints := map[int]string{exitUsage: "see " + c.CommandPath() + " --help"}
	if env.started.writing {
		hints[exitInterrupted] = "what was committed stays: run the same command again"
		hints[exitTerminated] = hints[exitInterrupted]
	}
	return env.report(ctx, err, wantsJSON(args), hints)
}

// execute runs the command line. A panic is an error of the verb.
func execute(ctx context.Context, root *cobra.Command) (c *cobra.Command, err error) {
	c = root
	defer crash.Catch(&err)
	return root.ExecuteContextC(ctx)
}

// Command returns the root command, from which manual pages and completions are
// generated.
func Command() *cobra.Command {
	return newRootCmd(&environment{now: time.Now}, verbs())
}

// wantsJSON reports whether errors are to be JSON. It looks at the arguments and
// not at the flags, because an unknown flag before --json ends the parsing.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.ContainsFunc(args, func(a string) bool {
		return a == "--json" || a == "--jsonl" || a == "--json=true" || a == "--jsonl=true"
	})
}

const (
	groupStore = "store"
	groupAsk   = "ask"
	groupTools = "tools"
)

// verb is a verb and what makes its command.
type verb struct {
	name, group string
	command     func(*environment) *cobra.Command
}

// verbs returns all verbs, in the order of the help.
func verbs() []verb {
	return []verb{
		{"search", groupAsk, newSearchCmd},
		{"search-vector", groupAsk, newSearchVectorCmd},
		{"mmr", groupAsk, newMMRCmd},
		{"eval", groupAsk, newEvalCmd},
		{"tune", groupAsk, newTuneCmd},
		{"mcp", groupAsk, newMCPCmd},
		{"ingest", groupStore, newIngestCmd},
		{"init", groupStore, newInitCmd},
		{"get", groupStore, newGetCmd},
		{"list", groupStore, newListCmd},
		{"info", groupStore, newInfoCmd},
		{"delete", groupStore, newDeleteCmd},
		{"duplicates", groupStore, newDuplicatesCmd},
		{"merge", groupStore, newMergeCmd},
		{"export", groupStore, newExportCmd},
		{"import", groupStore, newImportCmd},
		{"check", groupStore, newCheckCmd},
		{"compact", groupStore, newCompactCmd},
		{"embed", groupTools, newEmbedCmd},
		{"split", groupTools, newSplitCmd},
		{"model", groupTools, newModelCmd},
		{"config", groupTools, newConfigCmd},
		{"completion", groupTools, newCompletionCmd},
		{"version", groupTools, newVersionCmd},
	}
}

// asked returns the verb that the command line names first, by itself: making the others
// takes longer than a small search. Where that is no verb, as in help and in completions, it
// returns all.
func asked(args []string) []verb {
	all := verbs()
	if len(args) > 0 {
		if i := slices.IndexFunc(all, func(v verb) bool { return v.name == args[0] }); i >= 0 {
			return all[i : i+1]
		}
	}
	return all
}

// newRootCmd makes the command of sheaf itself, with the verbs of the table that it gets.
func newRootCmd(env *environment, verbs []verb) *cobra.Command {
	root := &cobra.Command{
		Use:   "sheaf VERB",
		Short: "Search any pile of text by meaning",
		Long: `Sheaf makes any pile of text searchable by meaning: ingest files into a store,
then ask it questions. A store is one folder, .sheaf unless --store names
another; everything works offline unless an embedder of a service is asked for.

A store may also be a table of PostgreSQL or a collection of Weaviate:

    --store postgres://[user@]host[:port]/database?table=NAME
    --store weaviate[s]://host[:port]/Collection[?grpc=PORT]` +
			exitStatus(0, 1, 2, 3, 4, 5, 10, 11, 12, 75, 130, 143),
		Example: `  sheaf ingest docs notes.txt
  sheaf search "how does a crash leave the store"`,
		Version:                    version,
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		Args:                       cobra.ArbitraryArgs,
		PersistentPreRunE:          func(c *cobra.Command, _ []string) error { return env.load(c) },
		RunE:                       runRoot,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate("sheaf {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	env.flags.addFlags(root.PersistentFlags())
	addSettings(root.PersistentFlags(), "store", "color", "lock-timeout")
	complete(root, "color", colors...)
	root.AddGroup(
		&cobra.Group{ID: groupStore, Title: "Fill and look at a store:"},
		&cobra.Group{ID: groupAsk, Title: "Ask:"},
		&cobra.Group{ID: groupTools, Title: "Without a store:"},
	)
	for _, v := range verbs {
		c := v.command(env)
		c.GroupID = v.group
		root.AddCommand(c)
	}
	root.SetHelpFunc(env.help)
	root.SetHelpCommand(newHelpCmd())
	root.SetHelpCommandGroupID(groupTools)
	return root
}

// load reads the settings. It runs before the verb.
func (env *environment) load(c *cobra.Command) (err error) {
	if env.config, err = loadConfig(c.Flags(), env.flags.configFile); err != nil {
		return err
	}
	env.config.Stores = env.unrepeated(env.config.Stores)
	if n := len(env.config.Stores); n > 1 && c.Annotations[manyStores] == "" {
		return hint.With(usagef("%s works on one store, and %d are named", c.CommandPath(), n), "name one, with --store DIR")
	}
	return nil
}

// unrepeated returns the stores that have these names. One that is named more than once is one store.
func (env *environment) unrepeated(names []string) (stores []string) {
	for _, name := range names {
		if !slices.ContainsFunc(stores, func(s string) bool { return env.stores.Same(s, name) }) {
			stores = append(stores, name)
		}
	}
	return stores
}

// unconfigured is the PersistentPreRunE of verbs that read no settings, so that
// no error in these can stop them.
func unconfigured(*cobra.Command, []string) error { return nil }

func runRoot(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	return unknownVerb(c, args[0])
}

func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:               "help [VERB]",
		Short:             "Show what a verb does",
		Long:              "Show what sheaf or one of its verbs does, as --help." + exitStatus(0, 2),
		Example:           "  sheaf help search",
		PersistentPreRunE: unconfigured,
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, v := range c.Root().Commands() {
				if v.IsAvailableCommand() {
					names = append(names, v.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			verb, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownVerb(c.Root(), args[0])
			}
			verb.InitDefaultHelpFlag()
			verb.InitDefaultVersionFlag()
			return verb.Help()
		},
	}
}
