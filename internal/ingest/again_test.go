package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/loader"
	"sheaf/internal/splitter"
	"sheaf/internal/store"
)

// TestWhatIsReadAgain: a file whose time and size are those of its last ingest is read again where
// anything else asks for it, and one with another time or size is.
func TestWhatIsReadAgain(t *testing.T) {
	t.Parallel()
	const before = "one two\n\nthree\n"
	old := time.Now().Add(-time.Hour)
	write := func(t *testing.T, p, content string, at time.Time) {
		text(t, p, "a.txt", content)
		must(t, os.Chtimes(filepath.Join(p, "text", "a.txt"), at, at))
	}
	updated := func(chunks string) string {
		return "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; " + chunks
	}
	const same = "sources 0 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 0 added 1 reused 0 removed 1 total; 0 embedded"
	for name, c := range map[string]struct {
		change func(t *testing.T, p string)
		o      ingest.Options
		want   string
	}{
		"nothing":      {func(*testing.T, string) {}, ingest.Options{}, same},
		"another time": {func(t *testing.T, p string) { write(t, p, before, old.Add(time.Minute)) }, ingest.Options{}, same},
		"force": {
			func(*testing.T, string) {}, ingest.Options{Force: true},
			updated("chunks 0 added 1 reused 0 removed 1 total; 0 embedded"),
		},
		"force at another time": {
			func(t *testing.T, p string) { write(t, p, before, old.Add(time.Minute)) }, ingest.Options{Force: true},
			updated("chunks 0 added 1 reused 0 removed 1 total; 0 embedded"),
		},
		"another splitter": {
			func(*testing.T, string) {}, ingest.Options{Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 8}},
			updated("chunks 2 added 0 reused 1 removed 2 total; 2 embedded"),
		},
		"another encoding at another time": {
			func(t *testing.T, p string) { write(t, p, before, old.Add(time.Minute)) }, ingest.Options{Read: loader.ReadOptions{Encoding: "latin1"}},
			updated("chunks 0 added 1 reused 0 removed 1 total; 0 embedded"),
		},
		"another size": {
			func(t *testing.T, p string) { write(t, p, before+"four\n", old) }, ingest.Options{},
			updated("chunks 1 added 0 reused 1 removed 1 total; 1 embedded"),
		},
		"another text of that size": {
			func(t *testing.T, p string) { write(t, p, "ONE TWO\n\nTHREE\n", old.Add(time.Minute)) }, ingest.Options{},
			updated("chunks 1 added 0 reused 1 removed 1 total; 1 embedded"),
		},
		"a document gone": {
			func(t *testing.T, p string) {
				w, err := store.OpenWriter(t.Context(), filepath.Join(p, ".sheaf"), engine.Options{})
				must(t, err)
				all, err := w.Select(t.Context(), engine.Selection{})
				must(t, err)
				must(t, w.Delete(t.Context(), all))
				must(t, w.Close())
			}, ingest.Options{},
			"sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 0 reused 0 removed 1 total; 1 embedded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := t.TempDir()
			write(t, p, before, old)
			ingestHere(t, p)
			c.change(t, p)
			expect(t, mustRun(t, p, hashed{}, c.o), c.want)
		})
	}
}

// TestADocumentThatWasDeletedComesBack: a file that lost one of its documents is read again.
func TestADocumentThatWasDeletedComesBack(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	records(t, p, "a.jsonl", "one", "two")
	age(t, p, "a.jsonl")
	ingestHere(t, p)
	w, err := store.OpenWriter(t.Context(), filepath.Join(p, ".sheaf"), engine.Options{})
	must(t, err)
	for d, err := range w.Documents(t.Context(), engine.ListOptions{Limit: 1}) {
		must(t, err)
		one, _, err := w.SelectIDs(t.Context(), []string{d.ID})
		must(t, err)
		must(t, w.Delete(t.Context(), one))
	}
	must(t, w.Close())
	expect(t, ingestHere(t, p), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 1 reused 0 removed 2 total; 1 embedded")
}

// TestManySources has more files than are looked up at once.
func TestManySources(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	for i := range 150 {
		text(t, p, fmt.Sprintf("%d.txt", i), fmt.Sprint("text ", i))
	}
	expect(t, ingestHere(t, p), "sources 150 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 150 added 0 reused 0 removed 150 total; 150 embedded")
}

// counting counts the commits of a run.
type counting struct {
	*store.Writer
	commits int
}

func (c *counting) Commit(ctx context.Context) error {
	c.commits++
	return c.Writer.Commit(ctx)
}

// TestWhenARunCommits: after so many documents or so much time, and at the end.
func TestWhenARunCommits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    ingest.Options
		want int
	}{
		"by documents": {ingest.Options{CommitDocuments: 10, CommitEvery: time.Hour}, 3},
		"by time":      {ingest.Options{CommitDocuments: 1000, CommitEvery: time.Nanosecond}, 5},
		"at the end":   {ingest.Options{CommitDocuments: 1000, CommitEvery: time.Hour}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := t.TempDir()
			records(t, p, "long.jsonl", numbered(20)...)
			dir := filepath.Join(p, ".sheaf")
			w, err := store.Create(t.Context(), dir, engine.Facts{Embedder: "hashed", Fingerprint: "1", Dim: hashedDim, Metric: engine.L2}, engine.Options{})
			must(t, err)
			defer w.Close()
			o := storeOptions(c.o, dir)
			o.Roots, o.BatchSize = []string{filepath.Join(p, "text")}, 5
			counted := &counting{Writer: w}
			if _, err := ingest.Run(t.Context(), counted, hashed{}, o); err != nil || counted.commits != c.want {
				t.Errorf("%d commits, want %d: %v", counted.commits, c.want, err)
			}
		})
	}
}

// TestASourceThatFailsWholly: one that the store has stays a source though none of its new texts can be embedded.
func TestASourceThatFailsWholly(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	records(t, p, "a.jsonl", "one", "two")
	ingestHere(t, p)
	records(t, p, "a.jsonl", "a bad one")
	sum := mustRun(t, p, &picky{}, ingest.Options{})
	expect(t, sum, "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 0 added 0 reused 2 removed 0 total; 0 embedded")
}

// TestAFolderInPlaceOfAFile: what is ingested from a folder says nothing of a file that was called so.
func TestAFolderInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a", "a file")
	ingestHere(t, p)
	must(t, os.Remove(filepath.Join(p, "text", "a")))
	text(t, p, "a/b.txt", "a file below")
	o := ingest.Options{Roots: []string{filepath.Join(p, "text", "a")}, Prune: true}
	if sum := mustRun(t, p, hashed{}, o); sum.Sources.Removed != 0 || sum.Sources.Added != 1 {
		t.Errorf("%+v", sum.Sources)
	}
	if sum := mustRun(t, p, hashed{}, ingest.Options{Prune: true}); sum.Sources.Removed != 1 {
		t.Errorf("from above: %+v", sum.Sources)
	}
}
