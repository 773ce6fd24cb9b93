package glob_test

import (
	"strings"
	"testing"

	"sheaf/internal/glob"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"docs/**/*.{md,txt}": "", "[a-c]?": "", strings.Repeat("{a,b}", 8): "",
		"[a": `bad glob "[a"`, "{a": `bad glob "{a"`,
		strings.Repeat("{a,b}", 9):                            "a glob with more than 8 braces",
		strings.Repeat("{", 9) + "a" + strings.Repeat("}", 9): "a glob with more than 8 braces",
	} {
		err := glob.Check(pattern)
		if got := err != nil; got != (want != "") || got && err.Error() != want {
			t.Errorf("%q: %v, want %q", pattern, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.md", "a.md", true}, {"*.md", "a/b.md", false}, {"**/*.md", "a/b/c.md", true}, {"{a,b}/?", "b/x", true}, {"docs/**", "docs", true},
	} {
		if got := glob.Match(c.pattern, c.name); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.name, got)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.md", `[x]\{a,b}?*.txt`, "**", ""} {
		if pattern := glob.Quote(name); glob.Check(pattern) != nil || !glob.Match(pattern, name) || glob.Match(pattern, "x.txt") {
			t.Errorf("%q: %q", name, pattern)
		}
	}
}
