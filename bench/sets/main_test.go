package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/bench/page"
)

// The page that make eval writes to has the place for its table.
func TestPageHasPlace(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/evaluation.md")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := page.Write(file, writer, ""); err != nil {
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
