package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/loader"
	"sheaf/internal/splitter"
	"sheaf/internal/store"
)

// counts is a summary without what differs from run to run.
func counts(sum ingest.Summary) string {
	return fmt.Sprintf("sources %d added %d updated %d unchanged %d skipped %d failed; chunks %d added %d reused %d removed %d total; %d embedded",
		sum.Sources.Added, sum.Sources.Updated, sum.Sources.Unchanged, sum.Sources.Skipped, sum.Sources.Failed,
		sum.Chunks.Added, sum.Chunks.Reused, sum.Chunks.Removed, sum.Chunks.Total, sum.Embedding.Texts)
}

func expect(t *testing.T, sum ingest.Summary, want string) {
	t.Helper()
	if got := counts(sum); got != want {
		t.Errorf("summary\n %s\nwant\n %s\nfailures %v", got, want, sum.Failures)
	}
}

func text(t *testing.T, project, name, content string) {
	t.Helper()
	writeFile(t, filepath.Join(project, "text", name), []byte(content))
}

// age makes a file old enough for its time to be trusted.
func age(t *testing.T, project, name string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(project, "text", name), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestIngestIsASynchronisation(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "first of a\n\nsecond of a\n")
	text(t, p, "b.txt", "only of b\n")
	age(t, p, "b.txt")
	o := ingest.Options{Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 15}}
	sum, err := run(t.Context(), p, hashed{}, o)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, sum, "sources 2 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 3 added 0 reused 0 removed 3 total; 3 embedded")

	// Nothing given: each source remembers how it was split.
	expect(t, ingestHere(t, p), "sources 0 added 0 updated 2 unchanged 0 skipped 0 failed; chunks 0 added 3 reused 0 removed 3 total; 0 embedded")

	text(t, p, "a.txt", "a new start\n\nsecond of a\n")
	expect(t, ingestHere(t, p), "sources 0 added 1 updated 1 unchanged 0 skipped 0 failed; chunks 1 added 2 reused 1 removed 3 total; 1 embedded")

	// A text that moves to another file takes its vector along.
	text(t, p, "c.txt", "only of b\n")
	expect(t, ingestHere(t, p), "sources 1 added 0 updated 2 unchanged 0 skipped 0 failed; chunks 1 added 4 reused 0 removed 4 total; 0 embedded")
}

// Chunks that change places with those of another source are added there and
// removed here, with the vectors that they had.
func TestFilesThatSwapEmbedNothing(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "one\n")
	text(t, p, "b.txt", "two\n")
	text(t, p, "c.txt", "three\n")
	ingestHere(t, p)
	text(t, p, "a.txt", "two\n")
	text(t, p, "b.txt", "one\n")
	sum := ingestHere(t, p)
	expect(t, sum, "sources 0 added 2 updated 1 unchanged 0 skipped 0 failed; chunks 2 added 3 reused 2 removed 3 total; 0 embedded")
}

func TestChangedSettingsSplitAgain(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "one\n\ntwo\n\nthree\n")
	ingestHere(t, p)
	sum, err := run(t.Context(), p, hashed{}, ingest.Options{
		Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 5},
		Meta:     []ingest.Meta{{Key: "lang", Value: json.RawMessage(`"en"`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, sum, "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 3 added 0 reused 1 removed 3 total; 3 embedded")
	path := filepath.ToSlash(filepath.Join(p, "text", "a.txt"))
	want := []string{}
	for i, word := range []string{"one", "two", "three"} {
		want = append(want, fmt.Sprintf("a.txt:%d-%d %s {\"source\":%q,\"lang\":\"en\"}", 2*i+1, 2*i+1, word, path))
	}
	if diff := cmp.Diff(want, documents(t, p)); diff != "" {
		t.Error(diff)
	}
}

func TestHowASourceIsReadIsItsOwn(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	missing := ingest.Options{Roots: []string{filepath.Join(p, "no.txt")}, Meta: []ingest.Meta{{Key: "lang", Value: json.RawMessage(`"en"`)}}}
	if _, err := run(t.Context(), p, hashed{}, missing); err != nil {
		t.Fatal(err)
	}
	text(t, p, "latin.txt", "caf\xe9\n")
	if _, err := run(t.Context(), p, hashed{}, ingest.Options{Read: loader.ReadOptions{Encoding: "latin1"}}); err != nil {
		t.Fatal(err)
	}
	text(t, p, "utf8.txt", "größe\n")
	text(t, p, "records.txt", `{"id":"r","text":"one record"}`+"\n")
	records := ingest.Options{Roots: []string{filepath.Join(p, "text", "records.txt")}, Walk: loader.WalkOptions{Format: loader.JSONL}}
	if _, err := run(t.Context(), p, hashed{}, records); err != nil {
		t.Fatal(err)
	}
	sum := ingestHere(t, p)
	expect(t, sum, "sources 1 added 0 updated 2 unchanged 0 skipped 0 failed; chunks 1 added 2 reused 0 removed 3 total; 1 embedded")
	want := []string{
		"latin.txt:1-1 café {\"source\":%q}", "records.txt:1-0 one record {}", "utf8.txt:1-1 größe {\"source\":%q}",
	}
	for i, name := range []string{"latin.txt", "", "utf8.txt"} {
		if name != "" {
			want[i] = fmt.Sprintf(want[i], filepath.ToSlash(filepath.Join(p, "text", name)))
		}
	}
	if diff := cmp.Diff(want, documents(t, p)); diff != "" {
		t.Error(diff)
	}
}

func TestNewSourcesTakeTheFirstSettings(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "one\n\ntwo\n")
	small := ingest.Options{Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 4}}
	if _, err := run(t.Context(), p, hashed{}, small); err != nil {
		t.Fatal(err)
	}
	text(t, p, "b.txt", "three\n\nfour\n")
	large := ingest.Options{Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 100}, Roots: []string{filepath.Join(p, "text", "a.txt")}}
	if _, err := run(t.Context(), p, hashed{}, large); err != nil {
		t.Fatal(err)
	}
	// a.txt remembers its own, b.txt takes the store's first.
	expect(t, ingestHere(t, p), "sources 1 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 2 added 1 reused 0 removed 3 total; 2 embedded")
}

