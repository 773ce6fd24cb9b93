package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sheaf/internal/engine"
)

func TestStoreIsMadeOnceAndWhole(t *testing.T) {
	t.Parallel()
	b := &bench{data: t.TempDir()}
	dir, err := b.store(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	index, err := indexFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := addOne(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if n, err := documents(t.Context(), dir); n != 4 || err != nil {
		t.Errorf("got %d documents, %v; want 4", n, err)
	}
	// A larger store of the same name was not finished: it is made again.
	if err := os.Rename(dir, filepath.Join(b.data, "5")); err != nil {
		t.Fatal(err)
	}
	if dir, err = b.store(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if n, err := documents(t.Context(), dir); n != 5 || err != nil {
		t.Errorf("got %d documents, %v; want 5", n, err)
	}
	if index, err = indexFile(dir); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	const header = 45
	if !slices.Equal(before[header:], after[header:len(before)]) {
		t.Error("the vectors of two stores differ")
	}
}

func TestAgreeWithPeers(t *testing.T) {
	t.Parallel()
	hits := [][]engine.Hit{{{Document: document(1)}}, {{Document: document(2)}}}
	if err := agree([]*peer{{labels: []int{1, 2}}}, hits); err != nil {
		t.Error(err)
	}
	for _, labels := range [][]int{{1, 3}, {1}, nil, {1, 2, 3}} {
		if err := agree([]*peer{{labels: labels}}, hits); err == nil {
			t.Errorf("labels %v: no error", labels)
		}
	}
}

func TestInterleave(t *testing.T) {
	t.Parallel()
	order := ""
	note := func(name string) contender {
		return func(context.Context) (sample, error) {
			order += name
			return sample{Wall: time.Duration(len(order)), Peak: int64(-len(order))}, nil
		}
	}
	took, err := interleave(t.Context(), 3, note("a"), note("b"))
	if err != nil || order != "abababab" {
		t.Fatalf("ran %q, %v", order, err)
	}
	a := took[0]
	if a.median() != 5 || a.fastest() != 3 || a.peak() != -3 {
		t.Errorf("of %v: median %d, fastest %d, peak %d", a, a.median(), a.fastest(), a.peak())
	}
	broken := errors.New("broken")
	_, err = interleave(t.Context(), 3, note("a"), func(context.Context) (sample, error) { return sample{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestChildMeasures(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), []string{childVerb, "true"}, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, `"Wall":`) || !strings.Contains(got, `"CPU":`) || strings.Contains(got, `"Peak":0`) {
		t.Errorf("got %s", got)
	}
	if err := run(t.Context(), []string{childVerb, "false"}, &out); err == nil {
		t.Error("a command that fails was measured")
	}
}

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-rounds", "0"}, {"-only", "search,lunch"}} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestLongSectionsMustBeAskedFor(t *testing.T) {
	t.Parallel()
	for only, want := range map[string]bool{"": false, "search,memory": true} {
		chosen, err := parseSections(only)
		if err != nil || chosen["memory"] != want || !chosen["search"] {
			t.Errorf("-only %q: %v, %v", only, chosen, err)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	b := &bench{out: &out}
	b.table("Title:", [][]string{{"a", "b"}, {"1", within(3*time.Second, 2*time.Second)}, {"2", within(time.Second, 2*time.Second)}})
	want := "\nTitle:\n\n| a | b |\n| --- | --- |\n| 1 | 1.50, missed |\n| 2 | 0.50, reached |\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTreeInputs(t *testing.T) {
	t.Parallel()
	words := t.TempDir()
	if _, err := makeTree(t.TempDir(), words); err == nil {
		t.Error("no words: no error")
	}
	if err := os.WriteFile(filepath.Join(words, "a.md"), []byte("one two three"), 0o666); err != nil {
		t.Fatal(err)
	}
	first, err := wordsOf(words)
	if err != nil || !slices.Equal(first, []string{"one", "two", "three"}) {
		t.Errorf("got %q, %v", first, err)
	}
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"a", "a", "b"} {
		if err := writeOnce(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != content || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, content)
		}
	}
}

// TestCorpusParagraphs: each makes a chunk by itself, so that the number of
// chunks tells how much text there was.
func TestCorpusParagraphs(t *testing.T) {
	t.Parallel()
	text := corpusText([]string{"word", "another", strings.Repeat("w", corpusWord-2)}, rand.New(rand.NewPCG(0, 0)))
	paragraphs := strings.SplitAfter(string(text), "\n\n")
	if len(paragraphs) != corpusParagraphs+1 || len(text) != corpusParagraphs*corpusParagraph {
		t.Fatalf("%d paragraphs in %d bytes", len(paragraphs)-1, len(text))
	}
	var records strings.Builder
	folder := filepath.Join(t.TempDir(), "000")
	if err := writeFolder(folder, &records, func() []byte { return text }); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(folder)
	if lines := strings.Count(records.String(), "\n"); err != nil || len(files) != corpusFiles || lines != corpusFiles {
		t.Errorf("%d files, %d records, %v", len(files), lines, err)
	}
}

func TestServiceRecords(t *testing.T) {
	t.Parallel()
	words, path := t.TempDir(), filepath.Join(t.TempDir(), "texts.jsonl")
	if err := makeRecords(path, words); err == nil {
		t.Error("no words: no error")
	}
	if err := os.WriteFile(filepath.Join(words, "a.md"), []byte(strings.Repeat("größe ", serviceCharacters)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := makeRecords(path, words); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		var record struct{ Text string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || utf8.RuneCountInString(record.Text) != serviceCharacters {
			t.Fatalf("%v in %.60s", err, line)
		}
		texts[record.Text] = true
	}
	if len(texts) != serviceTexts {
		t.Errorf("%d different texts", len(texts))
	}
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := readAll(path, 2); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, make([]byte, 3*readBlock+1), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := readAll(path, 2); err != nil {
		t.Error(err)
	}
}

func TestCutRows(t *testing.T) {
	t.Parallel()
	got := cutRows([]judgement{
		{own: []hit{{0.65, true}, {0.7, false}, {0.95, true}, {0.95, true}}, others: []hit{{0.6, false}, {0.8, false}}},
		{own: []hit{{0.6, true}, {0.65, false}}, others: []hit{{0.5, false}}},
	})
	if want := []string{"0.65", "0.38 (0.00 to 0.75)", "0.50 (0.00 to 1.00)", "0.25 (0.00 to 0.50)"}; !slices.Equal(got[3], want) {
		t.Errorf("got %q, want %q", got[3], want)
	}
	if want := []string{"0.90", "1.00 (1.00 to 1.00)", "0.33 (0.00 to 0.67)", "0.00 (0.00 to 0.00)"}; !slices.Equal(got[8], want) {
		t.Errorf("got %q, want %q", got[8], want)
	}
}
