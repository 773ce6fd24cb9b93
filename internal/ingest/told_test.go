package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/embed"
	"sheaf/internal/ingest"
	"sheaf/internal/loader"
	"sheaf/internal/progress"
	"sheaf/internal/splitter"
)

// expectant is an embedder that waits until a run says how much there is to do.
type expectant struct {
	hashed
	progress *progress.Counter
}

func (e expectant) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for strings.HasPrefix(texts[0], "second") && e.progress.Snapshot().Total == 0 {
		if ctx.Err() != nil {
			return embed.Result{}, ctx.Err()
		}
		runtime.Gosched()
	}
	return e.hashed.Embed(ctx, texts)
}

// The sizes of all files say how much a run has to do before it has read them.
func TestEstimate(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "first")
	text(t, p, "b.txt", "second")
	e := expectant{progress: new(progress.Counter)}
	o := ingest.Options{Estimate: true, Progress: e.progress, BatchSize: 1, Workers: 1}
	if _, err := run(t.Context(), p, e, o); err != nil {
		t.Fatal(err)
	}
	if done := e.progress.Snapshot(); done.Total != 2 || done.Chunks != 2 {
		t.Errorf("%+v, want 2 of 2", done)
	}
}

// refusing is a service that refuses every request.
type refusing struct{ hashed }

func (refusing) Embed(context.Context, []string) (embed.Result, error) {
	return embed.Result{}, &embed.RefusedError{Status: 400, Message: "no such model"}
}

// What a service refuses as a whole is told with the place of the first text.
func TestARefusedRequestNamesItsText(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "\n\nthird line")
	_, err := run(t.Context(), p, refusing{}, ingest.Options{})
	if err == nil || !strings.Contains(err.Error(), `a.txt", line 3`) {
		t.Errorf("%v names no place", err)
	}
}

// without is no embedder.
type without struct{ hashed }

func (without) Identity() embed.Identity {
	return embed.Identity{Provider: embed.None, Dim: hashedDim, Fingerprint: "1"}
}

// Only what has a vector goes into a store without an embedder, and each record that has none fails for itself.
func TestRecordsWithoutAnEmbedder(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "r.jsonl", `{"id": "v", "text": "one", "vector": [1,2,3,4,5,6,7,8]}`+"\n"+`{"text": "two"}`+"\nno json\n")
	var notices []string
	sum, err := run(t.Context(), p, without{}, ingest.Options{Notice: func(text string) { notices = append(notices, text) }})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, sum, "sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 0 reused 0 removed 1 total; 0 embedded")
	if len(sum.Failures) != 2 || !strings.Contains(sum.Failures[0].Error, embed.ErrNone.Error()) || sum.Chunks.Failed != 2 || len(notices) > 0 {
		t.Errorf("%+v, %q", sum.Failures, notices)
	}
	if sum.Embedding.Embedder != "hashed" {
		t.Errorf("the summary names the embedder %q", sum.Embedding.Embedder)
	}
}

// A file of records that changes goes on being read as it was.
func TestChangedRecordsStayRecords(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "r.data", `{"text": "one"}`+"\n")
	if _, err := run(t.Context(), p, hashed{}, ingest.Options{Walk: loader.WalkOptions{Format: loader.JSONL}}); err != nil {
		t.Fatal(err)
	}
	text(t, p, "r.data", `{"text": "one"}`+"\n"+`{"text": "two"}`+"\n")
	ingestHere(t, p)
	if diff := cmp.Diff([]string{"r.data:1-0 one {}", "r.data:2-0 two {}"}, documents(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The settings of the first run hold for later ones, also after one that came with its own.
func TestTheFirstSettingsStay(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	for _, first := range []struct {
		name string
		size int
	}{{"a.txt", 4}, {"b.txt", 100}} {
		text(t, p, first.name, "one\n\ntwo\n")
		o := ingest.Options{
			Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: first.size},
			Roots:    []string{filepath.Join(p, "text", first.name)},
		}
		if _, err := run(t.Context(), p, hashed{}, o); err != nil {
			t.Fatal(err)
		}
	}
	text(t, p, "c.txt", "three\n\nfour\n")
	expect(t, ingestHere(t, p), "sources 1 added 0 updated 2 unchanged 0 skipped 0 failed; chunks 2 added 3 reused 0 removed 5 total; 2 embedded")
}

// Standard input leaves no file behind.
func TestStandardInputIsCleanedUp(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := t.TempDir()
	o := ingest.Options{Roots: []string{"-"}, Stdin: strings.NewReader("some text")}
	if _, err := run(t.Context(), p, hashed{}, o); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(temp)
	if err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "sheaf-stdin-") }) {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Split counts anew, reads standard input, and says how many failures it does not list.
func TestSplitOfStandardInput(t *testing.T) {
	t.Parallel()
	report := ingest.Report{FailedChunks: 7, Failures: []ingest.Failure{{Source: "old"}}}
	o := ingest.Options{
		Roots: []string{"-"}, Stdin: strings.NewReader(`{"text": "one"}` + strings.Repeat("\n{", 30)),
		Walk: loader.WalkOptions{Format: loader.JSONL},
	}
	var texts []string
	for d, err := range ingest.Split(t.Context(), o, &report) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, d.Text)
	}
	if diff := cmp.Diff([]string{"one"}, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last := report.Failures[len(report.Failures)-1].Error; report.FailedChunks != 30 || len(report.Failures) != 21 || !strings.HasPrefix(last, "10 more") {
		t.Errorf("%d failed, %d listed, the last %q", report.FailedChunks, len(report.Failures), last)
	}
}
