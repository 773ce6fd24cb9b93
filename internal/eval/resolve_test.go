package eval

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/glob"
)

// shelf is a store of documents in memory.
type shelf []engine.Document

func (s shelf) Get(_ context.Context, ids []string, _ bool) (docs []engine.Document, missing []string, err error) {
	for _, id := range ids {
		i := slices.IndexFunc(s, func(d engine.Document) bool { return d.ID == id })
		if i < 0 {
			missing = append(missing, id)
			continue
		}
		docs = append(docs, s[i])
	}
	return docs, missing, nil
}

func (s shelf) Documents(_ context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) {
		for _, d := range s {
			ok, err := o.Filter.Of(d.Source).Match([]byte(`{}`))
			if (ok || err != nil) && !yield(d, err) {
				return
			}
		}
	}
}

// called returns the sources that have or match a name.
func (s shelf) called(text string) []string {
	has, matches := map[string]bool{}, map[string]bool{}
	for _, d := range s {
		if d.Source == text {
			has[text] = true
		}
		if glob.Check(text) == nil && glob.Match(text, d.Source) {
			matches[d.Source] = true
		}
	}
	if len(has) == 0 {
		has = matches
	}
	return slices.Sorted(maps.Keys(has))
}

var books = shelf{
	{ID: "1", Source: "docs/a.md", StartLine: 1, EndLine: 4, Text: "Keys are\nrotated."},
	{ID: "2", Source: "docs/a.md", StartLine: 4, EndLine: 9, Text: "Tides rise."},
	{ID: "3", Source: "docs/deep/b.md", StartLine: 1, Text: "Keys  are kept."},
	{ID: "4", Source: "c.txt", Text: "No line is known."},
	{ID: "docs/a.md:1", Source: "c.txt", Text: "An id that looks like a line."},
	{ID: "5", Source: "odd[1].txt", StartLine: 2, EndLine: 2, Text: "A source that looks like a glob."},
}

// resolved writes what the labels of one question name.
func resolved(t *testing.T, level Level, labels ...string) string {
	t.Helper()
	q := Question{Labelled: true}
	for _, l := range labels {
		name, grade, _ := strings.Cut(l, "=")
		q.Labels = append(q.Labels, Label{name, 1 + len(grade)})
	}
	judged, level, err := Resolve(t.Context(), books, books.called, []Question{q}, level)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key, grade := range judged[0].grades {
		keys = append(keys, fmt.Sprintf("%s=%d", key, grade))
	}
	slices.Sort(keys)
	return fmt.Sprintf("%s %v stale %q", level, keys, judged[0].Stale)
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ level, labels, want string }{
		{"", "2", "document [2=1] stale []"},
		{"", "id:2", "document [2=1] stale []"},
		{"", "docs/a.md", "source [docs/a.md=1] stale []"},
		{"document", "docs/a.md", "document [1=1 2=1] stale []"},
		{"", "docs/**/*.md", "source [docs/a.md=1 docs/deep/b.md=1] stale []"},
		{"", "docs/*.md", "source [docs/a.md=1] stale []"},
		{"", "odd[1].txt", "source [odd[1].txt=1] stale []"},
		{"", "docs/a.md:4", "document [1=1 2=1] stale []"},
		{"", "docs/a.md:5-7", "document [2=1] stale []"},
		{"", "docs/a.md:10", `document [] stale ["docs/a.md:10"]`},
		{"", "docs/a.md:7-5", `document [] stale ["docs/a.md:7-5"]`},
		{"", "docs/deep/b.md:1", "document [3=1] stale []"},
		{"", "docs/deep/b.md:2", `document [] stale ["docs/deep/b.md:2"]`},
		{"", "c.txt:1", `document [] stale ["c.txt:1"]`},
		{"", "odd[1].txt:1-3", "document [5=1] stale []"},
		{"", "docs/a.md:1", "document [docs/a.md:1=1] stale []"}, // an id comes first
		{"", "text:Keys are", "document [1=1 3=1] stale []"},
		{"", "text:are rotated", "document [1=1] stale []"},
		{"", "text:keys", `document [] stale ["text:keys"]`},
		{"", "text:", `document [] stale ["text:"]`},
		{"", "id:docs/a.md", `document [] stale ["id:docs/a.md"]`},
		{"", "nothing|2", `document [2=1] stale ["nothing"]`},
		{"", "[|2", `document [2=1] stale ["["]`},
		{"source", "2|text:kept|1", "source [docs/a.md=1 docs/deep/b.md=1] stale []"},
		{"", "1|c.txt", "source [c.txt=1 docs/a.md=1] stale []"},
		{"", "docs/a.md:1-9=xx|2|1", "document [1=3 2=3] stale []"}, // the highest grade of a document
	} {
		if got := resolved(t, Level(test.level), strings.Split(test.labels, "|")...); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.level, test.labels, got, test.want)
		}
	}
}

// Documents of many questions are looked up together, and errors come through.
func TestResolveMany(t *testing.T) {
	t.Parallel()
	var many shelf
	var questions []Question
	for i := range 2*idBlock + 1 {
		many = append(many, engine.Document{ID: fmt.Sprint("d", i), Source: "s"})
		questions = append(questions, Question{Labels: []Label{{fmt.Sprint("d", i), 1}}})
	}
	judged, _, err := Resolve(t.Context(), many, many.called, questions, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range judged {
		if len(j.grades) != 1 || j.grades[fmt.Sprint("d", i)] != 1 {
			t.Fatalf("question %d: %v", i, j.grades)
		}
	}
	broken := errors.New("broken")
	for _, label := range []string{"1", "text:x"} {
		_, _, err := Resolve(t.Context(), failing{label == "1", broken}, shelf(nil).called, []Question{{Labels: []Label{{label, 1}}}}, "")
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// failing is a store that cannot be read, by id or at all.
type failing struct {
	byID bool
	err  error
}

func (f failing) Get(context.Context, []string, bool) (docs []engine.Document, missing []string, err error) {
	if f.byID {
		err = f.err
	}
	return nil, nil, err
}

func (f failing) Documents(context.Context, engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) { yield(engine.Document{}, f.err) }
}

func TestNothingResolved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ labels, want string }{
		{"x y", "x"}, {"x 2", ""}, {"2", ""},
	} {
		var questions []Question
		for _, l := range strings.Split(test.labels, " ") {
			questions = append(questions, Question{Labels: []Label{{l, 1}}})
		}
		judged, _, err := Resolve(t.Context(), books, books.called, questions, "")
		if got := NothingResolved(judged); err != nil || got != test.want {
			t.Errorf("%s: %q, want %q", test.labels, got, test.want)
		}
	}
}
