package store

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
)

// sample is a store and what it holds, in its order.
type sample struct {
	*Writer
	docs []engine.Document
}

// newSample makes a store of n documents, of which some are deleted again.
// Their vectors are small whole numbers, so that scores are exact and tie often.
func newSample(t *testing.T, f engine.Facts, n int, random *rand.Rand) sample {
	t.Helper()
	return newSampleBy(t, f, n, random, func(*Writer) {})
}

// newSampleBy is newSample by a writer that was prepared.
func newSampleBy(t *testing.T, f engine.Facts, n int, random *rand.Rand, prepare func(*Writer)) sample {
	t.Helper()
	w, err := Create(t.Context(), filepath.Join(t.TempDir(), ".sheaf"), f, engine.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	prepare(w)
	s := sample{Writer: w}
	s.grow(t, "s", n, random)
	var dead []string
	for i := range n {
		if random.IntN(4) == 0 {
			dead = append(dead, fmt.Sprint("s", i))
		}
	}
	s.remove(t, dead)
	for d, err := range w.Documents(t.Context(), engine.ListOptions{WithVectors: true}) {
		if err != nil {
			t.Fatal(err)
		}
		s.docs = append(s.docs, d)
	}
	return s
}

// grow adds a source of n documents.
func (s sample) grow(t *testing.T, source string, n int, random *rand.Rand) {
	t.Helper()
	src := engine.Source{Key: source, Name: source}
	r, err := s.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		d := engine.Document{ID: fmt.Sprint(source, i), Text: fmt.Sprint("text ", i), Metadata: randomMetadata(random)}
		v := make([]float32, s.Facts().Dim)
		for j := range v {
			v[j] = float32(random.IntN(7) - 3)
		}
		if err := r.Add(t.Context(), d, v, engine.Given); err != nil {
			t.Fatal(err)
		}
	}
	r.Done(src)
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s sample) remove(t *testing.T, ids []string) {
	t.Helper()
	set, _, err := s.SelectIDs(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
}

func randomMetadata(random *rand.Rand) metadata.Object {
	fields := []string{`"a":` + fmt.Sprint(random.IntN(4))}
	if random.IntN(2) == 0 {
		fields = append(fields, fmt.Sprintf(`"b":%q`, string(rune('x'+random.IntN(3)))))
	}
	if random.IntN(20) == 0 {
		fields = append(fields, `"rare":true`)
	}
	return metadata.Raw([]byte("{" + strings.Join(fields, ",") + "}"))
}

// samples are stores of all metrics, with codes and without.
func samples(t *testing.T) []sample {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	return []sample{
		newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 0, random),
		newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 150, random),
		newSample(t, engine.Facts{Dim: 3, Metric: engine.InnerProduct}, 90, random),
		newSample(t, engine.Facts{Dim: 5, Metric: engine.L2}, 260, random),
		newSampleBy(t, engine.Facts{Dim: 2, Metric: engine.L2}, 150, random, (*Writer).ForceCodes),
		newSampleBy(t, engine.Facts{Dim: 3, Metric: engine.InnerProduct}, 90, random, (*Writer).ForceCodes),
		newSampleBy(t, engine.Facts{Dim: 5, Metric: engine.L2}, 260, random, (*Writer).ForceCodes),
	}
}

