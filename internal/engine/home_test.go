package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestHome(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	below, beside := filepath.Join(dir, "home", "docs", "a.md"), filepath.Join(dir, "b.md")
	for _, c := range []struct {
		home      Home
		path, key string
	}{
		{Home(filepath.Join(dir, "home")), below, "docs/a.md"},
		{Home(filepath.Join(dir, "home")), beside, filepath.ToSlash(beside)},
		{"", below, filepath.ToSlash(below)},
		{"", "stdin:name", "stdin:name"},
		{"", "https://example.org/a", "https://example.org/a"},
	} {
		key, err := c.home.Key(c.path)
		if err != nil || key != c.key {
			t.Errorf("key of %q below %q: %q, %v, want %q", c.path, c.home, key, err, c.key)
		}
		if path := c.home.Path(key); path != filepath.FromSlash(c.path) {
			t.Errorf("path of %q below %q: %q, want %q", key, c.home, path, c.path)
		}
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	dir, broken := t.TempDir(), errors.New("broken")
	docs := func(yield func(Transfer, error) bool) {
		for _, name := range []string{"a", "a", "b"} {
			if !yield(Transfer{From: Source{Key: filepath.Join(dir, name)}}, nil) {
				return
			}
		}
		yield(Transfer{}, broken)
	}
	var keys []string
	var failed error
	for doc, err := range Home(dir).Adopt(docs) {
		if failed = err; err == nil {
			keys = append(keys, doc.From.Key)
		}
	}
	if got := strings.Join(keys, " "); got != "a a b" || !errors.Is(failed, broken) {
		t.Errorf("keys %q, %v", got, failed)
	}
	for range Home(dir).Adopt(docs) {
		break // the source of documents must stop too
	}
}

func TestFreeName(t *testing.T) {
	t.Parallel()
	home, broken := Home(t.TempDir()), errors.New("broken")
	whole := filepath.ToSlash(home.Path("docs/a.md"))
	for _, c := range []struct{ taken, want string }{
		{"", "a.md"},
		{"a.md", "docs/a.md"},
		{"a.md docs/a.md", whole},
	} {
		name, err := home.FreeName("a.md", "docs/a.md", func(name string) (bool, error) {
			return strings.Contains(" "+c.taken+" ", " "+name+" "), nil
		})
		if err != nil || name != c.want {
			t.Errorf("taken: %q: %q, %v, want %q", c.taken, name, err, c.want)
		}
	}
	if _, err := home.FreeName("a.md", "docs/a.md", func(string) (bool, error) { return true, nil }); err == nil || !strings.Contains(err.Error(), "names of other sources") {
		t.Errorf("all are taken: %v", err)
	}
	if _, err := home.FreeName("a.md", "docs/a.md", func(string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("the store fails: %v", err)
	}
}
