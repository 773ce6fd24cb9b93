package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/postgres"
	"sheaf/internal/store"
	"sheaf/internal/words"
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
			table, folder := both(t, f, docs)
			queries := [][]float32{docs[0].Vector, docs[150].Vector, docs[len(docs)-1].Vector, make([]float32, f.Dim)}
			for range 2 {
				queries = append(queries, numbers(random, f.Dim))
			}
			for name, o := range asked(t) {
				sameAnswer(t, name, table, folder, queries, o)
				sameAnswer(t, "at once "+name, table, folder, slices.Repeat(queries, 2), o)
			}
		})
	}
}

// both makes a table and a folder of the same documents.
func both(t *testing.T, f engine.Facts, docs []engine.Document) (table, folder engine.Searcher) {
	t.Helper()
	w, _ := create(t, f)
	return w, filled(t, w, f, docs)
}

// filled makes a folder, and merges documents into it and a table.
func filled(t *testing.T, w *postgres.Writer, f engine.Facts, docs []engine.Document) engine.Searcher {
	t.Helper()
	d, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "store"), f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	merge(t, w, docs)
	merge(t, d, docs)
	return d
}

// merge merges documents into a store.
func merge(t *testing.T, w interface {
	Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (engine.Merged, error)
}, docs []engine.Document,
) {
	t.Helper()
	from := []engine.Snapshot{{Transfers: func(yield func(engine.Transfer, error) bool) {
		for _, d := range docs {
			if !yield(engine.Transfer{Document: d, From: engine.Source{Key: "/" + d.Source, Name: d.Source}}, nil) {
				return
			}
		}
	}}}
	if _, err := w.Merge(t.Context(), from, engine.OnConflictNewID); err != nil {
		t.Fatal(err)
	}
}

// sameAnswer holds the answer of a table against that of a folder, bit by bit.
func sameAnswer(t *testing.T, name string, table, folder engine.Searcher, queries [][]float32, o engine.SearchOptions) {
	t.Helper()
	want, err := folder.Search(t.Context(), queries, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Search(t.Context(), queries, o)
	if err != nil {
		t.Fatal(err)
	}
	bits := []cmp.Option{
		cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }),
		cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }),
	}
	if diff := cmp.Diff(want, got, append(bits, cmpopts.EquateEmpty())...); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// TestPostgresWordsSameAsFolder: by words, and by words and meaning, a table answers as a folder
// does, bit by bit: scores, explanations and what conditions leave.
func TestPostgresWordsSameAsFolder(t *testing.T) {
	t.Parallel()
	server.Need(t)
	for _, metric := range []engine.Metric{engine.L2, engine.Cosine} {
		t.Run(string(metric), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, 7))
			f := engine.Facts{Dim: 24, Metric: metric}
			docs := worded(random, f.Dim)
			table, folder := both(t, f, docs)
			for _, query := range []string{
				"w1", "w3 w40 w400", "w3 w3 W3 w900 nowhere", "max_open_files w2", `"w1 w1"`, `w5 -w1`, `w2 "w1 w2" -w3 -"w4 w1"`, "", "nowhere", "дом w2",
			} {
				asked, err := words.Parse(query)
				if err != nil {
					t.Fatal(err)
				}
				for _, mode := range []engine.Mode{engine.ByWords, engine.Hybrid} {
					o := engine.SearchOptions{K: 12, Mode: mode, Texts: []string{asked.Text}, Conditions: []*words.Condition{asked.Condition}, Calibration: engine.Calibration{EnglishOnly: true}}
					x := [][]float32{numbers(random, f.Dim)}
					name := fmt.Sprintf("%s %q", mode, query)
					sameAnswer(t, name, table, folder, x, o)
					o.Filter, o.K, o.WithVectors = parsed(t, "n=~[13579]$"), 5, true
					sameAnswer(t, name+" odd", table, folder, x, o)
					o.Explain = true
					sameAnswer(t, name+" odd explained", table, folder, x, o)
					o.Filter = parsed(t, "n<40")
					sameAnswer(t, name+" few", table, folder, x, o)
					o.Explain, o.FetchK = false, 30
					sameAnswer(t, name+" fetch-k", table, folder, x, o)
					threshold := float32(-0.1)
					o.Filter, o.FetchK, o.ScoreThreshold, o.K = nil, 0, &threshold, 2000
					sameAnswer(t, name+" a threshold", table, folder, x, o)
				}
			}
			var many engine.SearchOptions
			var x [][]float32
			same := numbers(random, f.Dim) // a text has one vector
			for i := range 20 {
				asked, err := words.Parse(fmt.Sprintf([]string{"w%d w1", `"w%d" w2`, "w7 -w%d", "max_open w%d"}[i%4], i))
				if err != nil {
					t.Fatal(err)
				}
				many.Texts, many.Conditions, x = append(many.Texts, asked.Text), append(many.Conditions, asked.Condition), append(x, same)
			}
			many.K, many.Mode = 10, engine.Hybrid
			sameAnswer(t, "at once", table, folder, x, many)
			many.Filter = parsed(t, "n=~[13579]$")
			sameAnswer(t, "at once with a filter", table, folder, x, many)
			many.FetchK = 100
			sameAnswer(t, "at once with fetch-k", table, folder, x, many)
			sameAnswer(t, "without vectors", table, folder, [][]float32{nil, nil}, engine.SearchOptions{K: 3, Mode: engine.ByWords, Texts: []string{"w9", "w1 w8"}})
		})
	}
}

// worded makes documents of words that are rarer the higher their numbers are. One is empty,
// and one has a word more often than a lexeme has positions.
func worded(random *rand.Rand, dim int) (docs []engine.Document) {
	zipf := rand.NewZipf(random, 1.1, 2, 1000)
	for i := range 1500 {
		var text strings.Builder
		for range random.IntN(60) {
			fmt.Fprintf(&text, "w%d ", zipf.Uint64())
		}
		switch i {
		case 700:
			text.WriteString(strings.Repeat("w3 ", 700))
		case 3, 900:
			text.WriteString("max_open_files")
		case 901:
			text.Reset()
		}
		docs = append(docs, engine.Document{
			ID: fmt.Sprint("id", i), Text: text.String(), Metadata: metadata.Raw(fmt.Appendf(nil, `{"n":%d}`, i)), Source: fmt.Sprint("s", i%4), Vector: numbers(random, dim),
		})
	}
	return docs
}

// asked are searches by name.
func asked(t *testing.T) map[string]engine.SearchOptions {
	t.Helper()
	parse := func(expr string) *filter.Filter { return parsed(t, expr) }
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

func parsed(t *testing.T, expr string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return f
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
