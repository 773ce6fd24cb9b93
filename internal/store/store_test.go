package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/faiss/faisstest"
	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
	"sheaf/internal/store"
)

var facts = engine.Facts{Embedder: "test", Fingerprint: "1", Dim: 3, Metric: engine.L2}

// create makes a store in a temporary project and returns its directory too.
func create(t *testing.T, f engine.Facts) (*store.Writer, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".sheaf")
	w, err := store.Create(t.Context(), dir, f, engine.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, dir
}

// open opens a store for reading.
func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir, engine.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func doc(id, text string) engine.Document {
	return engine.Document{ID: id, Text: text, Metadata: metadata.Raw([]byte(`{"source":"a.txt"}`)), StartIndex: -1, StartLine: 1, EndLine: 2}
}

// add stages a document as an ingest would, with the error of whoever refuses it.
func add(t *testing.T, w *store.Writer, r engine.Replacement, src engine.Source, d engine.Document, v []float32, origin engine.Origin) error {
	t.Helper()
	matches, err := w.Match(t.Context(), src, []engine.Document{d})
	if err != nil {
		t.Fatal(err)
	}
	if matches[0].Err != nil {
		return matches[0].Err
	}
	return r.Add(t.Context(), d, v, origin)
}

// vector is a made-up embedding that tells texts apart.
func vector(text string) []float32 {
	v := []float32{1, 0, float32(len(text))}
	for i, b := range []byte(text) {
		v[1] += float32(b) * float32(i+1) / 64
	}
	return v
}

