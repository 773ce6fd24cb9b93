// Gen writes what is derived from the command line: completions/, docs/man/ and
// docs/config.md below the folder that its argument names.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"sheaf/cmd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen ROOT")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// completionFiles are the names under which shells look for completions.
var completionFiles = []struct{ shell, name string }{
	{"bash", "sheaf.bash"}, {"zsh", "_sheaf"}, {"fish", "sheaf.fish"}, {"powershell", "sheaf.ps1"},
}

func generate(root string) error {
	for _, f := range completionFiles {
		err := write(filepath.Join(root, "completions", f.name), func(w io.Writer) error {
			return cmd.WriteCompletion(cmd.Command(), w, f.shell)
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(
		write(filepath.Join(root, "docs", "config.md"), cmd.WriteConfigDoc),
		manual(filepath.Join(root, "docs", "man"), cmd.Command()),
	)
}

// manualDate is what the pages show: the same on every machine and every day.
var manualDate = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

var literal = strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`)

// escape escapes what is Markdown's, which Cobra takes help texts for, but not between backquotes.
func escape(help string) string {
	parts := strings.Split(help, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = literal.Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// manual writes a page for c and each verb below it.
func manual(dir string, c *cobra.Command) error {
	for _, flags := range []*pflag.FlagSet{c.LocalNonPersistentFlags(), c.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) { f.Usage = escape(f.Usage) })
	}
	if c.IsAvailableCommand() || !c.HasParent() {
		name := filepath.Join(dir, string(bytes.ReplaceAll([]byte(c.CommandPath()), []byte(" "), []byte("-")))+".1")
		header := doc.GenManHeader{Section: "1", Source: "sheaf " + c.Root().Version, Manual: "sheaf", Date: &manualDate}
		c.DisableAutoGenTag = true
		if err := write(name, func(w io.Writer) error { return page(c, &header, w) }); err != nil {
			return err
		}
	}
	for _, verb := range c.Commands() {
		if err := manual(dir, verb); err != nil {
			return err
		}
	}
	return nil
}

// flagLine is a flag on a page, without indented text below it.
var flagLine = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*)\n\t`)

// page writes the page of c as Cobra makes it, but with the names of values behind flags, with
// the verbs below c, and with exit codes in a section of their own.
func page(c *cobra.Command, header *doc.GenManHeader, w io.Writer) error {
	var codes string
	c.Long, codes, _ = strings.Cut(c.Long, "\n\nEXIT STATUS\n")
	var b bytes.Buffer
	if err := doc.GenMan(c, header, &b); err != nil {
		return err
	}
	text := strings.Replace(b.String(), ".nh\n", ".nh\n.ad l\n", 1)
	for _, flags := range []*pflag.FlagSet{c.NonInheritedFlags(), c.InheritedFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			value, _ := pflag.UnquoteUsage(f)
			if value != "" {
				value = ` \fI` + value + `\fP`
			}
			shown := regexp.MustCompile(`(?m)^(.*\\fB--` + regexp.QuoteMeta(f.Name) + `\\fP)(=.*|\[=.*\])$`)
			text = shown.ReplaceAllStringFunc(text, func(line string) string {
				return shown.FindStringSubmatch(line)[1] + value
			})
		})
	}
	text = flagLine.ReplaceAllString(text, ".TP\n$1\n")
	text = section(text, "EXIT STATUS", "\n.nf\n"+codes+"\n.fi", "EXAMPLE")
	commands := ""
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			commands += fmt.Sprintf("\n.TP\n\\fB%s\\fP\n%s", below.Name(), below.Short)
		}
	}
	if commands != "" {
		text = section(text, "COMMANDS", commands, "OPTIONS")
	}
	_, err := io.WriteString(w, text)
	return err
}

// section returns a page with one more section, before another one.
func section(page, heading, content, next string) string {
	next = "\n.SH " + next + "\n"
	return strings.Replace(page, next, "\n.SH "+heading+content+"\n\n"+next, 1)
}

func write(path string, fill func(io.Writer) error) error {
	var b bytes.Buffer
	if err := fill(&b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}
