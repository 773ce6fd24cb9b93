package cmd

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/engine"
)

// What shells complete from a store: at most mostCompleted values, and metadata keys of
// the first keyedDocuments documents.
const (
	mostCompleted  = 1000
	keyedDocuments = 200
)

// completions are what a shell offers.
type completions = []cobra.Completion

// fromStore makes a completion of what offer yields from the store that the command line names. An
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
		_ = env.withStore(c.Context(), func(s reader) error { return offer(c, s, add) })
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

// completeFromStores sets what shells complete from stores for c and the verbs below it, and takes
// the quotes off the descriptions that they show.
func (env *environment) completeFromStores(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		f.Usage = strings.ReplaceAll(f.Usage, "`", "")
		switch f.Name { // no error: the flag is there
		case "source":
			_ = c.RegisterFlagCompletionFunc(f.Name, env.fromStore(offerSources))
		case "filter":
			_ = c.RegisterFlagCompletionFunc(f.Name, env.fromStore(offerKeys))
		}
	})
	if c.Name() == "get" && c.Parent() == c.Root() || c.Name() == "delete" {
		c.ValidArgsFunction = env.fromStore(offerIDs)
	}
	for _, below := range c.Commands() {
		env.completeFromStores(below)
	}
}
