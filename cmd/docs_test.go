package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fence is a code block: its language, the file that it is, if any, its lines.
var fence = regexp.MustCompile("(?m)^```(\\w+)(?: (\\S+))?\n((?s:.*?))^```$")

// TestDocs runs the consoles of pages that show commands with their answers.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"filters.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("..", "docs", page))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			run := 0
			for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
				switch language, file, lines := block[1], block[2], block[3]; {
				case file != "":
					if err := os.WriteFile(filepath.Join(dir, file), []byte(lines), 0o666); err != nil {
						t.Fatal(err)
					}
				case language == "console":
					run += console(t, dir, lines)
				}
			}
			if run == 0 {
				t.Error("the page has no commands")
			}
		})
	}
}

// console runs the lines that begin with a dollar sign and holds what they
// print against the lines that follow. It returns how many it ran.
func console(t *testing.T, dir, lines string) (run int) {
	t.Helper()
	for _, part := range strings.Split("\n"+lines, "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		c := exec.CommandContext(t.Context(), "sh", "-c", command)
		c.Dir, c.Env = dir, append(os.Environ(), scrubbed(dir)...)
		out, _ := c.CombinedOutput() // a mistake that the page shows fails
		if got := strings.TrimSuffix(string(out), "\n"); got != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s:\n%s\nthe page says:\n%s", command, got, want)
		}
		run++
	}
	return run
}
