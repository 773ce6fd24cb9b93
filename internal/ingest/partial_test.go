package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/store"
)

// picky is an embedder that refuses texts, cuts others short, and remembers
// what it was asked.
type picky struct {
	hashed
	cut int // bytes; 0: none

	mu    sync.Mutex
	asked map[string]int
}

var errPicky = errors.New("rather not")

func (p *picky) Embed(_ context.Context, texts []string) (r embed.Result, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = map[string]int{}
	}
	r = embed.Result{Errs: map[int]error{}, Cut: map[int]int{}}
	for i, text := range texts {
		p.asked[text]++
		switch {
		case strings.Contains(text, "bad"):
			r.Vectors, r.Errs[i] = append(r.Vectors, nil), errPicky
			continue
		case p.cut > 0 && len(text) > p.cut:
			text, r.Cut[i] = text[:p.cut], p.cut
		}
		r.Vectors = append(r.Vectors, vectorOf(text))
	}
	return r, nil
}

// records writes a JSONL file, one text a line.
func records(t *testing.T, project, name string, texts ...string) {
	t.Helper()
	var lines []byte
	for _, s := range texts {
		lines = fmt.Appendf(lines, "{\"text\": %q}\n", s)
	}
	text(t, project, name, string(lines))
}

func numbered(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("text number %d.", i)
	}
	return texts
}

