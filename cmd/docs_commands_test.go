package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spf13/cobra"
)

var (
	// typed is a command of sheaf in a code block: what follows the name, up to what ends a command.
	typed = regexp.MustCompile(`(?m)(?:^|[$(|;&]|\bdo|\bif|\bxargs(?: -0)?)\s*sheaf ((?:[^|;&>()'"\n\\]|'[^']*'|"[^"]*"|\\\n)+)`)
	// quoted is an argument that can have anything in it.
	quoted = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	dashed = regexp.MustCompile(`(?:^|\s)--([a-z][a-z0-9-]*)`)
	worded = regexp.MustCompile(`(?:^|\s)([a-z][a-z-]*)`)
)

// TestDocsCommands checks that each command of sheaf in the code blocks of the documentation has a
// verb that there is, and flags that the verb has. Many need services, models or files that no
// test has; those that do not are run by TestDocs, TestCookbook and TestReadme.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	root, found := Command(), 0
	for _, page := range append(pages, "../README.md", "../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
			if language := block[1]; language != "sh" && language != "console" && language != "bash" {
				continue
			}
			for _, m := range typed.FindAllStringSubmatch(block[3], -1) {
				found++
				checkCommand(t, root, page, quoted.ReplaceAllString(m[1], "X"))
			}
		}
	}
	if found < 100 {
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
	if c == root && command != "help" && command != "--help" {
		t.Errorf("%s: sheaf %s has no verb", page, command)
		return
	}
	for _, flag := range dashed.FindAllStringSubmatch(command, -1) {
		if flag[1] != "help" && c.Flags().Lookup(flag[1]) == nil && c.InheritedFlags().Lookup(flag[1]) == nil {
			t.Errorf("%s: %s has no flag --%s: sheaf %s", page, c.CommandPath(), flag[1], command)
		}
	}
}
