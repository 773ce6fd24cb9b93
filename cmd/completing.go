package cmd

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/engine"
	"sheaf/internal/model"
	"sheaf/internal/provider"
	"sheaf/internal/rerank"
	"sheaf/internal/store"
)

// What shells complete from a store: at most mostCompleted values, and metadata keys of
// the first keyedDocuments documents.
const (
	mostCompleted  = 1000
	keyedDocuments = 200
)

// completions are what a shell offers.
type completions = []cobra.Completion

// fromStore makes a completion of what offer yields from the stores that the command line names. An
// error, as where there is no store, offers nothing.
func (env *environment) fromStore(offer func(c *cobra.Command, s reader, add func(string) bool) error) cobra.CompletionFunc {
	return func(c *cobra.Command, given []string, begun string) (all completions, _ cobra.ShellCompDirective) {
		if err := env.load(c); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		taken := map[string]bool{}
		for _, value := range given {
			taken[value] = true
		}
		add := func(value string) bool {
			if strings.HasPrefix(value, begun) && !taken[value] && !strings.ContainsAny(value, "\t\n") {
				taken[value] = true
				all = append(all, value)
			}
			return len(all) < mostCompleted
		}
		for _, env.config.Store = range env.config.Stores {
			_ = env.withStore(c.Context(), func(s reader) error { return offer(c, s, add) })
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// offerSources offers the names of sources.
func offerSources(c *cobra.Command, s reader, add func(string) bool) error {
	for src, err := range s.Sources(c.Context(), nil) {
		if err != nil || !add(src.Name) {
			return err
		}
	}
	return nil
}

// offerIDs offers the ids of documents.
func offerIDs(c *cobra.Command, s reader, add func(string) bool) error {
	for d, err := range s.Documents(c.Context(), engine.ListOptions{Brief: true}) {
		if err != nil || !add(d.ID) {
			return err
		}
	}
	return nil
}

// offerKeys offers the keys of metadata.
func offerKeys(c *cobra.Command, s reader, add func(string) bool) error {
	for d, err := range s.Documents(c.Context(), engine.ListOptions{Limit: keyedDocuments}) {
		if err != nil {
			return err
		}
		members, err := d.Metadata.Members()
		if err != nil {
			return err
		}
		for _, m := range members {
			if !add(m.Key) {
				return nil
			}
		}
	}
	return nil
}

// offerStores offers what begins like a store: folders that are one or have one in them, of the usual
// name. Where there is none it offers folders.
func offerStores(_ *cobra.Command, _ []string, begun string) (all completions, _ cobra.ShellCompDirective) {
	dir, _ := filepath.Split(begun)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	for _, e := range entries {
		for _, name := range []string{dir + e.Name(), filepath.Join(dir+e.Name(), defaultStore)} {
			if strings.HasPrefix(name, begun) && store.Is(name) {
				all = append(all, name)
			}
		}
	}
	if len(all) == 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// modelsBeside makes a completion of some names, and of those that name gives models on this machine; ""
// for one that is not offered.
func (env *environment) modelsBeside(names []string, name func(model.Model) string) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, begun string) (all completions, _ cobra.ShellCompDirective) {
		offered := slices.Clone(names)
		models, _ := env.library().List() // without a library there are the names
		for _, m := range models {
			offered = append(offered, name(m))
		}
		for _, n := range offered {
			if n != "" && strings.HasPrefix(n, begun) && !slices.Contains(given, n) && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeValues sets what shells complete from stores, models and folders for c and the verbs below
// it, no files where none is meant, and takes the quotes off the descriptions that they show.
func (env *environment) completeValues(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		f.Usage = usage
		if values := env.flagValues(f.Name, value); values != nil {
			_ = c.RegisterFlagCompletionFunc(f.Name, values) // an error: it has values of its own
		}
	})
	if c.ValidArgs == nil && c.ValidArgsFunction == nil {
		c.ValidArgsFunction = env.arguments(c)
	}
	for _, below := range c.Commands() {
		env.completeValues(below)
	}
}

// flagValues is the completion of a flag, nil for files. value is what its help calls the value.
func (env *environment) flagValues(flag, value string) cobra.CompletionFunc {
	embedder := func(m model.Model) string { return embedderFor(m.Name) }
	switch flag {
	case "source":
		return env.fromStore(offerSources)
	case "filter":
		return env.fromStore(offerKeys)
	case "store":
		return offerStores
	case "embedder":
		return env.modelsBeside(provider.Completions(), embedder)
	case "rerank":
		return env.modelsBeside(rerank.Completions(), embedder)
	}
	if strings.Contains(value, "FILE") || strings.Contains(value, "DIR") {
		return nil
	}
	return cobra.NoFileCompletions
}

// arguments is the completion of the arguments of c, nil for files.
func (env *environment) arguments(c *cobra.Command) cobra.CompletionFunc {
	switch c.CommandPath() {
	case "sheaf get", "sheaf delete":
		return env.fromStore(offerIDs)
	case "sheaf merge":
		return offerStores
	case "sheaf model verify":
		return env.modelsBeside(nil, func(m model.Model) string { return shortName(m.Name) })
	case "sheaf model remove":
		return env.modelsBeside(nil, func(m model.Model) string {
			if !m.Own {
				return ""
			}
			return shortName(m.Name)
		})
	case "sheaf ingest", "sheaf split", "sheaf import", "sheaf export", "sheaf eval", "sheaf eval compare", "sheaf eval exact", "sheaf tune", "sheaf model add":
		return nil
	}
	return cobra.NoFileCompletions
}
