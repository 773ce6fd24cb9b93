package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
	"sheaf/internal/filter"
	"sheaf/internal/filter/filtertest"
	"sheaf/internal/metadata"
	"sheaf/internal/postgres"
	"sheaf/internal/postgres/pgtest"
	"sheaf/internal/words"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	os.Exit(pgtest.Tests{M: m, Use: func(s *pgtest.Server) { server = s }}.Run())
}

func TestPostgresConform(t *testing.T) {
	t.Parallel()
	server.Need(t)
	conform(t, func(ctx context.Context, name string, f engine.Facts) (enginetest.Writer, error) {
		return postgres.Create(ctx, name, f, engine.Options{})
	})
}

func conform(t *testing.T, create func(ctx context.Context, name string, f engine.Facts) (enginetest.Writer, error)) {
	t.Helper()
	enginetest.Conform(t, enginetest.Engine{
		Create: create,
		Open: func(ctx context.Context, name string) (enginetest.Reader, error) {
			return postgres.Open(ctx, name, engine.Options{})
		},
		OpenWriter: func(ctx context.Context, name string) (enginetest.Writer, error) {
			return postgres.OpenWriter(ctx, name, engine.Options{})
		},
		Name: server.Table,
	})
}

// create makes a store.
func create(t *testing.T, f engine.Facts) (*postgres.Writer, string) {
	t.Helper()
	url := server.Table(t)
	w, err := postgres.Create(t.Context(), url, f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, url
}

// fill gives sources their documents, all of which have vectors, and commits.
func fill(t *testing.T, w *postgres.Writer, docs ...engine.Document) {
	t.Helper()
	bySource := map[string][]engine.Document{}
	for _, d := range docs {
		bySource[d.Source] = append(bySource[d.Source], d)
	}
	for name, docs := range bySource {
		src := engine.Source{Key: "/" + name, Name: name}
		if known, err := w.SourcesByKey(t.Context(), []string{src.Key}); err != nil {
			t.Fatal(err)
		} else if before, there := known[src.Key]; there {
			src = before
		}
		r, err := w.Replace(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Match(t.Context(), src, docs); err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if err := r.Add(t.Context(), d, d.Vector, engine.Given); err != nil {
				t.Fatal(err)
			}
		}
		r.Done(src)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPostgresGolden(t *testing.T) {
	t.Parallel()
	server.Need(t)
	enginetest.Golden(t, func(t *testing.T, f engine.Facts, docs []engine.Document) engine.Searcher {
		t.Helper()
		w, _ := create(t, f)
		for i := range docs {
			docs[i].Source = "golden"
		}
		fill(t, w, docs...)
		return w
	})
}

// TestPostgresFilters holds what SQL lets through against the filter itself.
func TestPostgresFilters(t *testing.T) {
	t.Parallel()
	server.Need(t)
	w, _ := create(t, engine.Facts{Dim: 1, Metric: engine.L2})
	var docs []engine.Document
	for i := range 300 {
		docs = append(docs, engine.Document{
			ID: fmt.Sprint(i), Source: filtertest.Sources[i%len(filtertest.Sources)], Vector: []float32{float32(i)},
			Metadata: metadata.Raw([]byte(rapid.Custom(filtertest.Metadata).Example(i))),
		})
	}
	fill(t, w, docs...)
	check := func(rt rapid.TB, expr string) {
		f, err := filter.Parse(expr)
		if err != nil {
			rt.Fatal(err)
		}
		var want, got []string
		for _, d := range docs {
			ok, err := f.Of(d.Source).Match(d.Metadata.JSON())
			if err != nil {
				rt.Fatal(err)
			}
			if ok {
				want = append(want, d.ID)
			}
		}
		for d, err := range w.Documents(t.Context(), engine.ListOptions{Filter: f}) {
			if err != nil {
				rt.Fatal(err)
			}
			got = append(got, d.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			rt.Fatalf("%s matches %q, want %q", expr, got, want)
		}
		hits, err := w.Search(t.Context(), [][]float32{{0}}, engine.SearchOptions{K: 5, Filter: f})
		if err != nil || len(hits[0]) != min(5, len(want)) {
			rt.Fatalf("%s: %d hits of %d documents: %v", expr, len(hits[0]), len(want), err)
		}
	}
	for _, operator := range []string{"=", "!=", "<", "<=", ">", ">="} {
		check(t, `source`+operator+`"\u0000"`) // which SQL has no text for
	}
	check(t, "b~docs/**")
	rapid.Check(t, func(rt *rapid.T) { check(rt, rapid.Custom(filtertest.Expr).Draw(rt, "filter")) })
}

// Names of tables in braces, quotes and backslashes in filters are text.
func TestPostgresFilterLiterals(t *testing.T) {
	t.Parallel()
	server.Need(t)
	w, _ := create(t, engine.Facts{Dim: 1, Metric: engine.L2})
	values := []string{"{documents}", "it's", `a\'; DROP TABLE x; --`, "$1", "{", "chr(123)"}
	var docs []engine.Document
	for i, v := range values {
		object := []byte(`{"v":` + string(metadata.Quote(v)) + `}`)
		docs = append(docs, engine.Document{ID: fmt.Sprint(i), Source: v, Vector: []float32{0}, Metadata: metadata.Raw(object)})
	}
	fill(t, w, docs...)
	for i, v := range values {
		for _, key := range []string{"v", "source"} {
			f, err := filter.Parse(`{"` + key + `": ` + string(metadata.Quote(v)) + `}`)
			if err != nil {
				t.Fatal(err)
			}
			set, err := w.Select(t.Context(), engine.Selection{Filter: f})
			if err != nil || set.Len() != 1 {
				t.Errorf("%s %q: %v, %v", key, v, set, err)
				continue
			}
			for id, err := range w.IDs(t.Context(), set) {
				if id != fmt.Sprint(i) || err != nil {
					t.Errorf("%s %q is of %q: %v", key, v, id, err)
				}
			}
		}
	}
}

// TestPostgresCounts: a merge in which documents repeat leaves the counts of sources true.
func TestPostgresCounts(t *testing.T) {
	t.Parallel()
	server.Need(t)
	for _, policy := range []engine.OnConflict{engine.OnConflictSkip, engine.OnConflictReplace, engine.OnConflictNewID} {
		w, url := create(t, engine.Facts{Dim: 1, Metric: engine.L2})
		doc := func(source, id, text string) engine.Transfer {
			d := engine.Document{ID: id, Text: text, Metadata: metadata.Raw([]byte("{}")), Vector: []float32{1}}
			return engine.Transfer{Document: d, From: engine.Source{Key: "/" + source, Name: source}}
		}
		merge := func(docs ...engine.Transfer) {
			t.Helper()
			all := func(yield func(engine.Transfer, error) bool) {
				for _, d := range docs {
					if !yield(d, nil) {
						return
					}
				}
			}
			if _, err := w.Merge(t.Context(), []engine.Snapshot{{Transfers: all}}, policy); err != nil {
				t.Fatal(err)
			}
		}
		merge(doc("a", "1", "x"), doc("a", "1", "x"), doc("a", "2", "y"), doc("b", "3", "z"))
		merge(doc("a", "1", "x"), doc("a", "3", "stolen"), doc("a", "4", "w"), doc("a", "4", "w"), doc("c", "5", "v"))
		merge(doc("c", "1", "again"))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		problems, err := postgres.Check(t.Context(), url, engine.Options{}, false)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %+v, %v", policy, problems, err)
		}
	}
}

// TestPostgresCheck: what does not fit is told of, and counts are mended.
func TestPostgresCheck(t *testing.T) {
	t.Parallel()
	server.Need(t)
	w, url := create(t, engine.Facts{Dim: 2, Metric: engine.L2})
	fill(t, w,
		engine.Document{ID: "1", Text: "x", Source: "a", Metadata: metadata.Raw([]byte("{}")), Vector: []float32{3, 4}},
		engine.Document{ID: "2", Text: "y", Source: "b", Metadata: metadata.Raw([]byte("{}")), Vector: []float32{0, 1}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(url, "table=")
	server.Run(t, strings.ReplaceAll(`UPDATE {t}_sources SET documents = 7 WHERE name = 'a'; UPDATE {t}_facts SET longest = 1, documents = 9, unit = true; UPDATE {t} SET text = 'z' WHERE id = '2'`, "{t}", table))
	check := func(repair bool) (left []string) {
		t.Helper()
		problems, err := postgres.Check(t.Context(), url, engine.Options{}, repair)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if !p.Repaired {
				left = append(left, p.Kind)
			}
		}
		return left
	}
	if got := check(false); !slices.Equal(got, []string{"source", "source", "document", "words", "vectors"}) {
		t.Errorf("found %q", got)
	}
	check(true)
	if got := check(false); !slices.Equal(got, []string{"document"}) {
		t.Errorf("after a repair: %q", got)
	}
}

// TestPostgresReindex: words that were made by other rules are not asked, until a writer has
// made them anew.
func TestPostgresReindex(t *testing.T) {
	t.Parallel()
	server.Need(t)
	w, url := create(t, engine.Facts{Dim: 1, Metric: engine.L2})
	fill(t, w,
		engine.Document{ID: "1", Text: "the tide", Source: "a", Metadata: metadata.Raw([]byte("{}")), Vector: []float32{1}},
		engine.Document{ID: "2", Text: "an ebb", Source: "b", Metadata: metadata.Raw([]byte("{}")), Vector: []float32{2}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(url, "table=")
	server.Run(t, strings.ReplaceAll(`UPDATE {t}_facts SET words = 99, tokens = 7; UPDATE {t} SET words = 'x', length = 9`, "{t}", table))
	ask := func(s engine.Searcher, mode engine.Mode, condition *words.Condition) (ids []string, err error) {
		o := engine.SearchOptions{K: 1, Mode: mode, Texts: []string{"tides"}, Conditions: []*words.Condition{condition}}
		hits, err := s.Search(t.Context(), [][]float32{{2}}, o)
		for _, h := range slices.Concat(hits...) {
			ids = append(ids, h.ID)
		}
		return ids, err
	}
	s, err := postgres.Open(t.Context(), url, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if ids, err := ask(s, engine.ByWords, nil); !errors.Is(err, engine.ErrNotIndexed) {
		t.Errorf("by words: %q, %v", ids, err)
	}
	if ids, err := ask(s, engine.Hybrid, &words.Condition{Lacks: []uint64{1}}); !errors.Is(err, engine.ErrNotIndexed) {
		t.Errorf("with a condition: %q, %v", ids, err)
	}
	if ids, err := ask(s, engine.Hybrid, nil); err != nil || !slices.Equal(ids, []string{"2"}) {
		t.Errorf("hybrid: %q, %v", ids, err)
	}
	if w, err = postgres.OpenWriter(t.Context(), url, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if ids, err := ask(w, engine.ByWords, nil); err != nil || !slices.Equal(ids, []string{"1"}) {
		t.Errorf("by words made anew: %q, %v", ids, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if problems, err := postgres.Check(t.Context(), url, engine.Options{}, false); err != nil || len(problems) > 0 {
		t.Errorf("check: %+v, %v", problems, err)
	}
}

// TestPostgresTooManyWords: a document with more words than a tsvector holds fails alone, and none
// does where words are not kept.
func TestPostgresTooManyWords(t *testing.T) {
	t.Parallel()
	server.Need(t)
	var text strings.Builder
	for i := range 75_000 {
		fmt.Fprintf(&text, "%c%d ", 'a'+i%26, i)
	}
	for _, noWords := range []bool{false, true} {
		w, _ := create(t, engine.Facts{Dim: 1, Metric: engine.L2, NoWords: noWords})
		docs := []engine.Document{
			{ID: "1", Text: text.String(), Metadata: metadata.Raw([]byte("{}")), Vector: []float32{1}},
			{ID: "2", Text: strings.Repeat("one of few words ", 20_000), Metadata: metadata.Raw([]byte("{}")), Vector: []float32{1}, Source: "b"},
		}
		matches, err := w.Match(t.Context(), engine.Source{}, docs)
		if err != nil || (matches[0].Err != nil) == noWords || matches[1].Err != nil {
			t.Errorf("without words %t: %+v, %v", noWords, matches, err)
		}
		if fill(t, w, docs[1]); noWords {
			docs[0].Source = "a"
			fill(t, w, docs[0])
		}
	}
}
