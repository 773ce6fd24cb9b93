package eval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
)

func TestDrafts(t *testing.T) {
	t.Parallel()
	draw := func(n int, seed uint64) []Draft {
		drafts, err := NewDrafts(t.Context(), append(books, engine.Document{ID: "6", Source: "c.txt", Text: "***"}), engine.ListOptions{}, n, seed)
		if err != nil {
			t.Fatal(err)
		}
		return drafts
	}
	all := draw(10, 1)
	var got []string
	for _, d := range all {
		got = append(got, fmt.Sprintf("%s %s %s", d.ID, d.Query, d.Expect[0]))
	}
	const want = `1 Keys are docs/a.md:1-4
2 Tides rise docs/a.md:4-9
3 Keys are kept docs/deep/b.md:1
4 No line is known id:4
5 An id that looks like a line id:docs/a.md:1
6 A source that looks like a glob odd[1].txt:2`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("%s\nwant\n%s", s, want)
	}
	times, seeds := map[string]int{}, uint64(600)
	for seed := range seeds {
		drafts := draw(2, seed)
		if len(drafts) != 2 || slices.Index(texts(all), drafts[0].Text) >= slices.Index(texts(all), drafts[1].Text) {
			t.Fatalf("seed %d: %+v", seed, drafts)
		}
		for _, d := range drafts {
			times[d.Text]++
		}
	}
	for text, n := range times {
		if len(times) != 6 || n < 150 || n > 250 { // 200 is expected, with a deviation of 12
			t.Errorf("%q was drawn %d times of %d", text, n, seeds)
		}
	}
	if a, b := draw(2, 7), draw(2, 7); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%v and %v", a, b)
	}
	broken := errors.New("broken")
	if _, err := NewDrafts(t.Context(), failing{err: broken}, engine.ListOptions{}, 1, 1); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func texts(drafts []Draft) (all []string) {
	for _, d := range drafts {
		all = append(all, d.Text)
	}
	return all
}

func TestDraftQuery(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"# Keys\n\nRotate them. Often.":   "Keys",
		"---\n- Rotate them. Often.":      "Rotate them",
		"Rotate  them.":                   "Rotate them",
		"":                                "",
		"---\n12":                         "",
		"«Où est la clé?» Ici.":           "«Où est la clé?» Ici",
		strings.Repeat("word ", 40):       strings.TrimSpace(strings.Repeat("word ", 24)),
		strings.Repeat("x", draftRunes+1): strings.Repeat("x", draftRunes),
	}
	for text, want := range texts {
		if got := draftQuery(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
