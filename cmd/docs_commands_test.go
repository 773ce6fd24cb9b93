package cmd

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var (
	// typed is a command of sheaf in a code block: what follows the name, up to what ends a command.
	typed = regexp.MustCompile(`(?m)(?:^|[$(|;&]|\bdo|\bif|\bxargs(?: -0)?)\s*sheaf ((?:[^|;&>()'"#\n\\]|'[^']*'|"[^"]*"|\\\n)+)`)
	// spans are commands within text.
	spans = regexp.MustCompile("`sheaf ((?:[^`|;&>()'\"]|'[^']*'|\"[^\"]*\")+)")
	// quoted is an argument that can have anything in it.
	quoted = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	dashed = regexp.MustCompile(`(?:^|\s)--([a-z][a-z0-9-]*)`)
	worded = regexp.MustCompile(`(?:^|\s)([a-z][a-z-]*)`)
)

// TestDocsCommands checks that each command of sheaf in the documentation, within the text too, has a verb
// that there is, and flags that the verb has.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	root, found := Command(), 0
	for page, text := range pages(t) {
		commands := spans.FindAllStringSubmatch(text, -1)
		for _, b := range codeBlocks(text) {
			if b.commands() {
				commands = append(commands, typed.FindAllStringSubmatch(b.text, -1)...)
			}
		}
		for _, m := range commands {
			found++
			checkCommand(t, root, page, quoted.ReplaceAllString(m[1], "X"))
		}
	}
	if found < 300 {
		t.Errorf("only %d commands were found", found)
	}
}

func checkCommand(t *testing.T, root *cobra.Command, page, command string) {
	t.Helper()
	c := root
	for _, word := range worded.FindAllStringSubmatch(command, 2) {
		for _, below := range c.Commands() {
			if below.Name() == word[1] {
				c = below
				break
			}
		}
	}
	if c == root && !strings.HasPrefix(command, "help") && command != "--help" {
		t.Errorf("%s: sheaf %s has no verb", page, command)
		return
	}
	for _, flag := range dashed.FindAllStringSubmatch(command, -1) {
		if flag[1] != "help" && c.Flags().Lookup(flag[1]) == nil && c.InheritedFlags().Lookup(flag[1]) == nil {
			t.Errorf("%s: %s has no flag --%s: sheaf %s", page, c.CommandPath(), flag[1], command)
		}
	}
}
