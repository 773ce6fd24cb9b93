package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a code block of a page.
type block struct {
	section  string // the heading "## " that it stands below
	language string // what it is; empty where it does not say
	file     string // the file that it shows, or empty
	text     string
}

// commands reports whether a block has commands for a shell, which tests run.
func (b block) commands() bool {
	return b.file == "" && (b.language == "sh" || b.language == "console")
}

var fence = regexp.MustCompile("^```(\\w*)(?: (\\S+))?$")

// codeBlocks returns the code blocks of a page of documentation.
func codeBlocks(page string) (all []block) {
	section, open := "", false
	for line := range strings.Lines(page) {
		m := fence.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case m != nil && open:
			open = false
		case m != nil:
			open, all = true, append(all, block{section: section, language: m[1], file: m[2]})
		case open:
			all[len(all)-1].text += line
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		}
	}
	return all
}

// pages reads the documentation: each page by its path from the root of the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../docs/*.md")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	all := map[string]string{}
	for _, name := range append(names, "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.ToSlash(strings.TrimPrefix(name, "../"))] = string(text)
	}
	return all
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	got := codeBlocks("```\na\n```\n## One\n\n```sh\nb\nc\n```\n### Two\n```json f.json\n{}\n```\n")
	want := []block{{"", "", "", "a\n"}, {"One", "sh", "", "b\nc\n"}, {"One", "json", "f.json", "{}\n"}}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}
