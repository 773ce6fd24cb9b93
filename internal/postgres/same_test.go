package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
)

// TestPostgresSameAsFolder: a table answers as a folder does, bit by bit. Many vectors differ in
// their last bits only, so that sums in another order rank them otherwise, and many are
// equal.
func TestPostgresSameAsFolder(t *testing.T) {
	t.Parallel()
	server.Need(t)
	for _, f := range []engine.Facts{
		{Dim: 37, Metric: engine.L2}, {Dim: 384, Metric: engine.L2, Normalize: true},
		{Dim: 37, Metric: engine.InnerProduct}, {Dim: 384, Metric: engine.Cosine}, {Dim: 2000, Metric: engine.L2},
	} {
		t.Run(fmt.Sprint(f.Metric, f.Dim), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(f.Dim)))
			docs := alike(random, f.Dim)
			table, _ := create(t, f)
			folder, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "store"), f, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			from := []engine.Snapshot{{Transfers: func(yield func(engine.Transfer, error) bool) {
				for _, d := range docs {
					if !yield(engine.Transfer{Document: d, From: engine.Source{Key: "/" + d.Source, Name: d.Source}}, nil) {
						return
					}
				}
			}}}
			for _, w := range []interface {
				Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (engine.Merged, error)
			}{table, folder} {
				if _, err := w.Merge(t.Context(), from, engine.OnConflictFail); err != nil {
					t.Fatal(err)
				}
			}
			queries := [][]float32{docs[0].Vector, docs[150].Vector, docs[len(docs)-1].Vector, make([]float32, f.Dim)}
			for range 2 {
				queries = append(queries, numbers(random, f.Dim))
			}
			for name, o := range asked(t) {
				want, err := folder.Search(t.Context(), queries, o)
				if err != nil {
					t.Fatal(err)
				}
				got, err := table.Search(t.Context(), queries, o)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
}

// asked are searches by name.
func asked(t *testing.T) map[string]engine.SearchOptions {
	t.Helper()
	parse := func(expr string) *filter.Filter {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	threshold := float32(0.5)
	return map[string]engine.SearchOptions{
		"one":              {K: 1, WithVectors: true},
		"some":             {K: 20},
		"many":             {K: 250},
		"more than all":    {K: 5000},
		"odd":              {K: 30, Filter: parse("n=~[13579]$")},
		"few":              {K: 30, Filter: parse("n<7")},
		"one in ten":       {K: 30, Filter: parse(`{"n": {"$in": [100, 110, 120, 130, 140, 150.0, "160"]}}`)},
		"of a source":      {K: 9, Filter: parse("source=s2")},
		"none":             {K: 9, Filter: parse("source=none")},
		"fetch-k":          {K: 9, FetchK: 33, Filter: parse("n>100")},
		"a threshold":      {K: 99, ScoreThreshold: &threshold},
		"LangChain's":      {K: 9, LangChainRelevance: true},
		"far from sources": {K: 9, Filter: parse("source!=s1")},
	}
}

// alike makes documents of which the first half differ from one another by the last bits of
// their numbers.
func alike(random *rand.Rand, dim int) (docs []engine.Document) {
	first := numbers(random, dim)
	for i := range 600 {
		x := numbers(random, dim)
		if i < 300 {
			copy(x, first)
			for range i % 3 {
				at := random.IntN(dim)
				x[at] = math.Nextafter32(x[at], 9)
			}
		}
		docs = append(docs, engine.Document{
			ID: fmt.Sprint("id", i), Text: fmt.Sprint("text ", i), Metadata: metadata.Raw(fmt.Appendf(nil, `{"n":%d}`, i)), Source: fmt.Sprint("s", i%4), Vector: x,
		})
	}
	return docs
}

func numbers(random *rand.Rand, dim int) []float32 {
	x := make([]float32, dim)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}
