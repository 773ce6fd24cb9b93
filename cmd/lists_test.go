package cmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// listedDim is the dim of the store of TestTuneIndex.
const listedDim = 8

// makeRows makes a store of n documents in dir, in clusters; an approximate index needs 20,000.
func makeRows(t *testing.T, dir string, n int) {
	t.Helper()
	w, err := store.Create(t.Context(), filepath.Join(dir, ".sheaf"), engine.Facts{Dim: listedDim, Metric: engine.L2}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source := engine.Source{Key: "made", Name: "made"}
	r, err := w.Replace(t.Context(), source)
	for i := 0; err == nil && i < n; i++ {
		d := engine.Document{ID: fmt.Sprint(i), Text: fmt.Sprint("text ", i), StartIndex: -1}
		err = r.Add(t.Context(), d, clusteredVector(uint64(i)), engine.Given)
	}
	if err == nil {
		r.Done(source)
		err = w.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func clusteredVector(i uint64) []float32 {
	centre, random := rand.New(rand.NewPCG(i%100, 1)), rand.New(rand.NewPCG(i, 2))
	x := make([]float32, listedDim)
	for j := range x {
		x[j] = float32(3*centre.NormFloat64() + random.NormFloat64())
	}
	return x
}

// tune --index makes an index for searches with --recall, which say that they are not exact;
// all others are exact as before, and --index=off removes it.
func TestTuneIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeRows(t, dir, 20_000)
	var lines []string
	for i := range uint64(120) {
		x, err := json.Marshal(clusteredVector(1_000_000 + i))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf(`{"vector": %s}`, x))
	}
	file := filepath.Join(dir, "questions.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	vectors := []string{"search-vector", "--queries", file}
	exact := mustSheaf(t, dir, vectors...)
	if out := mustSheaf(t, dir, append(vectors, "--recall", "0.9")...); out != exact {
		t.Error("without an index --recall changes the answers")
	}

	out := mustSheaf(t, dir, "tune", "--index", "--recall", "0.95", "--json")
	var made struct{ Lists listsInfo }
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	if l := made.Lists; l.Sample != engine.Moved || l.Questions != 1000 || l.Promise != 0.95 || l.LookedAt >= l.Lists || l.Share >= 1 {
		t.Errorf("%+v", l)
	}
	out = mustSheaf(t, dir, "tune", "--index", file, "--recall", "0.95")
	if !strings.Contains(out, "by 60 questions") {
		t.Errorf("%q does not say what it was measured by", out)
	}
	if info := mustSheaf(t, dir, "info"); !strings.Contains(info, "lists") || !strings.Contains(info, "recall@10 of 0.95") {
		t.Errorf("info says nothing of lists: %s", info)
	}
	if out := mustSheaf(t, dir, vectors...); out != exact {
		t.Error("an index changes the answers that do not ask for it")
	}
	if out := mustSheaf(t, dir, append(vectors, "--exact")...); out != exact {
		t.Errorf("by all vectors: %s, want %s", out, exact)
	}
	if out := mustSheaf(t, dir, append(vectors, "--recall", "1")...); out != exact {
		t.Error("a recall of 1 is not exact")
	}
	out = mustSheaf(t, dir, append(vectors, "--recall", "0.9")...)
	if n := strings.Count(out, `"exact":false,"looked_at":{"vectors":`); n != len(lines) {
		t.Errorf("%d of %d answers say that they are not exact: %.300s", n, len(lines), out)
	}
	makeRows(t, filepath.Join(dir, "few"), 10)
	out = mustSheaf(t, dir, append(vectors, "--recall", "0.9", "-s", ".sheaf", "-s", "few/.sheaf")...)
	if n := strings.Count(out, `"of":20010}`); n != len(lines) {
		t.Errorf("%d of %d answers of two stores count the vectors of both: %.300s", n, len(lines), out)
	}
	var measured struct{ Recall struct{ Value float64 } }
	out = mustSheaf(t, dir, "eval", "exact", file, "--recall", "0.9", "--json")
	if err := json.Unmarshal([]byte(out), &measured); err != nil || measured.Recall.Value < 0.9 || measured.Recall.Value == 1 {
		t.Errorf("eval exact measures a recall of %v, %v", measured.Recall.Value, err)
	}
	if out := mustSheaf(t, dir, "info"); strings.Contains(out, "anew") {
		t.Errorf("an index that is new is said to be stale: %s", out)
	}
	gone := []string{"delete", "--yes"}
	for i := range 1001 {
		gone = append(gone, fmt.Sprint(i))
	}
	mustSheaf(t, dir, gone...)
	if out := mustSheaf(t, dir, "info"); !strings.Contains(out, "; 32 rows in no list, 1001 deleted since (") || !strings.Contains(out, "sheaf compact makes them anew") {
		t.Errorf("info does not say that the index is stale: %s", out)
	}
	if out := mustSheaf(t, dir, "info", "--json"); !strings.Contains(out, `"tail":32,"gone":1001,"stale":true,`) {
		t.Errorf("%s", out)
	}
	mustSheaf(t, dir, "check")
	exact = mustSheaf(t, dir, vectors...)
	loseLists(t, dir)
	out = mustSheaf(t, dir, append(vectors, "--recall", "0.9")...)
	const lost = "sheaf: the approximate index cannot be used, so all vectors are looked at: "
	if said, answers, _ := strings.Cut(out, "\n"); answers != exact || !strings.HasPrefix(said, lost) {
		t.Errorf("an index that is lost changes answers, or is not missed once: %.300s", out)
	}
	if out := mustSheaf(t, dir, "info"); !strings.Contains(out, "cannot be read: ") || !strings.Contains(out, "sheaf check --repair forgets it") {
		t.Errorf("info does not say that the index is lost: %s", out)
	}
	mustSheaf(t, dir, "tune", "--index=off")
	if info := mustSheaf(t, dir, "info", "--json"); strings.Contains(info, `"lists"`) {
		t.Errorf("lists are still there: %s", info)
	}
	if out := mustSheaf(t, dir, append(vectors, "--recall", "0.9")...); out != exact {
		t.Error("a removed index changes answers")
	}
}

// loseLists removes the file of the lists of a store.
func loseLists(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, ".sheaf", "lists.*.sidecar"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of lists %q, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
}