// replace gives source name the documents, as an ingest would: known ones are
// kept, texts that the store has are not embedded again.
func replace(t *testing.T, w *store.Writer, name string, docs ...engine.Document) (kept, reused, removed int64) {
	t.Helper()
	ctx := t.Context()
	src, _, err := w.SourceByKey(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	src.Key, src.Name = name, name
	r, err := w.Replace(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	matches, err := w.Match(ctx, src, docs)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range docs {
		switch m := matches[i]; {
		case m.Err != nil:
			err = m.Err
		case m.Kept:
			kept++
			err = r.Keep(m, d)
		case m.Vector != nil:
			reused++
			err = r.Add(ctx, d, m.Vector, engine.Embedded)
		default:
			err = r.Add(ctx, d, vector(d.Text), engine.Embedded)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.Done(src)
	return kept, reused, src.Documents - kept
}

func commit(t *testing.T, w *store.Writer) {
	t.Helper()
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s *store.Store, o engine.ListOptions) (docs []engine.Document) {
	t.Helper()
	for d, err := range s.Documents(t.Context(), o) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	return docs
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	odd := engine.Document{
		ID: "odd \x00 id", Text: "nul \x00, tab\t, 日本 \U0001f33e", StartIndex: 7, StartLine: 3, EndLine: 9,
		Metadata: metadata.Raw([]byte(`{"z":12345678901234567890123,"a":{"k":[1,2.50]},"b":true,"n":null,"s":"x","f":1e3}`)),
	}
	replace(t, w, "a.txt", doc("1", "one"), odd)
	if got := list(t, w.Store, engine.ListOptions{}); len(got) != 0 {
		t.Fatalf("%d documents are visible before the commit", len(got))
	}
	commit(t, w)

	s := open(t, dir)
	odd.Source, odd.Key, odd.Vector = "a.txt", "a.txt", vector(odd.Text)
	docs, missing, err := s.Get(t.Context(), []string{odd.ID, "nobody"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]engine.Document{odd}, docs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"nobody"}, missing); diff != "" {
		t.Error(diff)
	}
	if got := list(t, s, engine.ListOptions{Limit: 1, WithVectors: true}); len(got) != 1 || got[0].ID != "1" || !slices.Equal(got[0].Vector, vector("one")) {
		t.Errorf("list with limit: %+v", got)
	}
	info, err := s.Info(t.Context())
	if err != nil || info.Documents != 2 || info.Sources != 1 || info.DeadRows != 0 || info.Normalized || info.IndexFile != "index.1.faiss" {
		t.Errorf("info %+v, %v", info, err)
	}
}

func TestFaissReadsTheIndex(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two"))
	commit(t, w)
	replace(t, w, "b.txt", doc("3", "three"))
	commit(t, w)
	file, err := os.ReadFile(indexFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	x := faisstest.Parse(t, file)
	if x.Ntotal != 3 || x.D != 3 || x.Metric != int(faiss.L2) {
		t.Errorf("Faiss reads ntotal %d, d %d, metric %d", x.Ntotal, x.D, x.Metric)
	}
	if got := x.Vectors()[6:]; !slices.Equal(got, vector("three")) {
		t.Errorf("Faiss reads %v", got)
	}
}

func TestReplaceKeepsReusesAndRemoves(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two"))
	commit(t, w)

	moved := doc("1", "one")
	moved.StartLine, moved.EndLine = 11, 12
	kept, reused, removed := replace(t, w, "a.txt", moved, doc("3", "three"))
	if kept != 1 || reused != 0 || removed != 1 {
		t.Errorf("kept %d, reused %d, removed %d", kept, reused, removed)
	}
	commit(t, w)
	// The same text under another id and source takes the vector over.
	if _, reused, _ = replace(t, w, "b.txt", doc("4", "three")); reused != 1 {
		t.Errorf("reused %d vectors of an equal text", reused)
	}
	commit(t, w)
	// An id that stays with another text is replaced within its source.
	if kept, _, removed = replace(t, w, "a.txt", doc("1", "uno"), doc("3", "three")); kept != 1 || removed != 1 {
		t.Errorf("kept %d, removed %d", kept, removed)
	}
	commit(t, w)

	var got []string
	for _, d := range list(t, open(t, dir), engine.ListOptions{}) {
		got = append(got, fmt.Sprintf("%s %s %s:%d", d.ID, d.Text, d.Source, d.StartLine))
	}
	want := []string{"3 three a.txt:1", "4 three b.txt:1", "1 uno a.txt:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var sources []engine.SourceInfo
	for info, err := range w.Sources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, info)
	}
	if diff := cmp.Diff([]engine.SourceInfo{{Name: "a.txt", Key: "a.txt", Documents: 2}, {Name: "b.txt", Key: "b.txt", Documents: 1}}, sources); diff != "" {
		t.Error(diff)
	}
}

func TestVectorsThatCameWithDocumentsAreCompared(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	src := engine.Source{Key: "r", Name: "r"}
	r, err := w.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	given := doc("1", "one")
	given.Vector = []float32{9, 9, 9}
	if err := add(t, w, r, src, given, given.Vector, engine.Given); err != nil {
		t.Fatal(err)
	}
	r.Done(src)
	commit(t, w)
	src, _, _ = w.SourceByKey(t.Context(), "r")
	for _, c := range []struct {
		vector []float32
		kept   bool
	}{{[]float32{9, 9, 9}, true}, {[]float32{9, 9, 8}, false}, {nil, false}} {
		d := doc("1", "one")
		d.Vector = c.vector
		m, err := w.Match(t.Context(), src, []engine.Document{d})
		if err != nil || m[0].Kept != c.kept || m[0].Vector != nil {
			t.Errorf("vector %v: %+v, %v", c.vector, m, err)
		}
	}
}

func TestIDsThatCannotBe(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	src := engine.Source{Key: "b.txt", Name: "b.txt"}
	r, err := w.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	var foreign *engine.ForeignIDError
	d := doc("1", "other")
	if err := add(t, w, r, src, d, vector("other"), engine.Embedded); !errors.As(err, &foreign) || foreign.Source != "a.txt" {
		t.Errorf("adding another source's id: %v", err)
	}
	if err := add(t, w, r, src, doc("2", "two"), vector("two"), engine.Embedded); err != nil {
		t.Fatal(err)
	}
	if err := add(t, w, r, src, doc("2", "deux"), vector("deux"), engine.Embedded); !errors.Is(err, engine.ErrDuplicateID) {
		t.Errorf("adding an id twice: %v", err)
	}
	var mismatch *engine.MismatchError
	if err := add(t, w, r, src, doc("3", "three"), []float32{1, 2}, engine.Given); !errors.As(err, &mismatch) {
		t.Errorf("adding a short vector: %v", err)
	}
	r.Done(src)

	// An id that another source got after it was looked up.
	late := engine.Source{Key: "c.txt", Name: "c.txt"}
	matches, err := w.Match(t.Context(), late, []engine.Document{doc("2", "zwei")})
	if err != nil || matches[0].Err != nil {
		t.Fatal(matches, err)
	}
	for _, committed := range []bool{false, true} {
		if committed {
			commit(t, w)
		}
		r, err := w.Replace(t.Context(), late)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add(t.Context(), doc("2", "zwei"), vector("zwei"), engine.Embedded); !errors.As(err, &foreign) || foreign.Source != "b.txt" {
			t.Errorf("adding an id that was staged meanwhile (committed %t): %v", committed, err)
		}
		r.Abandon()
	}
	if got := list(t, w.Store, engine.ListOptions{}); len(got) != 2 {
		t.Errorf("%d documents after the refused ones", len(got))
	}
}

func TestAbandonLeavesTheSource(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two"))
	commit(t, w)
	src, _, _ := w.SourceByKey(t.Context(), "a.txt")
	r, err := w.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	if err := add(t, w, r, src, doc("1", "changed"), vector("changed"), engine.Embedded); err != nil {
		t.Fatal(err)
	}
	r.Abandon()
	replace(t, w, "b.txt", doc("3", "three"))
	commit(t, w)
	var got []string
	for _, d := range list(t, open(t, dir), engine.ListOptions{}) {
		got = append(got, d.ID+" "+d.Text)
	}
	if diff := cmp.Diff([]string{"1 one", "2 two", "3 three"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		facts     engine.Facts
		score     float32
		relevance float64
	}{
		{"l2", engine.Facts{Dim: 2, Metric: engine.L2}, 0, 1},
		{"ip", engine.Facts{Dim: 2, Metric: engine.InnerProduct}, 25, 1 / (1 + math.Exp(-25))},
		{"cosine", engine.Facts{Dim: 2, Metric: engine.Cosine}, 1, 1},
		{"l2 normalized", engine.Facts{Dim: 2, Metric: engine.L2, Normalize: true}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, dir := create(t, c.facts)
			src := engine.Source{Key: "a", Name: "a"}
			r, err := w.Replace(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range [][]float32{{3, 4}, {-4, 3}, {-3, -4}} {
				if err := add(t, w, r, src, doc(fmt.Sprint(i), fmt.Sprint("text ", i)), v, engine.Given); err != nil {
					t.Fatal(err)
				}
			}
			r.Done(src)
			commit(t, w)
			hits, err := open(t, dir).Search(t.Context(), [][]float32{{3, 4}}, engine.SearchOptions{K: 9, WithVectors: true})
			if err != nil || len(hits) != 1 || len(hits[0]) != 3 {
				t.Fatalf("%v, %v", hits, err)
			}
			best := hits[0][0]
			if best.ID != "0" || best.Rank != 1 || math.Abs(float64(best.Score-c.score)) > 1e-6 || math.Abs(best.Relevance-c.relevance) > 1e-6 {
				t.Errorf("best hit %+v", best)
			}
			if worst := hits[0][2]; worst.ID != "2" || worst.Relevance < 0 || worst.Relevance >= best.Relevance {
				t.Errorf("worst hit %+v", worst)
			}
		})
	}
}

func TestSearchPassesOverTheDead(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two"), doc("3", "three"))
	commit(t, w)
	s := open(t, dir)
	replace(t, w, "a.txt", doc("1", "one"), doc("3", "three"))
	commit(t, w)
	hits, err := s.Search(t.Context(), [][]float32{vector("two")}, engine.SearchOptions{K: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits[0] {
		if h.ID == "2" || h.Text == "two" {
			t.Errorf("a removed document is found: %+v", h)
		}
	}
	if len(hits[0]) != 2 {
		t.Errorf("%d hits of 2 documents", len(hits[0]))
	}
}

func TestWrongQueries(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	var mismatch *engine.MismatchError
	if _, err := w.Search(t.Context(), [][]float32{{1, 2}}, engine.SearchOptions{K: 1}); !errors.As(err, &mismatch) || mismatch.Fact != "dim" {
		t.Errorf("wrong dim: %v", err)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := w.Search(t.Context(), [][]float32{{1, 2, float32(v)}}, engine.SearchOptions{K: 1}); err == nil {
			t.Errorf("a query with %v is answered", v)
		}
	}
	if _, err := w.Search(t.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{}); err == nil {
		t.Error("k = 0 is answered")
	}
	if hits, err := w.Search(t.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{K: 4}); err != nil || len(hits) != 1 || len(hits[0]) != 0 {
		t.Errorf("an empty store answers %v, %v", hits, err)
	}
	// One row of two dims is no two queries.
	for name, search := range map[string]func() ([][]engine.Hit, error){
		"search": func() ([][]engine.Hit, error) {
			return w.Search(t.Context(), [][]float32{{1, 2, 3, 4, 5, 6}}, engine.SearchOptions{K: 1})
		},
		"mmr": func() ([][]engine.Hit, error) {
			return engine.MMR(t.Context(), w, [][]float32{{1, 2, 3, 4, 5, 6}}, engine.MMROptions{SearchOptions: engine.SearchOptions{K: 1}})
		},
	} {
		if hits, err := search(); !errors.As(err, &mismatch) {
			t.Errorf("%s: one query of twice the dim is answered: %v, %v", name, hits, err)
		}
	}
	if hits, err := w.Search(t.Context(), nil, engine.SearchOptions{K: 4}); err != nil || len(hits) != 0 {
		t.Errorf("no query is answered with %v, %v", hits, err)
	}
}

// The generation grows with each commit that takes a document away or changes one,
// and with no other.
func TestGenerationGrows(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"), doc("2", "two"))
	commit(t, w)
	before, err := w.Info(t.Context())
	must(t, err)
	other := doc("1", "one")
	other.StartLine = 7
	for _, step := range []struct {
		what  string
		do    func()
		grows int64
	}{
		{"another source", func() { replace(t, w, "b", doc("3", "three")) }, 0},
		{"another place", func() { replace(t, w, "a", other, doc("2", "two")) }, 1},
		{"a document less", func() { replace(t, w, "a", other) }, 1},
		{"a deletion", func() { deleteIDs(t, w, "3") }, 1},
	} {
		step.do()
		commit(t, w)
		after, err := w.Info(t.Context())
		must(t, err)
		if after.Generation != before.Generation+step.grows {
			t.Errorf("%s: generation %d after %d", step.what, after.Generation, before.Generation)
		}
		before = after
	}
}

// A store is normalized as long as every vector that it got has length 1.
func TestNormalizedIsOfAllVectors(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	for i, step := range []struct {
		vector []float32
		want   bool
	}{{[]float32{1, 0, 0}, true}, {[]float32{0, 1, 0}, true}, {[]float32{2, 0, 0}, false}, {[]float32{0, 0, 1}, false}} {
		id := fmt.Sprint(i)
		_, err := importInto(t.Context(), w, transfers(transfer(id, id, id, step.vector)), engine.OnConflictFail)
		must(t, err)
		if info, err := open(t, dir).Info(t.Context()); err != nil || info.Normalized != step.want {
			t.Errorf("after %v: %v, %v", step.vector, info.Normalized, err)
		}
	}
}

func TestFactsOfAClosedStore(t *testing.T) {
	t.Parallel()
	_, dir := create(t, facts)
	s := open(t, dir)
	must(t, s.Close())
	if got := s.Facts(); got != facts {
		t.Errorf("%+v", got)
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	for _, want := range []engine.Facts{{Embedder: "other"}, {Fingerprint: "2"}, {Dim: 4}, {Metric: engine.Cosine}, {Normalize: true}} {
		var mismatch *engine.MismatchError
		if err := facts.Check(want); !errors.As(err, &mismatch) {
			t.Errorf("%+v agrees with %+v", want, facts)
		}
	}
	if err := facts.Check(engine.Facts{Embedder: "test", Dim: 3}); err != nil {
		t.Error(err)
	}
	w, dir := create(t, engine.Facts{Dim: 3, Metric: engine.L2})
	if err := w.Bind(t.Context(), "builtin", "x"); err != nil {
		t.Fatal(err)
	}
	if err := w.Bind(t.Context(), "openai:m", ""); err == nil {
		t.Error("a store is bound twice")
	}
	if got := open(t, dir).Facts(); got.Embedder != "builtin" || got.Fingerprint != "x" {
		t.Errorf("bound to %+v", got)
	}
}

// A signal ends the wait for a database that another program has locked, however
// long the wait may be otherwise.
func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	reader := open(t, dir)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := sqlite.Open(filepath.Join(dir, "sheaf.db"), sqlite.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := store.Open(ctx, dir, engine.Options{LockTimeout: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reader: %v", err)
	}
	if _, err := store.OpenWriter(ctx, dir, engine.Options{LockTimeout: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a writer: %v", err)
	}
	var locked *engine.LockedError
	if _, err := store.Open(t.Context(), dir, engine.Options{LockTimeout: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("without patience: %v", err)
	}
	if err := other.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Info(t.Context()); err != nil {
		t.Errorf("after it all: %v", err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	var locked *engine.LockedError
	if _, err := store.OpenWriter(t.Context(), dir, engine.Options{}); !errors.As(err, &locked) || locked.Holder == "" {
		t.Errorf("a second writer: %v", err)
	}
	open(t, dir)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	again, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// onDone calls f when somebody begins to wait for the context.
type onDone struct {
	context.Context
	f func()
}

func (c onDone) Done() <-chan struct{} {
	c.f()
	return c.Context.Done()
}

func TestAWriterWaitsForAnother(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	next, err := store.OpenWriter(onDone{t.Context(), func() { w.Close() }}, dir, engine.Options{LockTimeout: time.Hour})
	must(t, err)
	must(t, next.Close())
}

func TestPlacesThatAreNoStore(t *testing.T) {
	t.Parallel()
	var format *engine.FormatError
	var occupied *store.OccupiedError
	empty := t.TempDir()
	if _, err := store.Open(t.Context(), empty, engine.Options{}); !errors.Is(err, engine.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := store.OpenWriter(t.Context(), filepath.Join(empty, "none"), engine.Options{}); !errors.Is(err, engine.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	text := t.TempDir()
	write(t, filepath.Join(text, "sheaf.db"), "this is a text and certainly no database of any kind")
	if _, err := store.Open(t.Context(), text, engine.Options{}); !errors.As(err, &format) {
		t.Errorf("a text file: %v", err)
	}
	busy := t.TempDir()
	write(t, filepath.Join(busy, "thesis.txt"), "mine")
	if _, err := store.Create(t.Context(), busy, facts, engine.Options{}); !errors.As(err, &occupied) || occupied.File != "thesis.txt" {
		t.Errorf("a folder with other files: %v", err)
	}
	_, dir := create(t, facts)
	if _, err := store.Create(t.Context(), dir, facts, engine.Options{}); err == nil {
		t.Error("a store is created over a store")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestKilledCreationStartsOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sheaf.db"), "")
	write(t, filepath.Join(dir, "index.1.faiss"), "half")
	if _, err := store.Open(t.Context(), dir, engine.Options{}); !errors.Is(err, engine.ErrNotExist) {
		t.Errorf("opening: %v", err)
	}
	w, err := store.Create(t.Context(), dir, facts, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
}

func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"missing":      os.Remove,
		"cut":          func(path string) error { return os.Truncate(path, 50) },
		"headless":     func(path string) error { return os.Truncate(path, 5) },
		"other store":  func(path string) error { return poke(path, 20) },
		"other fourcc": func(path string) error { return poke(path, 0) },
		"other dim":    func(path string) error { return poke(path, 4) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, dir := create(t, facts)
			replace(t, w, "a.txt", doc("1", "one"))
			commit(t, w)
			if err := errors.Join(w.Close(), damage(indexFile(t, dir))); err != nil {
				t.Fatal(err)
			}
			var format *engine.FormatError
			if _, err := open(t, dir).Search(t.Context(), [][]float32{vector("one")}, engine.SearchOptions{K: 1}); !errors.As(err, &format) {
				t.Errorf("search: %v", err)
			}
			if _, err := store.OpenWriter(t.Context(), dir, engine.Options{}); !errors.As(err, &format) {
				t.Errorf("writer: %v", err)
			}
		})
	}
}

// poke changes one byte of a file.
func poke(path string, offset int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := []byte{0}
	_, err = f.ReadAt(b, offset)
	b[0] ^= 0x55
	_, err2 := f.WriteAt(b, offset)
	return errors.Join(err, err2, f.Close())
}

func TestTailAndHeaderOfAKilledWriter(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	w.Close()
	path := indexFile(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := slices.Concat(whole, []byte("floats that nobody committed"))
	torn[8], torn[37] = 0, 0 // ntotal and the count of floats, as before the commit
	write(t, path, string(torn))
	if hits, err := open(t, dir).Search(t.Context(), [][]float32{vector("one")}, engine.SearchOptions{K: 5}); err != nil || len(hits[0]) != 1 {
		t.Errorf("a reader sees %v, %v", hits, err)
	}
	w, err = store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got, err := os.ReadFile(path); err != nil || !slices.Equal(got, whole) {
		t.Errorf("the next writer leaves %d bytes of %d, %v", len(got), len(whole), err)
	}
}

func TestCloseDropsWhatIsStaged(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	var many []engine.Document
	for i := range 2500 {
		many = append(many, doc(fmt.Sprint("n", i), fmt.Sprint("text number ", i)))
	}
	replace(t, w, "big.txt", many...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(indexFile(t, dir))
	if err != nil || info.Size() != 45+4*3 {
		t.Errorf("the index has %d bytes, %v", info.Size(), err)
	}
	w, err = store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	replace(t, w, "big.txt", many...)
	commit(t, w)
	if got := list(t, w.Store, engine.ListOptions{}); len(got) != 2501 || got[2500].ID != "n2499" {
		t.Errorf("%d documents", len(got))
	}
}

func TestAReadOnlyStoreAnswers(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	w.Close()
	for _, name := range []string{"sheaf.db", "index.1.faiss", "lock", "."} {
		if err := os.Chmod(filepath.Join(dir, name), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := os.Chmod(dir, 0o755); err != nil { // or it cannot be removed
			t.Error(err)
		}
	})
	if hits, err := open(t, dir).Search(t.Context(), [][]float32{vector("one")}, engine.SearchOptions{K: 1}); err != nil || len(hits[0]) != 1 {
		t.Errorf("%v, %v", hits, err)
	}
}

// TestReadersSeeWholeStates reads all the while a writer replaces a source: what comes back is of
// one version, and every text is the one that its vector was made for.
func TestReadersSeeWholeStates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		documents, versions int
		read                func(dir string) ([]engine.Document, error)
	}{
		{"search", 20, 40, searchAll},
		{"export", 1001, 6, exportAll}, // two pages
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, dir := create(t, facts)
			write := func(version int) {
				var docs []engine.Document
				for i := range tt.documents {
					docs = append(docs, doc(fmt.Sprint(i), fmt.Sprintf("document %d of version %d", i, version)))
				}
				replace(t, w, "a.txt", docs...)
				commit(t, w)
			}
			write(0)
			ctx, stop := context.WithCancel(t.Context())
			read := make(chan error, 2)
			for range cap(read) {
				go func() {
					var err error
					for n := 0; err == nil && (n == 0 || ctx.Err() == nil); n++ {
						var docs []engine.Document
						if docs, err = tt.read(dir); err == nil {
							err = ofOneVersion(docs, tt.documents)
						}
					}
					read <- err
				}()
			}
			for v := 1; v <= tt.versions; v++ {
				write(v)
			}
			stop()
			for range cap(read) {
				if err := <-read; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func searchAll(dir string) ([]engine.Document, error) {
	s, err := store.Open(context.Background(), dir, engine.Options{LockTimeout: time.Minute})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	hits, err := s.Search(context.Background(), [][]float32{vector("document 7 of version 3")}, engine.SearchOptions{K: 30, WithVectors: true})
	if err != nil {
		return nil, err
	}
	var docs []engine.Document
	for _, h := range hits[0] {
		docs = append(docs, h.Document)
	}
	return docs, nil
}

func exportAll(dir string) (docs []engine.Document, err error) {
	s, err := store.Open(context.Background(), dir, engine.Options{LockTimeout: time.Minute})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		return nil, err
	}
	for t, err := range snap.Transfers {
		if err != nil {
			return nil, err
		}
		docs = append(docs, t.Document)
	}
	if snap.Documents != int64(len(docs)) {
		return nil, fmt.Errorf("%d documents of %d are exported", len(docs), snap.Documents)
	}
	return docs, nil
}

// ofOneVersion checks that docs are all the documents of a version, each with its vector.
func ofOneVersion(docs []engine.Document, documents int) error {
	if len(docs) != documents {
		return fmt.Errorf("%d documents of %d in one state", len(docs), documents)
	}
	_, version, _ := strings.Cut(docs[0].Text, " of ")
	for _, d := range docs {
		if !strings.HasSuffix(d.Text, " of "+version) {
			return fmt.Errorf("%q in one answer with %s", d.Text, version)
		}
		if !slices.Equal(d.Vector, vector(d.Text)) {
			return fmt.Errorf("text %q has another one's vector", d.Text)
		}
	}
	return nil
}

// TestHome follows a link to the store, and none of those before it.
func TestHome(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "real", ".sheaf"), 0o777))
	must(t, os.Symlink("real", filepath.Join(root, "project")))
	must(t, os.Symlink(filepath.Join("real", ".sheaf"), filepath.Join(root, "store")))
	resolved, err := filepath.EvalSymlinks(filepath.Join(root, "real"))
	must(t, err)
	for dir, want := range map[string]string{
		"project/.sheaf": filepath.Join(root, "project"), "project/.sheaf/": filepath.Join(root, "project"), "real/.sheaf/.": filepath.Join(root, "real"),
		"store": resolved, "store/": resolved, "project/new": filepath.Join(root, "project"),
	} {
		if got, err := store.Home(root + "/" + dir); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", dir, got, err, want)
		}
	}
}

// TestSourceRoundTrip keeps what an ingest knows of a file, and what waits for a commit.
func TestSourceRoundTrip(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	want := engine.Source{Key: "a", Name: "a", Size: 7, ModTime: time.Unix(1234, 5678), Hash: []byte("h"), Settings: "{}"}
	r, err := w.Replace(t.Context(), want)
	must(t, err)
	for i := range 3 {
		must(t, r.Add(t.Context(), doc(fmt.Sprint(i), "text"), vector("text"), engine.Embedded))
	}
	r.Done(want)
	if got := w.Pending(); got != 3 {
		t.Errorf("%d documents are pending", got)
	}
	commit(t, w)
	moved := doc("1", "text")
	moved.StartLine = 9
	replace(t, w, "a", doc("0", "text"), moved, doc("new", "text"))
	if got := w.Pending(); got != 2 {
		t.Errorf("one new and one moved: %d are pending", got)
	}
	must(t, w.Close())
	s := open(t, dir)
	got, found, err := s.SourceByName(t.Context(), "a")
	want.Number, want.Documents = got.Number, 3
	if diff := cmp.Diff(want, got); err != nil || !found || diff != "" {
		t.Errorf("%v %v %s", found, err, diff)
	}
	if info, err := s.Info(t.Context()); err != nil || info.Bytes < 4096 {
		t.Errorf("%d bytes, %v", info.Bytes, err)
	}
	for range s.AllSources(t.Context()) {
		break // a reader may have enough
	}
}
