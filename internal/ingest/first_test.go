package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/ingest"
	"sheaf/internal/language"
	"sheaf/internal/loader"
)

// TestLanguage judges by the beginnings of the first texts that can be read.
func TestLanguage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.txt":   "où est la gare", // 3 words against English
		"b.jsonl": `{"text": "of the"}` + "\nno JSON\n" + `{"text": "and"}`,
		"c.bin":   "und\x00der",
		"d.txt":   strings.Repeat(" ", 2000) + "und der das", // too far
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := ingest.Options{Roots: []string{dir, filepath.Join(dir, "missing"), "-"}, Stdin: strings.NewReader("und")}
	got, foreign, err := ingest.Language(t.Context(), o)
	if want := (language.Evidence{English: 3, Other: 3 + 1}); err != nil || got != want || foreign != filepath.ToSlash(filepath.Join(dir, "a.txt")) {
		t.Errorf("%+v, %q, %v, want %+v", got, foreign, err, want)
	}

	o.Walk.Format = loader.JSONL
	o.Roots, o.Stdin = []string{"-"}, strings.NewReader(strings.Repeat(`{"text": " "}`+"\n"+`{"text": "und"}`+"\n", 100))
	if got, _, err = ingest.Language(t.Context(), o); err != nil || got.Other != 64 {
		t.Errorf("%+v, %v, want the first 64 records that are not blank", got, err)
	}
	o.Stdin = strings.NewReader(strings.Repeat(`{"text": "`+strings.Repeat("der ", 1000)+`"}`+"\n", 64))
	if got, _, err = ingest.Language(t.Context(), o); err != nil || got.Other != 6*500 {
		t.Errorf("%+v, %v, want 2,000 bytes of 6 records, which is enough", got, err)
	}

	stopped := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(stopped)
	o.Stdin = strings.NewReader("")
	if _, _, err := ingest.Language(ctx, o); !errors.Is(err, stopped) {
		t.Errorf("after an interrupt: %v", err)
	}
}

// TestDim looks at the first record of each source until one has a vector.
func TestDim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.txt":   "no records",
		"b.jsonl": `{"text": "without"}` + "\n" + `{"text": "not looked at", "vector": [1]}`,
		"c.jsonl": `{"text": "with", "vector": [1, 2, 3]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if dim, err := ingest.Dim(t.Context(), ingest.Options{Roots: []string{dir}}); dim != 3 || err != nil {
		t.Errorf("dim %d, %v, want 3", dim, err)
	}
	o := ingest.Options{Roots: []string{filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.jsonl")}}
	if dim, err := ingest.Dim(t.Context(), o); dim != 0 || err != nil {
		t.Errorf("dim %d, %v, want none", dim, err)
	}
	stopped := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(stopped)
	if _, err := ingest.Dim(ctx, o); !errors.Is(err, stopped) {
		t.Errorf("after an interrupt: %v", err)
	}
}
