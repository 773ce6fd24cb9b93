//go:build !race

// Not under the race detector: these tests start sheaf hundreds of times, and what
// they look at is another process.

package cmd

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/langchain/langchaintest"
	"sheaf/internal/store"
)

// recording holds what LangChain returned for a store.
type recording struct {
	IndexFile string `json:"index_file"`
	Normalize bool   `json:"normalize_L2"`
	Metric    string `json:"metric"`
	Queries   []struct {
		Query   []float32
		K       int
		Filter  json.RawMessage
		FetchK  int `json:"fetch_k"`
		Results []result
	}
}

// result is a document's id, empty where LangChain has none, and its score.
type result struct {
	id    string
	score float64
}

func (r *result) UnmarshalJSON(b []byte) error {
	var pair [2]any
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if r.score = pair[1].(float64); pair[0] != nil {
		r.id = fmt.Sprint(pair[0])
	}
	return nil
}

func readRecording(t *testing.T, name string) (r recording) {
	t.Helper()
	b, err := fs.ReadFile(langchaintest.Golden(t), name)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// flags returns the flags that an import of the store needs.
func (r recording) flags() (args []string) {
	if r.Normalize {
		args = append(args, "--normalize")
	}
	if name := strings.TrimSuffix(r.IndexFile, ".faiss"); name != "" && name != "index" {
		args = append(args, "--index-name", name)
	}
	return args
}

// differing are the stores whose answers differ from LangChain's. Each has a reason
// in docs/langchain.md and a test below.
var differing = []string{"flat_l1", "flat_linf", "flat_lp3", "other_lsh", "other_pca_flat", "other_l2norm_flat", "other_ivf_pq", "other_ivf_flat_direct_map"}

// TestGoldenAnswers imports every store and byte string and asks it what
// LangChain was asked. That documents, ids, metadata and vectors are equal is
// tested in package langchain.
func TestGoldenAnswers(t *testing.T) {
	t.Parallel()
	stores, err1 := fs.Glob(langchaintest.Golden(t), "stores/*/*/expected.json")
	blobs, err2 := fs.Glob(langchaintest.Golden(t), "bytes/*.expected.json")
	if err1 != nil || err2 != nil || len(stores) < 100 || len(blobs) < 10 {
		t.Fatal(len(stores), len(blobs), err1, err2)
	}
	for _, name := range append(stores, blobs...) {
		folder, src := path.Dir(name), "."
		if folder == "bytes" {
			src = strings.TrimSuffix(path.Base(name), ".expected.json") + ".bin"
		} else if slices.Contains(differing, path.Base(folder)) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readRecording(t, name)
			dir := langchaintest.Dir(t, folder)
			mustSheaf(t, dir, append([]string{"import", src, "--store", "s"}, r.flags()...)...)
			for n, hits := range answers(t, filepath.Join(dir, "s"), r) {
				if want := r.Queries[n].Results; !sameAnswer(hits, want) {
					t.Errorf("query %d: %v, want %v", n, hits, want)
				}
			}
		})
	}
}

// answers asks a store what LangChain was asked.
func answers(t *testing.T, dir string, r recording) (all [][]result) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, q := range r.Queries {
		o := engine.SearchOptions{K: q.K}
		if len(q.Filter) > 0 && string(q.Filter) != "null" {
			o.FetchK = q.FetchK
			if o.Filter, err = filter.Parse(string(q.Filter)); err != nil {
				t.Fatal(err)
			}
		}
		hits, err := s.Search(t.Context(), [][]float32{q.Query}, o)
		if err != nil {
			t.Fatal(err)
		}
		var found []result
		for _, h := range hits[0] {
			found = append(found, result{h.ID, float64(h.Score)})
		}
		all = append(all, found)
	}
	return all
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-5*max(1, math.Abs(a)) }

// sameAnswer compares answers as interop/check_store.py does: of documents with
// one score the order is not specified, nor which come last.
func sameAnswer(got, want []result) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if !near(got[i].score, want[i].score) {
			return false
		}
		last := near(want[i].score, want[len(want)-1].score)
		known := slices.ContainsFunc(want, func(w result) bool {
			// Two vectors of one document come as ID and ID#2.
			id, _, _ := strings.Cut(got[i].id, "#")
			return (w.id == id || w.id == "") && near(w.score, got[i].score)
		})
		if !last && !known {
			return false
		}
	}
	return true
}

// goldenCopy copies a store of the newest LangChain.
func goldenCopy(t *testing.T, name string) (dir string, r recording) {
	t.Helper()
	folder := "stores/lcc-0.4.2/" + name
	return langchaintest.Dir(t, folder), readRecording(t, folder+"/expected.json")
}

