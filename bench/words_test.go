package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sheaf/internal/words"
)

// TestMadeWords: all are different, and the index has one term for each, the word itself.
func TestMadeWords(t *testing.T) {
	t.Parallel()
	var tokenizer words.Tokenizer
	seen := map[uint64]int{}
	for rank := range vocabulary {
		word := made(rank)
		tokens := tokenizer.Append(nil, word)
		if len(tokens) != 1 || tokens[0].End != len(word) {
			t.Fatalf("%q has %v", word, tokens)
		}
		if other, found := seen[tokens[0].Term]; found {
			t.Fatalf("%q is found as %q", word, made(other))
		}
		seen[tokens[0].Term] = rank
	}
}

func TestWordTexts(t *testing.T) {
	t.Parallel()
	const n = 500
	path, again := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for _, p := range []string{path, path, again} {
		if err := writeWordTexts(p, n); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := os.ReadFile(again); err != nil || string(other) != string(text) {
		t.Errorf("other texts the second time, %v", err)
	}
	lines := 0
	for scan := bufio.NewScanner(strings.NewReader(string(text))); scan.Scan(); lines++ {
	}
	if mean := len(strings.Fields(string(text))) / n; lines != n || mean < textWords-10 || mean > textWords+10 {
		t.Errorf("%d texts of %d words", lines, mean)
	}
	size, err := lineBytes(path, n)
	if want := int64(len(text) - n); err != nil || size != want {
		t.Errorf("%d bytes, %v; want %d", size, err, want)
	}
	for _, q := range wordQuestions() {
		if len(strings.Fields(q)) != len(wordRanks) {
			t.Errorf("%q", q)
		}
	}
}

func TestWordsLimit(t *testing.T) {
	t.Parallel()
	const start = 4 * time.Millisecond
	for n, want := range map[int]time.Duration{small: 6 * time.Millisecond, middle: 19 * time.Millisecond, large: 44 * time.Millisecond} {
		if got := wordsLimit(n, start, 0); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
}

func TestTextFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"a.go": "package a", "b.md": "# b", "c.txt": "\xff", "d.png": "x", "e.go": "package e"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	files, size, err := textFiles(dir, 12)
	if err != nil || len(files) != 2 || filepath.Base(files[1]) != "b.md" || size != 12 {
		t.Errorf("%q, %d bytes, %v", files, size, err)
	}
	if _, _, err := textFiles(t.TempDir(), 12); err == nil {
		t.Error("no files: no error")
	}
}
