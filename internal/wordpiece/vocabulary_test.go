package wordpiece_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"sheaf/internal/wordpiece"
)

// TestVocabularyFindsEveryPiece, and nothing else.
func TestVocabularyFindsEveryPiece(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(vocabularyFile)
	if err != nil {
		t.Fatal(err)
	}
	v, err := wordpiece.NewVocabulary(text)
	if err != nil {
		t.Fatal(err)
	}
	var id int32
	for line := range strings.Lines(string(text)) {
		piece := strings.TrimSuffix(line, "\n")
		if got, found := v.ID(piece); !found || got != id {
			t.Errorf("%q: id %d, %v, want %d", piece, got, found, id)
		}
		if got, found := v.ID(piece + "\n"); found {
			t.Errorf("%q with a newline is piece %d", piece, got)
		}
		id++
	}
	if v.Size() != int(id) {
		t.Errorf("size %d, want %d", v.Size(), id)
	}
	for _, piece := range []string{"", "xyzzy", "[sep]", "##\n", strings.Repeat("a", 500)} {
		if got, found := v.ID(piece); found {
			t.Errorf("%q is piece %d", piece, got)
		}
	}
}

func TestVocabularyWithoutLastNewline(t *testing.T) {
	t.Parallel()
	v, err := wordpiece.NewVocabulary([]byte("a\nb"))
	if err != nil {
		t.Fatal(err)
	}
	if id, found := v.ID("b"); !found || id != 1 || v.Size() != 2 {
		t.Errorf("id %d, %v of %d pieces", id, found, v.Size())
	}
}

func TestVocabularyErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":        "line 1: empty piece",
		"a\n\nb":  "line 2: empty piece",
		"a\nb\na": `line 3: piece "a" repeats`,
	} {
		if _, err := wordpiece.NewVocabulary([]byte(text)); !errors.Is(err, wordpiece.ErrVocabulary) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := wordpiece.BuildIndex([]byte("a\nb")); !errors.Is(err, wordpiece.ErrVocabulary) {
		t.Errorf("an open last line: %v", err)
	}
	for _, size := range []int{0, 8*3 + 1, 8 * 3} {
		if _, err := wordpiece.OpenVocabulary([]byte("a\n"), make([]byte, size), 1, 1); !errors.Is(err, wordpiece.ErrVocabulary) {
			t.Errorf("an index of %d bytes: %v", size, err)
		}
	}
	v, err := wordpiece.NewVocabulary([]byte("[UNK]\n[CLS]\n[SEP]\n[PAD]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wordpiece.New(v, wordpiece.Rules{}); !errors.Is(err, wordpiece.ErrVocabulary) || !strings.Contains(err.Error(), `no piece "[MASK]"`) {
		t.Errorf("a vocabulary without [MASK]: %v", err)
	}
}