// TestOtherMetricsHaveToBeTold checks that an index that compares by L1, Linf or Lp,
// which sheaf does not, is imported only with --metric.
func TestOtherMetricsHaveToBeTold(t *testing.T) {
	t.Parallel()
	for name, metric := range map[string]string{"flat_l1": "l1", "flat_linf": "linf", "flat_lp3": "lp"} {
		dir, r := goldenCopy(t, name)
		out, code := sheafIn(t, dir, "import", ".", "--store", "s")
		if code != exitFailed || !strings.Contains(out, "compares by "+metric+", which sheaf does not") || !strings.Contains(out, "hint: --metric l2") || exists(filepath.Join(dir, "s")) {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
		mustSheaf(t, dir, "import", ".", "--store", "s", "--metric", "l2")
		if got := answers(t, filepath.Join(dir, "s"), r); len(got[0]) != 4 || sameAnswer(got[0], r.Queries[0].Results) {
			t.Errorf("%s: %v, want four documents compared by l2", name, got[0])
		}
	}
}

// TestLSHIsRefused checks that an LSH index, which has bits and no vectors, is refused.
func TestLSHIsRefused(t *testing.T) {
	t.Parallel()
	dir, _ := goldenCopy(t, "other_lsh")
	out, code := sheafIn(t, dir, "import", ".", "--store", "s")
	if code != exitDamaged || !strings.Contains(out, "IndexLSH") || !strings.Contains(out, "hint: --reembed --embedder NAME") {
		t.Errorf("exit code %d: %s", code, out)
	}
	mustSheaf(t, dir, "import", ".", "--store", "s", "--reembed", "--embedder", "builtin")
}

// TestListsAreSearchedWhole checks IVF indexes. LangChain searches nprobe lists, by
// default one. sheaf searches all, so its hits are at least as near.
func TestListsAreSearchedWhole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"other_ivf_pq", "other_ivf_flat_direct_map"} {
		dir, r := goldenCopy(t, name)
		mustSheaf(t, dir, "import", ".", "--store", "s")
		for n, hits := range answers(t, filepath.Join(dir, "s"), r) {
			for i, want := range r.Queries[n].Results {
				if i >= len(hits) || hits[i].score > want.score+1e-5 {
					t.Errorf("%s, query %d: %v, want at least %v", name, n, hits, r.Queries[n].Results)
				}
			}
		}
	}
}

// TestTransformsAreUndone checks indexes with a transform. Faiss compares the
// transformed vectors, sheaf the vectors. With a PCA the order is the same and the
// distances are larger, by what the PCA left out of the query. Of a normalization
// the scores are LangChain's.
func TestTransformsAreUndone(t *testing.T) {
	t.Parallel()
	dir, r := goldenCopy(t, "other_pca_flat")
	out := mustSheaf(t, dir, "import", ".", "--store", "s")
	if !strings.Contains(out, "IndexPreTransform keeps vectors of fewer numbers") || strings.Contains(out, "approximations") {
		t.Errorf("it says %s", out)
	}
	for n, hits := range answers(t, filepath.Join(dir, "s"), r) {
		for i, want := range r.Queries[n].Results {
			if hits[i].id != want.id || !near(hits[i].score-want.score, hits[0].score-r.Queries[n].Results[0].score) {
				t.Errorf("query %d: %v, want the order of %v", n, hits, r.Queries[n].Results)
			}
		}
	}
	dir, r = goldenCopy(t, "other_l2norm_flat")
	out = mustSheaf(t, dir, "import", ".", "--store", "s")
	if !strings.Contains(out, "IndexPreTransform brings vectors and questions to length 1") || strings.Contains(out, "approximations") {
		t.Errorf("it says %s", out)
	}
	for n, hits := range answers(t, filepath.Join(dir, "s"), r) {
		if !sameAnswer(hits, r.Queries[n].Results) {
			t.Errorf("query %d: %v, want %v", n, hits, r.Queries[n].Results)
		}
	}
}

// TestNoIDIsDerived checks that a document with the id None or an empty id gets one
// as a record without an id does.
func TestNoIDIsDerived(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]int{"none_id": 3, "odd_ids": 0} {
		dir, _ := goldenCopy(t, name)
		mustSheaf(t, dir, "import", ".", "--store", "s")
		ids := strings.Split(mustSheaf(t, dir, "list", "--store", "s", "--ids"), "\n")
		if _, err := uuid.Parse(ids[row]); err != nil {
			t.Errorf("%s: the ids are %q, want a UUID at %d", name, ids, row)
		}
		if out := mustSheaf(t, dir, "import", ".", "--store", "s", "--json"); !strings.HasPrefix(out, `{"added":0,`) {
			t.Errorf("%s, imported again: %s", name, out)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
