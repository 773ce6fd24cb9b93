package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeIsShort: who opens it reads it to its end.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(pages(t)["README.md"], "\n"); n > 120 {
		t.Errorf("the README has %d lines, more than 120", n)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	unnamed = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names by which headings of a page are linked.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		all[strings.ReplaceAll(unnamed.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinks checks that what the documentation links within the project is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") || strings.HasPrefix(file, "mailto:") {
				continue
			}
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			linked, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr != nil || err != nil && !info.IsDir() {
				t.Errorf("%s links %s, which is not there", page, m[1])
			} else if anchor != "" && !anchors(string(linked))[anchor] {
				t.Errorf("%s links %s, a heading that is not there", page, m[1])
			}
		}
	}
}

// TestIndexHasEveryPage checks that docs/index.md links every page beside it.
func TestIndexHasEveryPage(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile(filepath.Join("..", "docs", "index.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	for _, page := range pages {
		if name := filepath.Base(page); name != "index.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/index.md does not link %s", name)
		}
	}
}
