package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pages that make eval writes to have the places for its tables.
func TestPagesHavePlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"evaluation.md", "embedders.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{rows: [][]string{{"set"}, {"defs"}}, measured: figures{}}
	if err := b.write(filepath.Join(dir, "evaluation.md"), filepath.Join(dir, "embedders.md")); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"evaluation.md": "| defs |\n", "embedders.md": "| not measured |\n"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q, %v", name, want, err)
		}
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