// drawFilter makes a filter of what samples hold.
func drawFilter(t *rapid.T) *filter.Filter {
	exprs := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a=1", "a>=2", "a!=3", `{"b": "x"}`, `{"b": {"$in": ["y", "z"]}}`, `{"rare": true}`, `{"a": {"$exists": true}}`, `{"a": 9}`,
		`{"$or": [{"a": 0}, {"b": "z"}]}`, `{"$not": {"b": "x"}}`, `{}`,
	}), 1, 2).Draw(t, "filter")
	f, err := filter.Parse(exprs...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// drawQueries makes n vectors, with n on both sides of where batches begin.
func drawQueries(t *rapid.T, dim int) [][]float32 {
	n := rapid.SampledFrom([]int{1, 2, 15}).Draw(t, "queries")
	number := rapid.Map(rapid.IntRange(-3, 3), func(i int) float32 { return float32(i) })
	return rapid.SliceOfN(rapid.SliceOfN(number, dim, dim), n, n).Draw(t, "vectors")
}

// drawOptions makes a search with a filter.
func drawOptions(t *rapid.T) engine.SearchOptions {
	o := engine.SearchOptions{K: rapid.SampledFrom([]int{1, 4, 30, 1000}).Draw(t, "k"), Filter: drawFilter(t)}
	if rapid.Bool().Draw(t, "threshold given") {
		threshold := float32(rapid.IntRange(-3, 12).Draw(t, "threshold"))
		o.ScoreThreshold = &threshold
	}
	if rapid.Bool().Draw(t, "relevance given") {
		least := rapid.Float64Range(0, 1).Draw(t, "min relevance")
		o.MinRelevance = &least
	}
	return o
}

// brute answers a query by looking at every document.
func (s sample) brute(t *rapid.T, query []float32, o engine.SearchOptions) []engine.Hit {
	metric := s.Facts().Metric
	var hits []engine.Hit
	for _, d := range s.docs {
		ok, err := o.Filter.Of(d.Source).Match(d.Metadata.JSON())
		if err != nil {
			t.Fatal(err)
		}
		var score float32
		for i, q := range query {
			if metric == engine.L2 {
				score += (q - d.Vector[i]) * (q - d.Vector[i])
			} else {
				score += q * d.Vector[i]
			}
		}
		d.Vector = nil
		if ok && o.Accepts(metric, score) {
			hits = append(hits, engine.Hit{Document: d, Score: score, Relevance: (&engine.SearchOptions{}).Relevance(metric, false, score, engine.SquaredLengths(query, len(query))[0])})
		}
	}
	slices.SortStableFunc(hits, func(a, b engine.Hit) int {
		if metric == engine.L2 {
			return cmp.Compare(a.Score, b.Score)
		}
		return cmp.Compare(b.Score, a.Score)
	})
	hits = slices.DeleteFunc(hits[:min(o.K, len(hits))], func(h engine.Hit) bool { return !o.Relevant(h.Relevance) })
	for i := range hits {
		hits[i].Rank = i + 1
	}
	return hits
}

// TestFilteredSearchIsExact: whichever way it goes, a search with a filter
// finds the K nearest of all documents that match.
func TestFilteredSearchIsExact(t *testing.T) {
	t.Parallel()
	stores := samples(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(stores).Draw(rt, "store")
		queries, o := drawQueries(rt, s.Facts().Dim), drawOptions(rt)
		got, err := s.Search(t.Context(), queries, o)
		if err != nil {
			rt.Fatal(err)
		}
		for i, hits := range got {
			want := s.brute(rt, queries[i], o)
			if diff := gocmp.Diff(want, slices.Clip(hits), gocmp.Comparer(sameHits)); diff != "" {
				rt.Fatalf("query %d: %s", i, diff)
			}
		}
	})
}

func sameHits(a, b []engine.Hit) bool {
	return slices.EqualFunc(a, b, func(a, b engine.Hit) bool {
		return a.ID == b.ID && a.Text == b.Text && a.Rank == b.Rank && a.Score == b.Score && a.Relevance == b.Relevance
	})
}

// plans are all ways to search with a filter, and the one that would be taken.
func plans(n, k, rows int) map[string]plan {
	const all = math.MaxInt32
	return map[string]plan{
		"find all":    {effort: all},
		"test all":    {effort: -1, candidates: []int{all}},
		"test some":   {effort: -1, candidates: []int{3 * k}},
		"test more":   {effort: -1, candidates: []int{1, 2 * k}},
		"scan again":  {effort: -1, candidates: []int{1}},
		"as it comes": planFor(n, k, int64(rows)),
	}
}

// TestPlansAgree forces a search with a filter each way: by finding all that
// matches, by testing candidates of a scan, and by a second scan.
func TestPlansAgree(t *testing.T) {
	t.Parallel()
	stores := samples(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(stores).Draw(rt, "store")
		queries, o := drawQueries(rt, s.Facts().Dim), drawOptions(rt)
		o.MinRelevance = nil
		rows, err := s.Facts().Rows(queries)
		if err != nil {
			rt.Fatal(err)
		}
		for name, p := range plans(len(queries), o.K, len(s.docs)) {
			err := s.try(t.Context(), func(snap *snapshot) error {
				found, err := snap.filtered(t.Context(), rows, o, p)
				if err != nil {
					return err
				}
				for i, rows := range found {
					want := s.brute(rt, queries[i], o)
					if diff := gocmp.Diff(idsOf(want), snap.ids(rt, rows)); diff != "" {
						rt.Fatalf("%s, query %d: %s", name, i, diff)
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// TestNewcomersDuringASearch: documents that are added while a search scans
// are not of its snapshot.
func TestNewcomersDuringASearch(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(13, 14))
	s := newSample(t, engine.Facts{Dim: 2, Metric: engine.L2}, 40, random)
	query, o := []float32{1, 2}, engine.SearchOptions{K: 100, Filter: parseFilter(t, "a>=1")}
	for name, p := range plans(1, o.K, len(s.docs)) {
		err := s.try(t.Context(), func(snap *snapshot) error {
			before, err := snap.filtered(t.Context(), query, o, p)
			if err != nil {
				return err
			}
			s.grow(t, name, 10, random)
			after, err := snap.filtered(t.Context(), query, o, p)
			if diff := gocmp.Diff(before, after); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func idsOf(hits []engine.Hit) (ids []string) {
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func (snap *snapshot) ids(t *rapid.T, rows []faiss.Hit) []string {
	var hits [][]engine.Hit
	snap.squared = []float64{1} // only ids are looked at
	err := snap.read(t.Context(), func(tx *tx) (err error) {
		hits, err = snap.texts(tx, [][]faiss.Hit{rows}, engine.SearchOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(hits[0])
}
