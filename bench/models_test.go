package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestModelTexts(t *testing.T) {
	t.Parallel()
	texts, err := modelTexts("../examples/articles")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ size, n int }{"long": {longCharacters, longTexts}, "short": {shortCharacters, shortTexts}} {
		got := texts[name]
		if len(got) != want.n {
			t.Errorf("%s: %d texts, want %d", name, len(got), want.n)
		}
		for i, text := range got {
			if len([]rune(text)) != want.size || i > 0 && text == got[i-1] {
				t.Fatalf("%s: text %d is %q", name, i, text)
			}
		}
	}
	if _, err := modelTexts(t.TempDir()); err == nil {
		t.Error("no words: no error")
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	if got := distance([]float32{1, 2}, []float32{1, 1.5}); got != 0.5 {
		t.Errorf("distance %v, want 0.5", got)
	}
	if got := distance([]float32{1}, nil); !math.IsInf(got, 1) {
		t.Errorf("distance to nothing %v", got)
	}
	if got := product([]float32{1, 2}, []float32{3, 4}); got != 11 {
		t.Errorf("product %v, want 11", got)
	}
	for name, want := range map[string]int{"minilm": 3, "onnxruntime": 6, "sentence-transformers": -1, "word2vec": -1} {
		if got := contenderOf(name, 1); got != want {
			t.Errorf("with one peer %s is contender %d, want %d", name, got, want)
		}
	}
	if got := perSecond(10, 2*time.Second); got != 5 {
		t.Errorf("%v a second, want 5", got)
	}
	if got := reached(1.1, 1.2) + ", " + reached(1.3, 1.2); got != "1.2 missed, 1.2 reached" {
		t.Error(got)
	}
}

func TestCompareHits(t *testing.T) {
	t.Parallel()
	a, b := answerHit{"a", 0.1}, answerHit{"b", 0.2}
	if off, err := compareHits([]answerHit{a, b}, []answerHit{a, {"b", 0.20005}}); err != nil || off < 4e-5 || off > 6e-5 {
		t.Errorf("off by %v, %v", off, err)
	}
	for want, hits := range map[string][]answerHit{
		"1 hits": {a}, "0 hits": nil, `hit 1 is "b"`: {b, a}, "a score is off by": {a, {"b", 0.3}},
	} {
		if _, err := compareHits(hits, []answerHit{a, b}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", hits, err, want)
		}
	}
}

func TestQuietly(t *testing.T) {
	t.Parallel()
	if err := quietly(t.Context(), "true"); err != nil {
		t.Error(err)
	}
	if err := quietly(t.Context(), "sh", "-c", "echo what is wrong; exit 1"); err == nil || !strings.Contains(err.Error(), "what is wrong") {
		t.Errorf("got %v", err)
	}
}
