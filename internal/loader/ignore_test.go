package loader

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The wanted files were listed by git 2.39: git ls-files --others --exclude-per-directory=.gitignore
func TestIgnoresAsGit(t *testing.T) {
	t.Parallel()
	var cases map[string]struct {
		Ignore map[string]string // ignore file to content
		Files  []string
		Want   []string // sorted
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/gitignore.json")), &cases); err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range c.Ignore {
				write(t, filepath.Join(dir, file), text)
			}
			for _, file := range c.Files {
				write(t, filepath.Join(dir, file), "")
			}
			found := collect(NewWalker(WalkOptions{}), []string{dir}, dir)
			got := strings.Split(strings.TrimSuffix(found, "\n"), "\n")
			slices.Sort(got)
			if !slices.Equal(got, c.Want) {
				t.Errorf("%q:\nfound %q\ngit   %q", c.Ignore, got, c.Want)
			}
		})
	}
}

func TestIgnoreTop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/repo/.git/HEAD", "")
	write(t, dir+"/repo/a/b/f", "")
	write(t, dir+"/worktree/.git", "gitdir: elsewhere\n")
	write(t, dir+"/worktree/a/f", "")
	write(t, dir+"/plain/a/f", "")
	tests := []struct{ name, root, cwd, want string }{
		{"repository", "/repo/a/b", "/repo/a", "/repo"},
		{"its top", "/repo", "/plain", "/repo"},
		{"worktree", "/worktree/a", "/plain", "/worktree"},
		{"below the current folder", "/plain/a", "/plain", "/plain"},
		{"the current folder", "/plain", "/plain", "/plain"},
		{"beside it", "/plain", "/repo", "/plain"},
		{"above it", "/plain", "/plain/a", "/plain"},
	}
	for _, test := range tests {
		if got := ignoreTop(dir+test.root, dir+test.cwd); got != dir+test.want {
			t.Errorf("%s: %s, want %s", test.name, strings.TrimPrefix(got, dir), test.want)
		}
	}
}

// A folder whose rules cannot be read is not read either. A link to itself fails for every user.
func TestIgnoreFileUnreadable(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"", "/sub"} {
		dir := t.TempDir()
		write(t, dir+"/.git/HEAD", "")
		write(t, dir+"/sub/a.txt", "secret")
		write(t, dir+"/b.txt", "")
		if err := os.Symlink(".gitignore", dir+"/.gitignore"); err != nil {
			t.Fatal(err)
		}
		w := NewWalker(WalkOptions{})
		got := collect(w, []string{dir + root}, dir)
		want := "error " + strings.TrimPrefix(root, "/") + `: reading ".gitignore": too many levels of symbolic links` + "\n"
		if got != want {
			t.Errorf("root %q: found %swant %s", root, got, want)
		}
		if w.Roots()[0].Complete {
			t.Error("complete all the same")
		}
	}
}

func TestIgnoreFileIsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/.gitignore/x", "")
	write(t, dir+"/a.txt", "")
	if got := collect(NewWalker(WalkOptions{}), []string{dir}, dir); got != "a.txt\n" {
		t.Errorf("found %q", got)
	}
}

func TestMatchName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a*b*c", "a--b--b-c", true},
		{"a*b*c", "a--b--b-", false},
		{"*", "", true},
		{"?", "é", true},
		{"?", "", false},
		{"?", "\xff", true},
		{"\xff", "\xff", true},
		{"\xff", "\xfe", false},
		{"[é-ü]", "ö", true},
		{"[[:alpha:]-]", "-", true},
		{"[[:blank:][:punct:]]", "\t", true},
		{"[![:space:]]", "a", true},
		{"[[:alnum:]]", "_", false},
		{"[[:cntrl:][:graph:]]", " ", false},
		{"[[:print:]]", " ", true},
		{"[[:lower:]][[:upper:]][[:xdigit:]]", "aAf", true},
		{"[[:xdigit:]]", "g", false},
		{"[[:alpha]", "[", true}, // an open "[:" is ordinary
		{"[", "[", false},
		{"[a-", "a", false},
		{`[a-\`, "a", false},
		{`[\`, `\`, false},
		{`\`, `\`, false},
		{`[\]-a]`, "^", true},
		// Without care this takes time exponential in its stars.
		{strings.Repeat("*a", 30) + "*b", strings.Repeat("a", 200), false},
	}
	for _, test := range tests {
		if got := matchName(test.pattern, test.name); got != test.want {
			t.Errorf("%q on %q: %v", test.pattern, test.name, got)
		}
	}
}

func FuzzMatchPath(f *testing.F) {
	f.Add("**/a*[b-d]/\\?/**", "x/ab/?/y")
	f.Add("***/[[:alpha:]]", "a/b")
	f.Add("!/[/]", "/")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		rs := parsePatterns([]string{pattern})
		rs.verdict(name, true)
		// A name matches itself once its special characters are escaped.
		if name == "" || strings.ContainsAny(name, "/\n") {
			return
		}
		var quoted strings.Builder
		for i := range len(name) {
			if strings.ContainsRune(`*?[\!#`, rune(name[i])) {
				quoted.WriteByte('\\')
			}
			quoted.WriteByte(name[i])
		}
		if !matchName(quoted.String(), name) {
			t.Errorf("%q does not match %q", quoted.String(), name)
		}
	})
}
