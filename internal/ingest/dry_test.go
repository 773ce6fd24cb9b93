package ingest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/progress"
	"sheaf/internal/splitter"
	"sheaf/internal/store"
)

// silent is an embedder that must not be asked.
type silent struct{ hashed }

func (silent) Embed(context.Context, []string) (embed.Result, error) {
	return embed.Result{}, errors.New("the embedder was asked")
}

func dryRun(t *testing.T, project string, o ingest.Options) ingest.Summary {
	t.Helper()
	dir := filepath.Join(project, ".sheaf")
	s, err := store.Open(t.Context(), dir, engine.Options{})
	if errors.Is(err, engine.ErrNotExist) {
		s, err = nil, nil
	}
	must(t, err)
	if s != nil {
		defer s.Close()
	}
	if len(o.Roots) == 0 {
		o.Roots = []string{filepath.Join(project, "text")}
	}
	o.Progress = &progress.Counter{}
	o = storeOptions(o, dir)
	var r ingest.Reader
	if s != nil {
		r = s
	}
	sum, err := ingest.DryRun(t.Context(), r, silent{}, o)
	if err != nil || !sum.DryRun || sum.Embedding.Texts > 0 && sum.Embedding.Requests == 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	return sum
}

// content is a hash over the names and bytes of a project's files.
func content(t *testing.T, project string) string {
	t.Helper()
	h := sha256.New()
	must(t, filepath.WalkDir(project, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(h, "%q %q\n", path, data)
		return err
	}))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestDryRunForetells compares what a dry run says with what the run then does.
func TestDryRunForetells(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	small := ingest.Options{Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 20}}
	for i, step := range []struct {
		change func()
		o      ingest.Options
	}{
		{change: func() { writeTree(t, p, 1) }},
		{},
		{o: ingest.Options{Force: true}},
		{change: func() { writeTree(t, p, 2) }},
		{change: func() { records(t, p, "equal.jsonl", "same", "same", "other", "same") }},
		{change: func() { text(t, p, "b.bin", "\x00\x01") }},
		{change: func() {
			text(t, p, "long.txt", strings.Repeat("some words\n\n", 50))
			must(t, os.Remove(filepath.Join(p, "text", "a.jsonl")))
		}},
		{o: ingest.Options{Prune: true}},
		{o: small},
		{change: func() { records(t, p, "equal.jsonl", "same") }, o: small},
	} {
		if step.change != nil {
			step.change()
		}
		step.o.BatchSize = 7
		before := content(t, p)
		foretold := dryRun(t, p, step.o)
		if content(t, p) != before {
			t.Fatalf("step %d: the dry run changed something", i)
		}
		done := mustRun(t, p, hashed{}, step.o)
		if counts(foretold) != counts(done) || foretold.Sources.Removed != done.Sources.Removed {
			t.Errorf("step %d: foretold\n %s\nand done\n %s", i, counts(foretold), counts(done))
		}
	}
}
