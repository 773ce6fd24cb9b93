package rerank_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/provider"
	"sheaf/internal/rerank"
)

func TestParse(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("x")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]rerank.Spec{
		"minilm":                   {Model: "minilm", Depth: 50},
		"minilm:7":                 {Model: "minilm", Depth: 7},
		"builtin:multilingual":     {Model: "builtin:multilingual", Depth: 50},
		"builtin:multilingual:200": {Model: "builtin:multilingual", Depth: 200},
		"openai:a:1:20":            {Model: "openai:a:1", Depth: 20},
		"hf:all-MiniLM-L12-v2:20":  {Model: "hf:sentence-transformers/all-MiniLM-L12-v2", Depth: 20},
		"hf:all-MiniLM-L6-v2":      {Model: "minilm", Depth: 50},
		"hf:./x":                   {Model: "hf:" + dir, Depth: 50},
		"none":                     {},
		"none:3":                   {},
	} {
		if got, err := rerank.Parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "better", "better:5", ":5", "nonesuch:m"} {
		if _, err := rerank.Parse(text); !errors.Is(err, rerank.ErrUnknown) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"minilm:0", "minilm:-5", "hf:a/b/c"} {
		if _, err := rerank.Parse(text); err == nil || errors.Is(err, rerank.ErrUnknown) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestUsage holds that every embedder but those of a protocol or without vectors can judge.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, p := range provider.Table {
		for _, name := range p.Complete {
			if !strings.Contains(" "+strings.Join(rerank.Completions(), " ")+" ", " "+name+" ") {
				t.Errorf("%s is not completed", name)
			}
		}
	}
	for _, name := range rerank.Completions() {
		if _, err := rerank.Parse(name); err != nil {
			t.Error(err)
		}
	}
}
