package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints what a command does: how it is called first, exit codes last.
func (env *environment) help(c *cobra.Command, _ []string) {
	about, codes, _ := strings.Cut(c.Long, exitHeading)
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n\n%s\n", c.UseLine(), about)
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	b.WriteString(verbHelp(c))
	own, service := parted(c.LocalFlags())
	for _, set := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"Flags", own}, {"Flags of embedders and services", service}, {"Global flags", c.InheritedFlags()}} {
		if set.flags.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n%s:\n%s", set.title, set.flags.FlagUsagesWrapped(env.streams.Width))
		}
	}
	if codes != "" {
		fmt.Fprintf(&b, "%s%s\n", exitHeading[1:], codes)
	}
	fmt.Fprint(c.OutOrStdout(), fitted(b.String(), env.streams.Width))
}

// fitted is a help text, whose lines have up to 80 columns, for a terminal that has fewer: paragraphs are filled
// anew, and what stands in a second column goes on there. Commands stay as they are, to be copied.
func fitted(text string, width int) string {
	if width >= fallbackWidth {
		return text
	}
	var fit []string
	paragraph := ""
	flush := func() {
		if paragraph != "" {
			fit = append(fit, wrap(paragraph, width)...)
		}
		paragraph = ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		inner := strings.TrimLeft(line, " ")
		if inner == line && line != "" {
			paragraph = strings.TrimPrefix(paragraph+" "+line, " ")
			continue
		}
		flush()
		first, second, columns := strings.Cut(inner, "  ")
		second = strings.TrimLeft(second, " ")
		if at := len(line) - len(second); columns && first != "" && at < width {
			line = line[:at] + hanging(second, width-at, at)
		}
		fit = append(fit, line)
	}
	flush()
	return strings.Join(fit, "\n") + "\n"
}

// parted divides flags into those of the verb itself and those that are about how an embedder or a
// service is asked.
func parted(flags *pflag.FlagSet) (own, service *pflag.FlagSet) {
	own, service = pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "base-url", "api-key-file", "auth-header", "extra-body", "workers", "rpm", "tpm", "dimensions", "batch-size", "retry-for",
			"truncate", "query-prefix", "passage-prefix", "price-per-million", "rerank-url", "rerank-api-key-file":
			service.AddFlag(f)
		default:
			own.AddFlag(f)
		}
	})
	return own, service
}

// verbHelp lists the verbs of a command by their groups, in the order of their table.
func verbHelp(c *cobra.Command) string {
	place := func(c *cobra.Command) int {
		return slices.IndexFunc(verbs(), func(v verb) bool { return v.name == c.Name() })
	}
	all := slices.SortedStableFunc(slices.Values(c.Commands()), func(a, b *cobra.Command) int { return cmp.Compare(place(a), place(b)) })
	var b strings.Builder
	list := func(title, group string) {
		heading := "\n" + title + "\n"
		for _, sub := range all {
			if sub.GroupID == group && sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "%s  %-14s %s\n", heading, sub.Name(), sub.Short)
				heading = ""
			}
		}
	}
	list("Verbs:", "")
	for _, g := range c.Groups() {
		list(g.Title, g.ID)
	}
	return b.String()
}
