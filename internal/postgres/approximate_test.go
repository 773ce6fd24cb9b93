package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/postgres"
)

// indexed makes a store whose searches go by an index from the first document on.
func indexed(t *testing.T, name string, f engine.Facts) (*postgres.Writer, error) {
	t.Helper()
	w, err := postgres.Create(t.Context(), name, f, engine.Options{Index: engine.HNSW})
	if err == nil {
		_, table, _ := strings.Cut(name, "table=")
		operators := "vector_ip_ops"
		if f.Metric == engine.L2 {
			operators = "vector_l2_ops"
		}
		server.Run(t, fmt.Sprintf(`CREATE INDEX %s_nearest ON %s USING hnsw (vector %s)`, table, table, operators))
	}
	return w, err
}

// TestPostgresIndexedConform: a table with an approximate index passes what any engine has to pass.
func TestPostgresIndexedConform(t *testing.T) {
	t.Parallel()
	server.Need(t)
	conform(t, func(_ context.Context, name string, f engine.Facts) (enginetest.Writer, error) {
		return indexed(t, name, f)
	})
}

// TestPostgresIndexedGolden: what LangChain was asked is found by an index too.
func TestPostgresIndexedGolden(t *testing.T) {
	t.Parallel()
	server.Need(t)
	enginetest.Golden(t, func(t *testing.T, f engine.Facts, docs []engine.Document) engine.Searcher {
		t.Helper()
		w, err := indexed(t, server.Table(t), f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		for i := range docs {
			docs[i].Source = "golden"
		}
		fill(t, w, docs...)
		return w
	})
}

// The documents of a test of indexes lie around some centres.
const (
	indexedDocuments = 12_000
	centres          = 15
	indexedDim       = 16
)

// clustered makes documents around centres, which their metadata name.
func clustered() (docs []engine.Document) {
	random := rand.New(rand.NewPCG(5, 5))
	var middles [][]float32
	for range centres {
		middles = append(middles, numbers(random, indexedDim))
	}
	for i := range indexedDocuments {
		x := numbers(random, indexedDim)
		for j := range x {
			x[j] = x[j]/3 + middles[i%centres][j]
		}
		object := fmt.Appendf(nil, `{"n":%d,"centre":%d,"of":{"centre":%d}}`, i, i%centres, i%centres)
		docs = append(docs, engine.Document{ID: fmt.Sprint("id", i), Text: "text", Metadata: metadata.Raw(object), Source: fmt.Sprint("s", i%4), Vector: x})
	}
	return docs
}

// looking is a search that notes which queries were answered by an index.
type looking struct {
	engine.SearchOptions
	looked map[int]int64
}

func look(o engine.SearchOptions) *looking {
	l := &looking{o, map[int]int64{}}
	l.Looked = func(q int, vectors, of int64) {
		if of != indexedDocuments {
			vectors = -1
		}
		l.looked[q] = vectors
	}
	return l
}

// TestPostgresApproximate: with an index a search finds most of what is nearest, with the scores of
// the exact answer, as many as there are; and all of it where the index is of no use or not to be
// used.
func TestPostgresApproximate(t *testing.T) {
	t.Parallel()
	server.Need(t)
	docs := clustered()
	for _, test := range []struct {
		kind   string
		metric engine.Metric
		parts  int
	}{
		{engine.HNSW, engine.L2, 0}, {engine.HNSW, engine.Cosine, 3}, {engine.IVFFlat, engine.InnerProduct, 0}, {engine.IVFFlat, engine.L2, 2},
	} {
		t.Run(fmt.Sprint(test.kind, test.metric, test.parts), func(t *testing.T) {
			t.Parallel()
			f := engine.Facts{Dim: indexedDim, Metric: test.metric}
			w, err := postgres.Create(t.Context(), server.Table(t), f, engine.Options{Index: test.kind, Partitions: test.parts})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			grow(t, w, test.kind, docs)
			var queries [][]float32
			for _, d := range docs[:60] {
				queries = append(queries, d.Vector)
			}
			measured(t, w, queries, nil)
			measured(t, w, queries, parsed(t, "n>=1000")) // more than are compared all
			if test.metric == engine.L2 {
				far := parsed(t, "centre!=0") // a whole cluster around the query does not match
				measured(t, w, queries[:1], far)
				measured(t, w, queries[:1], parsed(t, `{"of.centre": {"$nin": [0, 1, 2, 3]}}`)) // SQL knows nothing of it
			}
			asExact(t, w, queries)
		})
	}
}

// grow fills a store in two steps, after each of which its index may be made.
func grow(t *testing.T, w *postgres.Writer, kind string, docs []engine.Document) {
	t.Helper()
	const first = 1200
	for _, step := range []struct {
		docs []engine.Document
		made bool
	}{{docs[:999], false}, {docs[999:first], true}, {docs[first:], kind == engine.IVFFlat}} {
		merge(t, w, step.docs)
		if documents, made, err := w.Index(t.Context()); err != nil || made != step.made || documents < int64(len(step.docs)) {
			t.Fatalf("an index of %d documents was made: %t, %v", documents, made, err)
		}
		if _, again, err := w.Index(t.Context()); err != nil || again {
			t.Fatalf("the index was made twice: %v", err)
		}
		info, err := w.Info(t.Context())
		if err != nil || info.Approximate != kind || info.Pending != (info.Documents < 1000) {
			t.Fatalf("%+v, %v", info, err)
		}
	}
}

// measured holds the answers by an index against the exact ones.
func measured(t *testing.T, w *postgres.Writer, queries [][]float32, f *filter.Filter) {
	t.Helper()
	const k = 10
	o := look(engine.SearchOptions{K: k, Filter: f})
	got, err := w.Search(t.Context(), queries, o.SearchOptions)
	if err != nil {
		t.Fatal(err)
	}
	o.Recall = 1
	want, err := w.Search(t.Context(), queries, o.SearchOptions)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for q := range queries {
		if len(got[q]) != k || o.looked[q] < k {
			t.Errorf("query %d has %d hits of %d, of %d documents", q, len(got[q]), k, o.looked[q])
		}
		for _, h := range got[q] {
			if i := slices.IndexFunc(want[q], func(w engine.Hit) bool { return w.ID == h.ID }); i >= 0 {
				found++
				if h.Score != want[q][i].Score || h.Relevance != want[q][i].Relevance {
					t.Errorf("query %d: %s has the score %v, not %v", q, h.ID, h.Score, want[q][i].Score)
				}
			}
		}
	}
	if recall := float64(found) / float64(k*len(queries)); recall < 0.9 {
		t.Errorf("a recall of %.3f", recall)
	}
}

// asExact asks what an index does not answer: the answers are exact, and nobody is told otherwise.
func asExact(t *testing.T, w *postgres.Writer, queries [][]float32) {
	t.Helper()
	for name, o := range map[string]engine.SearchOptions{
		"few match":     {K: 10, Filter: parsed(t, "centre=3")},
		"less than k":   {K: 10, Filter: parsed(t, "n<7")},
		"none":          {K: 10, Filter: parsed(t, "source=none")},
		"of SQL's own":  {K: 10, Filter: parsed(t, `{"of.centre": 99}`)},
		"many":          {K: 1001},
		"asked for all": {K: 10, Recall: 1},
		"for a promise": {K: 10, Recall: 0.5},
	} {
		l := look(o)
		got, err := w.Search(t.Context(), queries[:3], l.SearchOptions)
		if err != nil {
			t.Fatal(err)
		}
		o.Recall = 1
		want, err := w.Search(t.Context(), queries[:3], o)
		if err != nil {
			t.Fatal(err)
		}
		for q := range want {
			if !slices.EqualFunc(got[q], want[q], func(a, b engine.Hit) bool { return a.ID == b.ID && a.Score == b.Score }) || len(l.looked) > 0 {
				t.Errorf("%s: query %d is not answered exactly", name, q)
			}
		}
	}
}

// TestPostgresIndexRefused: what no index can be made of is told, and nothing is lost.
func TestPostgresIndexRefused(t *testing.T) {
	t.Parallel()
	server.Need(t)
	url := server.Table(t)
	_, table, _ := strings.Cut(url, "table=")
	w, err := postgres.Create(t.Context(), url, engine.Facts{Dim: 2001, Metric: engine.L2}, engine.Options{Index: engine.HNSW})
	if err == nil || !strings.Contains(err.Error(), "up to 2000 numbers") {
		t.Errorf("%v, %v", w, err)
	}
	w, err = postgres.Create(t.Context(), url+"&options=-c%20maintenance_work_mem%3D64kB", engine.Facts{Dim: indexedDim, Metric: engine.L2}, engine.Options{Index: engine.IVFFlat})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	merge(t, w, clustered()[:2000])
	if _, made, err := w.Index(t.Context()); err == nil || made || !strings.Contains(err.Error(), "memory required") {
		t.Errorf("with too little memory: %t, %v", made, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, made, err := w.Index(ended); !errors.Is(err, context.Canceled) || made {
		t.Errorf("after an interrupt: %t, %v", made, err)
	}
	server.Run(t, `CREATE TABLE `+table+`_nearest_new ()`)
	if _, made, err := w.Index(t.Context()); err == nil || made || !strings.HasPrefix(err.Error(), "making the index: ") {
		t.Errorf("where its name is taken: %t, %v", made, err)
	}
	if info, err := w.Info(t.Context()); err != nil || info.Documents != 2000 || !info.Pending {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestPostgresIndexWaits: an index is not made anew while a reader goes on for long.
func TestPostgresIndexWaits(t *testing.T) {
	t.Parallel()
	server.Need(t)
	url := server.Table(t)
	w, err := postgres.Create(t.Context(), url, engine.Facts{Dim: indexedDim, Metric: engine.L2}, engine.Options{Index: engine.IVFFlat})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	docs := clustered()
	merge(t, w, docs[:1000])
	if _, made, err := w.Index(t.Context()); err != nil || !made {
		t.Fatal(made, err)
	}
	merge(t, w, docs[1000:5000])
	reader, err := postgres.Open(t.Context(), url, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	snap, err := reader.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(snap.Transfers)
	defer stop()
	if _, err, ok := next(); err != nil || !ok {
		t.Fatal(err)
	}
	if _, made, err := w.Index(t.Context()); err != nil || made {
		t.Errorf("beside a reader: %t, %v", made, err)
	}
	stop()
	if _, made, err := w.Index(t.Context()); err != nil || !made {
		t.Errorf("after it: %t, %v", made, err)
	}
}
