package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/postgres"
	"sheaf/internal/postgres/pgtest"
	"sheaf/internal/words"
)

// partitioned makes a store of two partitions.
func partitioned(t *testing.T, s *pgtest.Server, f engine.Facts) (w *postgres.Writer, url string) {
	t.Helper()
	url = s.Table(t)
	w, err := postgres.Create(t.Context(), url, f, engine.Options{Partitions: 2, Index: engine.HNSW})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, url
}

// TestPostgresTwoServers: of a store whose second partition is on another server, put there by the
// statements of docs/remote.md, answers and changes are those of one table.
func TestPostgresTwoServers(t *testing.T) {
	t.Parallel()
	server.Need(t)
	f := engine.Facts{Dim: 24, Metric: engine.L2}
	first, second := server.Another(t), server.Another(t)
	w, url := partitioned(t, first, f)
	_, there := partitioned(t, second, f)
	_, table, _ := strings.Cut(url, "table=")
	if !strings.HasSuffix(there, "table="+table) {
		t.Fatalf("%s and %s are not of one name", url, there)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "remote.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, statements, _ := strings.Cut(string(page), "-- on the first server\n")
	statements, _, _ = strings.Cut(statements, "```")
	first.Run(t, strings.NewReplacer("host 'two'", "host '"+second.Dir()+"'", "'library'", "'postgres'", "'ann'", "'sheaf'", "handbook", table).Replace(statements))

	random := rand.New(rand.NewPCG(3, 3))
	docs := worded(random, f.Dim)
	folder := filled(t, w, f, docs)
	if n := second.Run(t, "SELECT count(*) BETWEEN 600 AND 900 FROM "+table+"_p1"); n != "t" {
		t.Error("the second server does not have half of the documents")
	}
	for name, o := range asked(t) {
		sameAnswer(t, name, w, folder, [][]float32{docs[0].Vector, numbers(random, f.Dim)}, o)
	}
	query, err := words.Parse("w3 w40 -w1")
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []engine.Mode{engine.ByWords, engine.Hybrid} {
		o := engine.SearchOptions{K: 20, Mode: mode, Texts: []string{query.Text}, Conditions: []*words.Condition{query.Condition}, Explain: true}
		sameAnswer(t, string(mode), w, folder, [][]float32{docs[7].Vector}, o)
	}
	set, missing, err := w.SelectIDs(t.Context(), []string{"id0", "id1", "id2", "id3", "id4"})
	if err != nil || len(missing) > 0 {
		t.Fatal(missing, err)
	}
	if err := w.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	fill(t, w, engine.Document{ID: "id1", Text: "again", Source: "s0", Metadata: metadata.Raw([]byte("{}")), Vector: docs[1].Vector})
	info, err := w.Info(t.Context())
	if err != nil || info.Partitions != 2 || info.Documents != 1496-int64(gone(docs, "s0")) {
		t.Errorf("%+v, %v", info, err)
	}
	if _, made, err := w.Index(t.Context()); err != nil || !made { // of the partition that is here
		t.Errorf("an index was made: %t, %v", made, err)
	}
	for k, looked := range map[int]bool{30: true, 1100: false} {
		o := engine.SearchOptions{K: k, Looked: func(int, int64, int64) { looked = !looked }}
		if hits, err := w.Search(t.Context(), [][]float32{docs[0].Vector}, o); err != nil || len(hits[0]) != k || looked {
			t.Errorf("%d hits of %d by the index, %v", len(hits[0]), k, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if problems, err := postgres.Check(t.Context(), url, engine.Options{}, false); err != nil || len(problems) > 0 {
		t.Errorf("check: %+v, %v", problems, err)
	}
}

// gone is how many documents of a source stayed after id0 to id4 went, to be replaced.
func gone(docs []engine.Document, source string) (n int) {
	for i, d := range docs {
		if i > 4 && d.Source == source {
			n++
		}
	}
	return n
}

// TestPostgresPartitions: the number of partitions is bounded.
func TestPostgresPartitions(t *testing.T) {
	t.Parallel()
	server.Need(t)
	url := server.Table(t)
	if w, err := postgres.Create(t.Context(), url, engine.Facts{Dim: 1, Metric: engine.L2}, engine.Options{Partitions: 1001}); err == nil || !strings.Contains(fmt.Sprint(err), "up to 1000") {
		t.Errorf("%v, %v", w, err)
	}
}
