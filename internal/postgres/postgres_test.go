package postgres_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
	"sheaf/internal/filter"
	"sheaf/internal/filter/filtertest"
	"sheaf/internal/metadata"
	"sheaf/internal/postgres"
	"sheaf/internal/postgres/pgtest"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	os.Exit(pgtest.Tests{M: m, Use: func(s *pgtest.Server) { server = s }}.Run())
}

func TestPostgresConform(t *testing.T) {
	t.Parallel()
	server.Need(t)
	enginetest.Conform(t, enginetest.Engine{
		Create: func(ctx context.Context, name string, f engine.Facts) (enginetest.Writer, error) {
			return postgres.Create(ctx, name, f, engine.Options{})
		},
		Open: func(ctx context.Context, name string) (enginetest.Reader, error) {
			return postgres.Open(ctx, name, engine.Options{})
		},
		OpenWriter: func(ctx context.Context, name string) (enginetest.Writer, error) {
			return postgres.OpenWriter(ctx, name, engine.Options{})
		},
		Name:    server.Table,
		NoWords: true,
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
	rapid.Check(t, func(rt *rapid.T) {
		expr := rapid.Custom(filtertest.Expr).Draw(rt, "filter")
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
	})
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
