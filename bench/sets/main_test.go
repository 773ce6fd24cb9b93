package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplaceTable(t *testing.T) {
	t.Parallel()
	page := "before\n" + begin + "old\n" + end + "after\n"
	rows := [][]string{{"set", "builtin"}, {"defs", ".604"}}
	for range 2 {
		b, err := replaceTable([]byte(page), table(rows))
		if err != nil {
			t.Fatal(err)
		}
		page = string(b)
		if want := "before\n" + begin + "| set | builtin |\n| --- | --- |\n| defs | .604 |\n" + end + "after\n"; page != want {
			t.Errorf("%s\nwant\n%s", page, want)
		}
	}
	for _, page := range []string{"", begin, end + begin} {
		if _, err := replaceTable([]byte(page), ""); err == nil {
			t.Errorf("%q has a place for a table", page)
		}
	}
}

// The page that make eval writes to has the place for its table.
func TestPageHasPlace(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/evaluation.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replaceTable(page, ""); err != nil {
		t.Error(err)
	}
}

func TestReadSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, lang := range map[string]string{"a-de": "de", "b": "en", "a": "en", "c": "en"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "set.json"), []byte(`{"lang": "`+lang+`", "note": "x"}`), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	sets, err := readSets(dir, "[ab]*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range sets {
		names = append(names, s.name+" "+s.Lang)
	}
	if got := strings.Join(names, ", "); got != "a en, b en, a-de de" {
		t.Error(got)
	}
	if _, err := readSets(dir, "x*"); err == nil {
		t.Error("no set, and no error")
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	var r result
	const answer = `{"metrics": {"ndcg@10": {"value": 0.604, "low": 0.55, "high": 0.65}, "recall@10": {"value": 1}, "mrr@10": {"value": 0.5}}}`
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		t.Fatal(err)
	}
	if got := r.figures(); got != ".604 ± .050 · 1.000 · .500" {
		t.Error(got)
	}
}