func mustRun(t *testing.T, project string, e embed.Embedder, o ingest.Options) ingest.Summary {
	t.Helper()
	sum, err := run(t.Context(), project, e, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// A service that breaks within a large source costs what came since the last
// commit, and the store then equals that of a run that nothing disturbed.
func TestASourceIsCommittedInParts(t *testing.T) {
	t.Parallel()
	whole, parts := t.TempDir(), t.TempDir()
	for _, p := range []string{whole, parts} {
		records(t, p, "long.jsonl", numbered(100)...)
	}
	ingestHere(t, whole)
	o := ingest.Options{Workers: 4, BatchSize: 5, CommitDocuments: 10}
	sum, err := run(t.Context(), parts, broken{at: "number 63."}, o)
	if !errors.Is(err, errBroken) || sum.Chunks.Added != 60 || sum.Chunks.Total != 60 || sum.Sources.Unfinished != 1 {
		t.Fatalf("%v with %+v, %+v, want the error, 60 chunks and a source that is not finished", err, sum.Chunks, sum.Sources)
	}
	documents(t, parts)
	expect(t, mustRun(t, parts, hashed{}, o), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 40 added 60 reused 0 removed 100 total; 40 embedded")
	var got []string
	for _, d := range documents(t, parts) {
		got = append(got, strings.ReplaceAll(d, parts, whole))
	}
	if diff := cmp.Diff(documents(t, whole), got); diff != "" {
		t.Error(diff)
	}
	records(t, parts, "long.jsonl", numbered(101)...)
	expect(t, mustRun(t, parts, hashed{}, o), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 100 reused 0 removed 101 total; 1 embedded")
}

// Of a source that cannot be read to its end only what was committed counts.
func TestCountsOfASourceThatBreaksOff(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	var array []byte
	for _, s := range numbered(3000) {
		array = fmt.Appendf(array, "%c{\"text\": %q}\n", "[,"[min(len(array), 1)], s)
	}
	text(t, p, "cut.json", string(array))
	text(t, p, "other.txt", "whole")
	if sum := dryRun(t, p, ingest.Options{}); sum.Sources.Failed != 1 || sum.Chunks.Added != 1 || sum.Chunks.Total != 1 {
		t.Errorf("dry: %+v", sum.Chunks)
	}
	before := 0
	for range 2 {
		sum := mustRun(t, p, hashed{}, ingest.Options{CommitDocuments: 1000})
		after := len(documents(t, p))
		if sum.Sources.Failed != 1 || sum.Chunks.Added != int64(after-before) || after <= 1 || after > 3000 {
			t.Errorf("%d documents, then %d: %+v", before, after, sum.Chunks)
		}
		before = after
	}
}

// Commits within a source that shrinks take its old documents away with the last.
func TestOldDocumentsGoWithTheLastNewOnes(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	records(t, p, "long.jsonl", numbered(50)...)
	ingestHere(t, p)
	texts := numbered(70)
	slices.Reverse(texts)
	records(t, p, "long.jsonl", texts[:60]...)
	o := ingest.Options{BatchSize: 4, CommitDocuments: 8}
	if _, err := run(t.Context(), p, broken{at: "number 53."}, o); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if got := len(documents(t, p)); got != 50+16 {
		t.Errorf("%d documents, want the 50 old ones and 16 new ones", got)
	}
	expect(t, mustRun(t, p, hashed{}, o), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 4 added 56 reused 10 removed 60 total; 4 embedded")
	// One line more at the beginning moves all the others.
	texts = append([]string{"first"}, texts[:60]...)
	records(t, p, "long.jsonl", texts...)
	expect(t, mustRun(t, p, hashed{}, o), "sources 0 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 60 reused 0 removed 61 total; 1 embedded")
	got := documents(t, p)
	for i, text := range texts {
		if want := fmt.Sprintf("long.jsonl:%d-0 %s {}", i+1, text); !slices.Contains(got, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

func TestCommitsByTime(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	records(t, p, "long.jsonl", numbered(20)...)
	_, err := run(t.Context(), p, broken{at: "number 15."}, ingest.Options{BatchSize: 5, CommitEvery: time.Nanosecond})
	if !errors.Is(err, errBroken) || len(documents(t, p)) != 15 {
		t.Errorf("%d documents, %v", len(documents(t, p)), err)
	}
}

func TestEqualTextsAreEmbeddedOnce(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 16} {
		for _, every := range []int64{3, 1000} {
			p := t.TempDir()
			texts := slices.Repeat(numbered(7), 20)
			records(t, p, "a.jsonl", texts...)
			records(t, p, "b.jsonl", texts[3:50]...)
			e := &picky{}
			sum := mustRun(t, p, e, ingest.Options{Workers: workers, BatchSize: 4, CommitDocuments: every})
			expect(t, sum, "sources 2 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 187 added 180 reused 0 removed 187 total; 7 embedded")
			documents(t, p)
			for text, n := range e.asked {
				if n != 1 {
					t.Errorf("%d workers, commits of %d: %q was embedded %d times", workers, every, text, n)
				}
			}
		}
	}
}

func TestARefusedTextFailsAlone(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	records(t, p, "a.jsonl", "one", "a bad one", "two", "a bad one", "three")
	text(t, p, "b.txt", "four\n\nfive\nis bad\n\nsix\n")
	text(t, p, "c.txt", "seven\n")
	age(t, p, "c.txt")
	e := &picky{}
	o := ingest.Options{BatchSize: 2}
	sum := mustRun(t, p, e, o)
	expect(t, sum, "sources 2 added 0 updated 0 unchanged 0 skipped 1 failed; chunks 4 added 0 reused 0 removed 4 total; 4 embedded")
	var failures []string
	for _, f := range sum.Failures {
		failures = append(failures, filepath.Base(f.Source)+": "+f.Error)
	}
	want := []string{"a.jsonl: line 2: rather not", "a.jsonl: line 4: rather not", "b.txt: lines 1 to 6: rather not"}
	if diff := cmp.Diff(want, failures); diff != "" {
		t.Error(diff)
	}
	if n := e.asked["a bad one"]; n != 1 {
		t.Errorf("an equal text was asked for %d times after it had been refused", n)
	}
	// The next run tries what failed again, and nothing else.
	e = &picky{}
	expect(t, mustRun(t, p, e, o), "sources 0 added 1 updated 1 unchanged 0 skipped 1 failed; chunks 0 added 4 reused 0 removed 4 total; 0 embedded")
	if len(e.asked) != 2 {
		t.Errorf("asked for %v again", e.asked)
	}
	expect(t, mustRun(t, p, hashed{}, o), "sources 1 added 1 updated 1 unchanged 0 skipped 0 failed; chunks 3 added 5 reused 0 removed 7 total; 2 embedded")
}

// The vector of a text that was cut is that text's alone.
func TestTheVectorOfACutTextIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	records(t, p, "a.jsonl", "a long text", "short", "a long text")
	var notices []string
	e := &picky{cut: 6}
	o := ingest.Options{Notice: func(text string) { notices = append(notices, text) }}
	expect(t, mustRun(t, p, e, o), "sources 1 added 0 updated 0 unchanged 0 skipped 0 failed; chunks 3 added 0 reused 0 removed 3 total; 3 embedded")
	other := t.TempDir()
	text(t, other, "t.txt", "two\n\n\nlines")
	mustRun(t, other, e, o)
	for i, want := range []string{
		`a.jsonl", line 1: only the first 6 of its 11 bytes are embedded: it is too long, and 2 of this source's chunks are`,
		`t.txt", lines 1 to 4: only the first 6 of its 11 bytes are embedded: it is too long`,
	} {
		if len(notices) != 2 || !strings.HasSuffix(notices[i], want) {
			t.Errorf("notices %q, want %q", notices, want)
		}
	}
	records(t, p, "b.jsonl", "a long text", "short")
	expect(t, mustRun(t, p, hashed{}, o), "sources 1 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 2 added 4 reused 0 removed 5 total; 1 embedded")
	s, err := store.Open(t.Context(), filepath.Join(p, ".sheaf"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for d, err := range s.Documents(t.Context(), engine.ListOptions{WithVectors: true}) {
		want := d.Text
		if err != nil || filepath.Base(d.Source) == "a.jsonl" && want != "short" {
			want = want[:6]
		}
		if !slices.Equal(d.Vector, vectorOf(want)) {
			t.Errorf("%s: %q has another's vector", filepath.Base(d.Source), d.Text)
		}
	}
}

// cancelling is an embedder during whose nth call the run is told to stop.
type cancelling struct {
	hashed
	cancel context.CancelCauseFunc
	mu     *sync.Mutex
	calls  *int
	at     int
}

var errStop = errors.New("stop")

func (c cancelling) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *c.calls++; *c.calls == c.at {
		c.cancel(errStop)
	}
	return c.hashed.Embed(ctx, texts)
}

func TestWhatIsEmbeddedWhenTheRunStopsIsKept(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 4} {
		p := t.TempDir()
		records(t, p, "a.jsonl", numbered(40)...)
		records(t, p, "b.jsonl", numbered(3)...)
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := 0
		e := cancelling{cancel: cancel, mu: &sync.Mutex{}, calls: &calls, at: 5}
		sum, err := run(ctx, p, e, ingest.Options{Workers: workers, BatchSize: 4})
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		got := len(documents(t, p))
		if got != 4*calls || calls < 5 || calls > 5+workers || sum.Chunks.Total != int64(got) || sum.Chunks.Added != int64(got) {
			t.Errorf("%d workers: %d documents after %d requests of 4, the summary says %+v", workers, got, calls, sum.Chunks)
		}
	}
}

// A record that moves to a file that is read later keeps its id; one that is in
// two files fails in the second.
func TestARecordMovesToAnotherFile(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.jsonl", `{"id": "x", "text": "moves"}`+"\n"+`{"id": "y", "text": "stays"}`)
	ingestHere(t, p)
	text(t, p, "a.jsonl", `{"id": "y", "text": "stays"}`)
	text(t, p, "b.jsonl", `{"id": "x", "text": "moves"}`+"\n"+`{"id": "y", "text": "another"}`)
	e := &picky{}
	sum := mustRun(t, p, e, ingest.Options{BatchSize: 1, Workers: 4})
	expect(t, sum, "sources 1 added 1 updated 0 unchanged 0 skipped 0 failed; chunks 1 added 2 reused 1 removed 2 total; 0 embedded")
	if len(sum.Failures) != 1 || !strings.Contains(sum.Failures[0].Error, `line 2: id "y" belongs to source`) || len(e.asked) != 0 {
		t.Errorf("failures %v, asked for %v", sum.Failures, e.asked)
	}
}