func TestRecords(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "r.jsonl", strings.Join([]string{
		`{"id": 7, "text": "seven", "metadata": {"n": 1}, "n": 2, "m": 3}`,
		`{"id": "v", "text": "with a vector", "vector": [1,2,3,4,5,6,7,8]}`,
		`{"id": "blank", "text": "", "vector": [1,2,3,4,5,6,7,8]}`,
		`{"id": "7", "text": "again"}`,
		`{"id": "short", "text": "x", "vector": [1,2]}`,
		`no json`,
		`{"text": "no id"}`,
	}, "\n"))
	sum := ingestHere(t, p)
	expect(t, sum, "sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 4 added 0 reused 0 removed 4 total; 2 embedded")
	if len(sum.Failures) != 3 || !sum.Failed() {
		t.Errorf("failures: %v", sum.Failures)
	}
	s, err := store.Open(t.Context(), filepath.Join(p, ".sheaf"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	docs, missing, err := s.Get(t.Context(), []string{"7", "v"}, true)
	if err != nil || len(missing) != 0 {
		t.Fatal(missing, err)
	}
	if got := fmt.Sprintf("%s %s %d", docs[0].Text, docs[0].Metadata, docs[0].StartLine); got != `seven {"n":1,"m":3} 1` {
		t.Errorf("record 7: %s", got)
	}
	if docs[1].Vector[7] != 8 {
		t.Errorf("record v has the vector %v", docs[1].Vector)
	}
}

func TestAGivenEncodingHoldsForTheWalkToo(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "\x2e\x00\x6c\x67\x4b\x30") // UTF-16BE without a mark, and mostly no ASCII
	sum, err := run(t.Context(), p, hashed{}, ingest.Options{Read: loader.ReadOptions{Encoding: "utf-16be"}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, sum, "sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 0 reused 0 removed 1 total; 1 embedded")
}

func TestSkipsAndFailures(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "fine\n")
	text(t, p, "b.bin", "\x7fELF\x00\x01\x02")
	sum, err := run(t.Context(), p, hashed{}, ingest.Options{
		Roots: []string{filepath.Join(p, "missing.txt"), filepath.Join(p, "text")},
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, sum, "sources 1 added 0 updated 0 unchanged 1 skipped 1 failed; chunks 1 added 0 reused 0 removed 1 total; 1 embedded")
	sum, err = run(t.Context(), p, hashed{}, ingest.Options{Roots: []string{filepath.Join(p, "missing.txt")}, FailFast: true})
	if err == nil || !strings.Contains(err.Error(), "missing.txt") || sum.Sources.Unfinished != 0 {
		t.Errorf("--fail-fast: %v, %+v", err, sum.Sources)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	feed := func(name, content string, format loader.Format) ingest.Summary {
		sum, err := run(t.Context(), p, hashed{}, ingest.Options{
			Roots: []string{"-"}, Stdin: strings.NewReader(content), Name: name, Walk: loader.WalkOptions{Format: format},
		})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	feed("", "some text", "")
	expect(t, feed("", "some text", ""), "sources 0 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 0 added 1 reused 0 removed 1 total; 0 embedded")
	feed("notes", "old note", "")
	expect(t, feed("notes", "new note", ""), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 0 reused 1 removed 2 total; 1 embedded")
	feed("records", `{"text": "from a stream"}`, loader.JSONL)
	got := documents(t, p)
	if len(got) != 3 || !strings.HasPrefix(got[1], "stdin:notes:1-1 new note") || !strings.Contains(got[2], "from a stream {}") {
		t.Errorf("documents: %q", got)
	}
}

// TestAProjectMoves takes a store along with its texts: nothing is new.
func TestAProjectMoves(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	old, moved := filepath.Join(work, "old"), filepath.Join(work, "moved")
	text(t, old, "a.txt", "some text")
	ingestHere(t, old)
	if err := os.Rename(old, moved); err != nil {
		t.Fatal(err)
	}
	expect(t, ingestHere(t, moved), "sources 0 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 0 added 1 reused 0 removed 1 total; 0 embedded")

	// Another file is where the text came from once: its name is taken, as long as that text is there.
	text(t, old, "a.txt", "another")
	_, err := run(t.Context(), moved, hashed{}, ingest.Options{Roots: []string{filepath.Join(old, "text")}})
	if err == nil || !strings.Contains(err.Error(), "names of other sources") {
		t.Errorf("%v, want an error about the name", err)
	}
}

// TestASourceMovesBack: a file that comes back to the path by which its source was named goes on as that source.
func TestASourceMovesBack(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	old, moved := filepath.Join(work, "old"), filepath.Join(work, "moved")
	text(t, old, "a.txt", "some text")
	ingestHere(t, old)
	must(t, os.Rename(old, moved))
	must(t, os.Rename(filepath.Join(moved, "text"), filepath.Join(work, "text")))
	must(t, os.Mkdir(old, 0o777))
	must(t, os.Rename(filepath.Join(work, "text"), filepath.Join(old, "text")))
	o := ingest.Options{Roots: []string{filepath.Join(old, "text")}}
	for range 2 {
		expect(t, mustRun(t, moved, hashed{}, o), "sources 0 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 0 added 1 reused 0 removed 1 total; 0 embedded")
	}
	dir := filepath.Join(moved, ".sheaf")
	home, err := store.Home(dir)
	must(t, err)
	s, err := store.Open(t.Context(), dir, engine.Options{})
	must(t, err)
	defer s.Close()
	for src, err := range s.AllSources(t.Context()) {
		must(t, err)
		if _, err := os.Stat(home.Path(src.Key)); err != nil {
			t.Errorf("the store looks for the file elsewhere: %v", err)
		}
	}
}

// shorter is an embedder that gives other vectors than it says.
type shorter struct{ hashed }

func (shorter) Embed(_ context.Context, texts []string) (embed.Result, error) {
	return embed.Result{Vectors: slices.Repeat([][]float32{{1, 2}}, len(texts))}, nil
}

// TestVectorsOfAnotherLength: vectors that do not fit the store end the run, if the embedder gave them.
func TestVectorsOfAnotherLength(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "some text")
	sum, err := run(t.Context(), p, shorter{}, ingest.Options{})
	var mismatch *engine.MismatchError
	if !errors.As(err, &mismatch) || sum.Failed() {
		t.Errorf("%v, %+v, want a MismatchError", err, sum.Failures)
	}
}

// broken is an embedder that fails at a text.
type broken struct {
	hashed
	at string
}

var errBroken = errors.New("the service is gone")

func (b broken) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	for _, text := range texts {
		if strings.Contains(text, b.at) {
			return embed.Result{}, errBroken
		}
	}
	return b.hashed.Embed(ctx, texts)
}

func TestABrokenServiceKeepsWhatIsComplete(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	for i := range 6 {
		text(t, p, fmt.Sprintf("%d.txt", i), fmt.Sprintf("text number %d", i))
	}
	_, err := run(t.Context(), p, broken{at: "number 4"}, ingest.Options{BatchSize: 1, Workers: 3})
	if !errors.Is(err, errBroken) {
		t.Fatalf("the run ends with %v", err)
	}
	if strings.Contains(err.Error(), ".txt") {
		t.Errorf("%q names a file, and is about the service", err)
	}
	if got := len(documents(t, p)); got != 4 {
		t.Errorf("%d complete sources are kept of 4", got)
	}
	expect(t, ingestHere(t, p), "sources 2 added 0 updated 4 unchanged 0 skipped 0 failed; chunks 2 added 4 reused 0 removed 6 total; 2 embedded")
}

// What is noticed about a source does not keep it from being stored whole.
func TestANoticeAndTheEndOfASource(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.jsonl", `{"text": "one"}`+"\n"+`{"text": " "}`+"\n")
	expect(t, ingestHere(t, p), "sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 0 reused 0 removed 1 total; 1 embedded")
	expect(t, ingestHere(t, p), "sources 0 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 0 added 1 reused 0 removed 1 total; 0 embedded")
}

func TestWorkersDoNotChangeTheStore(t *testing.T) {
	t.Parallel()
	one, many := t.TempDir(), t.TempDir()
	for _, p := range []string{one, many} {
		writeTree(t, p, 2)
	}
	for p, workers := range map[string]int{one: 1, many: 16} {
		if _, err := run(t.Context(), p, hashed{}, ingest.Options{Workers: workers, BatchSize: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(documents(t, one), documents(t, many)); diff != "" {
		t.Error(diff)
	}
}

// Records without a text are left out where they are met, with a notice, and fail where they are named.
func TestRecordsWithoutText(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.csv", "title,body\nx,y\n")
	text(t, p, "b.txt", "fine\n")
	var notices []string
	o := ingest.Options{Notice: func(text string) { notices = append(notices, text) }}
	sum := mustRun(t, p, hashed{}, o)
	expect(t, sum, "sources 1 added 0 updated 0 unchanged 1 skipped 0 failed; chunks 1 added 0 reused 0 removed 1 total; 1 embedded")
	const says = `no field "text" or "page_content" (it has "title", "body"): --text-field names`
	if len(notices) != 1 || !strings.Contains(notices[0], "a.csv\" is passed over: "+says) {
		t.Errorf("notices %q", notices)
	}
	if !strings.Contains(sum.Skips[0].Reason, says) || !sum.Skips[0].Told {
		t.Errorf("skips %+v", sum.Skips)
	}
	o.Roots = []string{filepath.Join(p, "text", "a.csv")}
	sum = mustRun(t, p, hashed{}, o)
	if sum.FailedSources != 1 || !strings.Contains(sum.Failures[0].Error, says) {
		t.Errorf("failures %+v", sum.Failures)
	}
	o.Read.TextFields = loader.Fields{"title", "body"}
	o.Roots = nil
	expect(t, mustRun(t, p, hashed{}, o), "sources 1 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 1 reused 0 removed 2 total; 1 embedded")
}

// Chunks that are longer than what the model reads are a notice for each source; those longer than the chunk size are counted.
func TestLongChunks(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "short\n\n"+strings.Repeat("long", 10)+"\n\nshort\n\n"+strings.Repeat("last", 9))
	text(t, p, "b.txt", "one\n\ntwo")
	var notices []string
	o := ingest.Options{
		Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 8}, BatchSize: 2,
		Notice: func(text string) {
			notices = append(notices, text[strings.LastIndexByte(text[:strings.Index(text, `":`)], '/')+1:])
		},
	}
	sum := mustRun(t, p, reading{8}, o)
	if got, want := sum.Oversize, (ingest.Oversize{Chunks: 2, Sources: 1, Longest: 40}); got != want {
		t.Errorf("longer than the chunk size: %+v, want %+v", got, want)
	}
	want := []string{
		`a.txt": 2 chunks are longer than the 8 tokens that hashed reads, the longest with 40: the rest does not count (smaller chunks help)`,
	}
	if diff := cmp.Diff(want, notices); diff != "" {
		t.Error(diff)
	}
}

// reading is an embedder whose model reads the first bytes of a text, each of which is a token.
type reading struct{ limit int }

func (r reading) Identity() embed.Identity { return hashed{}.Identity() }

func (r reading) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	result, err := hashed{}.Embed(ctx, texts)
	result.Long, result.Limit = map[int]int{}, r.limit
	for i, text := range texts {
		if len(text) > r.limit {
			result.Long[i] = len(text)
		}
	}
	return result, err
}

// A file whose beginning told that it is records is a text when that changes.
func TestRecordsThatBecomeAText(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.json", `[{"text": "one"}, {"text": "two"}]`)
	expect(t, mustRun(t, p, hashed{}, ingest.Options{}), "sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 2 added 0 reused 0 removed 2 total; 2 embedded")
	text(t, p, "a.json", `{"text": "one"}`)
	expect(t, mustRun(t, p, hashed{}, ingest.Options{}), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 0 reused 2 removed 1 total; 1 embedded")
	expect(t, mustRun(t, p, hashed{}, ingest.Options{}), "sources 0 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 0 added 1 reused 0 removed 1 total; 0 embedded")
}
