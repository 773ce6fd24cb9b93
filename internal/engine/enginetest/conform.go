// Package enginetest holds engines to what callers expect of a store, and has a
// small one that keeps stores in memory.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
)

// Reader is what is tested of a store that is open for reading: all that verbs
// and ingest ask for.
type Reader interface {
	engine.Searcher
	Facts() engine.Facts
	Info(ctx context.Context) (engine.Info, error)
	Settings() string
	Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error)
	Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error]
	Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error]
	SelectIDs(ctx context.Context, ids []string) (set engine.Set, missing []string, err error)
	Select(ctx context.Context, what engine.Selection) (engine.Set, error)
	IDs(ctx context.Context, set engine.Set) iter.Seq2[string, error]
	Snapshot(ctx context.Context) (engine.Snapshot, error)
	SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error)
	SourceByName(ctx context.Context, name string) (engine.Source, bool, error)
	AllSources(ctx context.Context) iter.Seq2[engine.Source, error]
	Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error)
	Close() error
}

// Writer is what is tested of a store that is open for writing.
type Writer interface {
	Reader
	Replace(ctx context.Context, src engine.Source) (engine.Replacement, error)
	Touch(src engine.Source)
	Forget(ctx context.Context, src engine.Source) error
	VectorOf(ctx context.Context, text string) ([]float32, error)
	SetSettings(ctx context.Context, settings string) error
	Pending() int64
	Commit(ctx context.Context) error
	Delete(ctx context.Context, set engine.Set) error
	Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (engine.Merged, error)
	Bind(ctx context.Context, embedder, fingerprint string) error
	Discard() error
}

// Engine makes and opens stores by name.
type Engine struct {
	Create     func(ctx context.Context, name string, f engine.Facts) (Writer, error)
	Open       func(ctx context.Context, name string) (Reader, error)
	OpenWriter func(ctx context.Context, name string) (Writer, error)
	Name       func(t *testing.T) string // of a store that is not there
}

// Conform tests that the stores of an engine do what callers expect.
func Conform(t *testing.T, e Engine) {
	t.Helper()
	for name, test := range map[string]func(*suite){
		"open and create":       (*suite).open,
		"what is not committed": (*suite).staged,
		"documents":             (*suite).documents,
		"matches":               (*suite).matches,
		"replacement":           (*suite).replacement,
		"refused documents":     (*suite).refused,
		"commit within":         (*suite).commitWithin,
		"sources":               (*suite).sources,
		"search":                (*suite).search,
		"search by text":        (*suite).searchByText,
		"selections":            (*suite).selections,
		"merge":                 (*suite).merge,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newSuite(t, e))
		})
	}
}

// suite is one test with the name of its store.
type suite struct {
	*testing.T
	engine Engine
	name   string
	facts  engine.Facts
}

func newSuite(t *testing.T, e Engine) *suite {
	f := engine.Facts{Embedder: "made-up:1", Fingerprint: "1", Dim: 3, Metric: engine.L2}
	return &suite{t, e, e.Name(t), f}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// same compares what is expected with what is there.
func same[T any](s *suite, what string, want, got T) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s: %s", what, diff)
	}
}

// is checks an error by its type.
func is[E error](s *suite, what string, err error) {
	s.Helper()
	var want E
	if !errors.As(err, &want) {
		s.Errorf("%s: %v, want a %T", what, err, want)
	}
}

// create makes the suite's store.
func (s *suite) create(f engine.Facts) Writer {
	s.Helper()
	w, err := s.engine.Create(s.Context(), s.name, f)
	s.must(err)
	s.Cleanup(func() { w.Close() })
	return w
}

// reopen closes a writer of the suite's store, and opens another.
func (s *suite) reopen(w Writer) Writer {
	s.Helper()
	s.must(w.Close())
	w, err := s.engine.OpenWriter(s.Context(), s.name)
	s.must(err)
	s.Cleanup(func() { w.Close() })
	return w
}

// reader opens the suite's store.
func (s *suite) reader() Reader {
	s.Helper()
	r, err := s.engine.Open(s.Context(), s.name)
	s.must(err)
	s.Cleanup(func() { r.Close() })
	return r
}

// doc makes a document; its text's number tells where it is and what is its
// metadata.
func doc(id string, n int) engine.Document {
	return engine.Document{
		ID: id, Text: fmt.Sprint("text ", n), Metadata: metadata.Raw(fmt.Appendf(nil, `{"n":%d,"even":%t}`, n, n%2 == 0)),
		StartIndex: 10 * n, StartLine: n + 1, EndLine: n + 1,
	}
}

// vectorOf is the vector that the embedder of the tests makes of a text.
func vectorOf(text string) []float32 {
	v := []float32{1, 0, float32(len(text))}
	for i, b := range []byte(text) {
		v[i%3] += float32(b) / 64
	}
	return v
}

// replace gives a source documents as an ingest would, and ends the replacement.
func (s *suite) replace(w Writer, name string, docs ...engine.Document) (kept int) {
	s.Helper()
	r, src := s.begin(w, name)
	kept = s.fill(w, r, src, docs...)
	src.Hash, src.Settings = []byte("hash of "+name), "settings"
	r.Done(src)
	return kept
}

func (s *suite) begin(w Writer, name string) (engine.Replacement, engine.Source) {
	s.Helper()
	known, err := w.SourcesByKey(s.Context(), []string{"/" + name})
	s.must(err)
	src := known["/"+name]
	src.Key, src.Name = "/"+name, name
	r, err := w.Replace(s.Context(), src)
	s.must(err)
	return r, src
}

func (s *suite) fill(w Writer, r engine.Replacement, src engine.Source, docs ...engine.Document) (kept int) {
	s.Helper()
	matches, err := w.Match(s.Context(), src, docs)
	s.must(err)
	for i, d := range docs {
		m := matches[i]
		switch {
		case m.Err != nil:
			s.Fatal(m.Err)
		case m.Kept:
			kept++
			s.must(r.Keep(m, d))
		case d.Vector != nil:
			s.must(r.Add(s.Context(), d, d.Vector, engine.Given))
		case m.Vector != nil:
			s.must(r.Add(s.Context(), d, m.Vector, engine.Embedded))
		default:
			s.must(r.Add(s.Context(), d, vectorOf(d.Text), engine.Embedded))
		}
	}
	return kept
}

func (s *suite) commit(w Writer) {
	s.Helper()
	s.must(w.Commit(s.Context()))
}

// ids lists the ids of a store in their order.
func (s *suite) ids(r Reader) []string {
	s.Helper()
	ids := []string{}
	for d, err := range r.Documents(s.Context(), engine.ListOptions{}) {
		s.must(err)
		ids = append(ids, d.ID)
	}
	return ids
}

// counts lists the sources of a store in their order, with their numbers of
// documents.
func (s *suite) counts(r Reader, f *filter.Filter) []string {
	s.Helper()
	all := []string{}
	for src, err := range r.Sources(s.Context(), f) {
		s.must(err)
		all = append(all, fmt.Sprint(src.Name, " ", src.Documents))
	}
	return all
}

func (s *suite) filter(exprs ...string) *filter.Filter {
	s.Helper()
	f, err := filter.Parse(exprs...)
	s.must(err)
	return f
}

func collect(ids iter.Seq2[string, error]) (all []string, err error) {
	for id, failed := range ids {
		if failed != nil {
			return all, failed
		}
		all = append(all, id)
	}
	return all, nil
}

func idsOfHits(hits []engine.Hit) (ids []string) {
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return slices.Clip(ids)
}
