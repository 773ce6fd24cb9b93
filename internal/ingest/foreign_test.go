package ingest_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/ingest"
)

// english is an embedder that knows no text with an ö.
type english struct{ hashed }

func (e english) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	r, err := e.hashed.Embed(ctx, texts)
	r.Foreign = map[int]string{}
	for i, text := range texts {
		if strings.Contains(text, "ö") {
			r.Foreign[i] = "unknown"
		}
	}
	return r, err
}

// What a source had before counts too when it has changed.
func TestForeignSourceThatGrows(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	record := func(text string) string { return `{"text": "` + text + `"}` + "\n" }
	records := ""
	for i := range 9 {
		records += record(strings.Repeat("o", i+1))
	}
	var notices []string
	o := ingest.Options{Notice: func(text string) { notices = append(notices, text) }}
	for _, c := range []struct {
		more string // behind the others
		told int
	}{
		{"", 0},
		{record("ö"), 0},
		{record("ö") + record("ö1") + record("ö2"), 0},
		{record("ö") + record("ö1") + record("ö2") + record("ö3") + record("ö4") + record("ö5") + record("ö6") + record("ö7"), 1},
	} {
		text(t, p, "a.jsonl", records+c.more)
		if _, err := run(t.Context(), p, english{}, o); err != nil || len(notices) != c.told {
			t.Errorf("%s: %q, %v", c.more, notices, err)
		}
	}
}

// A source is told of whose texts are in another language for a good part, wherever it comes.
func TestForeignSources(t *testing.T) {
	t.Parallel()
	mixed := func(others, texts int) (records string) {
		for i := range texts {
			word := "o"
			if i >= texts-others {
				word = "ö"
			}
			records += `{"text": "` + strings.Repeat(word, i+1) + `"}` + "\n"
		}
		return records
	}
	for _, c := range []struct {
		a, b string // sources
		want string // notice
	}{
		{mixed(0, 9), "", ""},
		{mixed(1, 1), "", `"a.jsonl": unknown`},
		{mixed(0, 9), mixed(1, 1), `1 of 2 sources, such as "b.jsonl": unknown`},
		{mixed(1, 4), "", `"a.jsonl": unknown`},
		{mixed(1, 5), "", ""},
		{mixed(5, 50), "", `"a.jsonl": unknown`},
		{mixed(5, 51), "", ""},
		{mixed(4, 40), "", ""},
		{mixed(1, 1), mixed(0, 9), `1 of 2 sources, such as "a.jsonl": unknown`},
		{mixed(1, 1), mixed(2, 2), `2 of 2 sources, such as "a.jsonl": unknown`},
	} {
		p := t.TempDir()
		text(t, p, "a.jsonl", c.a)
		if c.b != "" {
			text(t, p, "b.jsonl", c.b)
		}
		var notices []string
		o := ingest.Options{Notice: func(text string) { notices = append(notices, text) }}
		for range 2 { // the second run embeds nothing
			if _, err := run(t.Context(), p, english{}, o); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.ReplaceAll(strings.Join(notices, "; "), filepath.ToSlash(filepath.Join(p, "text"))+"/", ""); got != c.want {
			t.Errorf("%s%s: %q, want %q", c.a, c.b, got, c.want)
		}
	}
}
