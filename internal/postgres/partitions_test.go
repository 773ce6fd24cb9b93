package postgres_test

import (
	"context"
	"errors"
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

// onTwo makes a store of which the second partition is on another server, which the first one
// reaches by a socket in a folder.
func onTwo(t *testing.T, f engine.Facts, first, second *pgtest.Server, dir string) (w *postgres.Writer, url string) {
	t.Helper()
	w, url = partitioned(t, first, f)
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
	first.Run(t, strings.NewReplacer("host 'two'", "host '"+dir+"'", "'library'", "'postgres'", "'ann'", "'sheaf'", "handbook", table).Replace(statements))
	return w, url
}

// TestPostgresTwoServers: of a store whose second partition is on another server, put there by the
// statements of docs/remote.md, answers and changes are those of one table.
func TestPostgresTwoServers(t *testing.T) {
	t.Parallel()
	server.Need(t)
	f := engine.Facts{Dim: 24, Metric: engine.L2}
	first, second := server.Another(t), server.Another(t)
	w, url := onTwo(t, f, first, second, second.Dir())
	_, table, _ := strings.Cut(url, "table=")

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
	for k, want := range map[int]bool{30: true, 1100: false} {
		looked := false
		o := engine.SearchOptions{K: k, Looked: func(int, int64, int64) { looked = true }}
		if hits, err := w.Search(t.Context(), [][]float32{docs[0].Vector}, o); err != nil || len(hits[0]) != k || looked != want {
			t.Errorf("%d hits of %d, by the index: %t, %v", len(hits[0]), k, looked, err)
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

// TestPostgresHalfCommits: when one of two servers crashes while a source is replaced, the store is
// old or new, or a check names what is wrong; the same again makes it new.
func TestPostgresHalfCommits(t *testing.T) {
	t.Parallel()
	server.Need(t)
	first, second := server.Another(t), server.Another(t)
	fresh := func(at int, strike func()) (*pgtest.Proxy, *postgres.Writer, string) {
		first.Run(t, "DROP EXTENSION IF EXISTS postgres_fdw CASCADE")
		p := second.Proxy(t, at, strike)
		w, url := onTwo(t, engine.Facts{Dim: 3, Metric: engine.L2}, first, second, p.Dir())
		fill(t, w, revised(1, 40)...)
		return p, w, url
	}
	p, w, _ := fresh(0, nil)
	fill(t, w, revised(2, 60)...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	last := p.Sent()
	for _, victim := range []*pgtest.Server{first, second} {
		for at := last; at > last-6; at-- {
			p, w, url := fresh(at, func() {
				if err := victim.Crash(); err != nil {
					t.Error(err)
				}
			})
			failed := replaced(t.Context(), w, revised(2, 60))
			_ = w.Close() // its server may be gone
			p.Wait()
			problems, err := postgres.Check(t.Context(), url, engine.Options{}, false)
			if err != nil {
				t.Fatal(err)
			}
			version := versions(t, url)
			if len(problems) == 0 && (version != "1" && version != "2" || failed == nil && version != "2") {
				t.Errorf("after message %d of %d (%v): versions %s and no problem", at, last, failed, version)
			}
			again(t, url)
		}
	}
	// What a crash of the first server leaves that comes between the two commits.
	_, w, url := fresh(0, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(url, "table=")
	second.Run(t, strings.ReplaceAll(`DELETE FROM {t}_p1 WHERE n % 2 = 0; UPDATE {t}_p1 SET n = n + 1000`, "{t}", table))
	if problems, err := postgres.Check(t.Context(), url, engine.Options{}, false); err != nil || len(problems) == 0 {
		t.Errorf("half of a commit: %+v, %v", problems, err)
	}
	again(t, url)
}

// again replaces the source again and mends the counts: the store is new and whole.
func again(t *testing.T, url string) {
	t.Helper()
	w, err := postgres.OpenWriter(t.Context(), url, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(replaced(t.Context(), w, revised(2, 60)), w.Close()); err != nil {
		t.Error(err)
	}
	if _, err := postgres.Check(t.Context(), url, engine.Options{}, true); err != nil {
		t.Error(err)
	}
	if problems, err := postgres.Check(t.Context(), url, engine.Options{}, false); err != nil || len(problems) > 0 || versions(t, url) != "2" {
		t.Errorf("run again: versions %s, %+v, %v", versions(t, url), problems, err)
	}
}

// revised makes the documents of a version of a source.
func revised(version, n int) (docs []engine.Document) {
	for i := range n {
		object := fmt.Appendf(nil, `{"version":%d}`, version)
		docs = append(docs, engine.Document{ID: fmt.Sprint(i), Text: fmt.Sprint("text ", version), Source: "s", Metadata: metadata.Raw(object), Vector: []float32{float32(i), 0, 1}})
	}
	return docs
}

// versions are those of the documents of a store, and how many these are where it is neither.
func versions(t *testing.T, url string) string {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := map[string]int{}
	for d, err := range s.Documents(t.Context(), engine.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		count[strings.TrimPrefix(d.Text, "text ")]++
	}
	switch {
	case len(count) == 1 && count["1"] == 40:
		return "1"
	case len(count) == 1 && count["2"] == 60:
		return "2"
	}
	return fmt.Sprint(count)
}

// replaced gives a source its documents and commits.
func replaced(ctx context.Context, w *postgres.Writer, docs []engine.Document) error {
	src := engine.Source{Key: "/s", Name: "s"}
	known, err := w.SourcesByKey(ctx, []string{src.Key})
	if before, there := known[src.Key]; there {
		src = before
	}
	if err == nil {
		_, err = w.Match(ctx, src, docs)
	}
	if err != nil {
		return err
	}
	r, err := w.Replace(ctx, src)
	if err != nil {
		return err
	}
	for _, d := range docs {
		if err := r.Add(ctx, d, d.Vector, engine.Given); err != nil {
			return err
		}
	}
	r.Done(src)
	return w.Commit(ctx)
}
