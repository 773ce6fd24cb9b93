package cmd

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestPostgresIndex: a table that was made with an index gets it with its first documents, and
// searches go by it unless a recall is asked for.
func TestPostgresIndex(t *testing.T) {
	t.Parallel()
	server.Need(t)
	dir, table := t.TempDir(), server.Table(t)
	var records, questions strings.Builder
	for i := range uint64(1500) {
		x, err := json.Marshal(clusteredVector(i))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&records, `{"id": "%d", "text": "text %d", "vector": %s}`+"\n", i, i, x)
		if i < 30 {
			fmt.Fprintf(&questions, `{"vector": %s}`+"\n", x)
		}
	}
	writeFile(t, filepath.Join(dir, "records.jsonl"), records.String())
	asked := filepath.Join(dir, "questions.jsonl")
	writeFile(t, asked, questions.String())

	if out := mustSheaf(t, dir, "init", "--index", "hnsw", "--embedder", "none", "--dimensions", "8", "--store", table); !strings.Contains(out, "hnsw when there are enough documents") {
		t.Errorf("init: %s", out)
	}
	code, _, errs := ran(t, "ingest", filepath.Join(dir, "records.jsonl"), "--store", table)
	if code != exitOK || !strings.Contains(errs, "the approximate index was made of 1500 documents") {
		t.Errorf("ingest: exit code %d: %s", code, errs)
	}
	if out := answered(t, "info", "--json", "--store", table); !strings.Contains(out, `"approximate":"hnsw"}`) {
		t.Errorf("info: %s", out)
	}
	answered(t, "init", "--index", "hnsw", "--embedder", "none", "--dimensions", "8", "--store", table)
	if code, _, errs := ran(t, "init", "--index", "ivfflat", "--embedder", "none", "--dimensions", "8", "--store", table); code != exitFailed || !strings.Contains(errs, "has index hnsw, not ivfflat") {
		t.Errorf("init of another index: exit code %d: %s", code, errs)
	}

	search := []string{"search-vector", "--queries", asked, "--store", table}
	inexact := func(args ...string) int {
		return strings.Count(answered(t, append(search, args...)...), `"exact":false,"looked_at":{"vectors":`)
	}
	for _, test := range []struct {
		args []string
		want int
	}{{nil, 30}, {[]string{"--recall", "1"}, 0}, {[]string{"--recall", "0.9"}, 0}, {[]string{"--exact"}, 0}, {[]string{"--per-source", "2"}, 0}, {[]string{"--filter", "none=1"}, 0}} {
		if n := inexact(test.args...); n != test.want {
			t.Errorf("%q: %d of 30 answers say that they are not exact, not %d", test.args, n, test.want)
		}
	}
	var measured struct{ Recall struct{ Value float64 } }
	out := answered(t, "eval", "exact", asked, "--mode", "vector", "--json", "--store", table)
	if err := json.Unmarshal([]byte(out), &measured); err != nil || measured.Recall.Value < 0.9 {
		t.Errorf("eval exact: %s, %v", out, err)
	}
	answered(t, "check", "--store", table)
}
