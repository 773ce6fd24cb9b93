package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRowsFound(t *testing.T) {
	t.Parallel()
	found, err := rowsFound(`{"hits":[{"id":"row-7"},{"id":"row-1"}]}` + "\n" + `{"hits":[]}` + "\n")
	if err != nil || len(found) != 2 || !slices.Equal(found[0], []int{7, 1}) || len(found[1]) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
	if _, err := rowsFound(`{"hits":[{"id":"other"}]}`); err == nil {
		t.Error("a document without a row has a number")
	}
}

func TestPassages(t *testing.T) {
	t.Parallel()
	p := newPassages("/mod")
	long := strings.Repeat("a line of a long paragraph\n", 40)
	texts := p.of([]byte("too short\n\n" + long + "\n" + strings.Repeat("x", passageLeast) + "\n\n" + strings.Repeat("x", passageLeast)))
	if len(texts) < 3 || len(texts[0]) > passageMost || !strings.HasSuffix(texts[0], "paragraph") {
		t.Errorf("got %q", texts)
	}
	if again := p.of([]byte(long)); len(again) != 0 {
		t.Errorf("the same text again gives %q", again)
	}
	if p.heldOut("/mod/example.org/x@v1/a.go") != p.heldOut("/mod/example.org/x@v2/b/c.go") {
		t.Error("two versions of a project are parted")
	}
}

func TestHalves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("all"), []byte("a\nb\nc\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	n, err := halves(path("all"), path("first"), path("second"))
	first, _ := os.ReadFile(path("first"))
	second, _ := os.ReadFile(path("second"))
	if err != nil || n != 3 || string(first) != "a\nc\n" || string(second) != "b\n" {
		t.Errorf("got %d, %q and %q, %v", n, first, second, err)
	}
}

func TestMadeOnce(t *testing.T) {
	t.Parallel()
	dir, made := filepath.Join(t.TempDir(), "set"), 0
	write := func(part string) error {
		made++
		if made == 1 {
			return os.ErrInvalid
		}
		return os.WriteFile(filepath.Join(part, "file"), nil, 0o666)
	}
	if err := madeOnce(dir, write); err == nil {
		t.Error("no error")
	}
	for range 2 {
		if err := madeOnce(dir, write); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "file")); err != nil || made != 2 {
		t.Errorf("made %d times, %v", made, err)
	}
}
