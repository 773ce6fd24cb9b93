package enginetest

import (
	"embed"
	"encoding/json"
	"io/fs"
	"math"
	"path"
	"slices"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
)

// What LangChain answers, recorded from langchain-community 0.4.2.
//
//go:embed testdata/golden
var recorded embed.FS

// Open makes a store with facts and the documents of one source, in their order.
type Open func(t *testing.T, f engine.Facts, docs []engine.Document) engine.Searcher

// Golden asks the stores of an engine what LangChain was asked.
func Golden(t *testing.T, open Open) {
	t.Helper()
	t.Run("search", func(t *testing.T) { eachGolden(t, "search", open, goldenSearch) })
	t.Run("cosine relevance", func(t *testing.T) { eachGolden(t, "search", open, goldenCosineRelevance) })
	t.Run("mmr", func(t *testing.T) { eachGolden(t, "mmr", open, goldenMMR) })
	t.Run("mmr before a filter", func(t *testing.T) { eachGolden(t, "mmr", open, goldenMMRBeforeFilter) })
}

// goldenStore is a store of testdata/golden and what LangChain answers from it.
type goldenStore[Case any] struct {
	Dim         int
	Strategy    string `json:"distance_strategy"`
	NormalizeL2 bool   `json:"normalize_L2"`
	ExactScores bool   `json:"exact_scores"`
	Docs        []struct {
		ID, Text string
		Metadata json.RawMessage
		Vector   []float32
	}
	Queries map[string][]float32
	Cases   []Case

	open Open
}

// goldenHit is [id, score].
type goldenHit struct {
	id    string
	score float64
}

func (h *goldenHit) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&h.id, &h.score})
}

// eachGolden calls check for every store of a folder of testdata/golden.
func eachGolden[Case any](t *testing.T, folder string, open Open, check func(t *testing.T, g *goldenStore[Case])) {
	t.Helper()
	t.Parallel()
	paths, err := fs.Glob(recorded, path.Join("testdata", "golden", folder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden stores: %v", err)
	}
	for _, name := range paths {
		t.Run(path.Base(name), func(t *testing.T) {
			t.Parallel()
			b, err := recorded.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			g := &goldenStore[Case]{open: open}
			if err := json.Unmarshal(b, g); err != nil {
				t.Fatal(err)
			}
			check(t, g)
		})
	}
}

// metric is that of the index that LangChain makes: its COSINE strategy makes
// an L2 index of the vectors as they are.
func (g *goldenStore[Case]) metric() engine.Metric {
	if g.Strategy == "MAX_INNER_PRODUCT" {
		return engine.InnerProduct
	}
	return engine.L2
}

// store makes the store with a metric.
func (g *goldenStore[Case]) store(t *testing.T, m engine.Metric) engine.Searcher {
	t.Helper()
	var docs []engine.Document
	for _, d := range g.Docs {
		docs = append(docs, engine.Document{ID: d.ID, Text: d.Text, Metadata: metadata.Raw(d.Metadata), Vector: d.Vector})
	}
	return g.open(t, engine.Facts{Dim: g.Dim, Metric: m, Normalize: g.NormalizeL2}, docs)
}

// query is one by its name, or itself.
func (g *goldenStore[Case]) query(t *testing.T, raw json.RawMessage) (q []float32) {
	t.Helper()
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return g.Queries[name]
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		t.Fatal(err)
	}
	return q
}

// truth computes the score of every document in float64.
func (g *goldenStore[Case]) truth(query []float32) map[string]float64 {
	scores := map[string]float64{}
	for _, d := range g.Docs {
		x, q := d.Vector, query
		if g.NormalizeL2 {
			x, q = unit(x), unit(q)
		}
		for i := range q {
			if g.metric() == engine.L2 {
				diff := float64(x[i]) - float64(q[i])
				scores[d.ID] += diff * diff
			} else {
				scores[d.ID] += float64(x[i]) * float64(q[i])
			}
		}
	}
	return scores
}

func unit(x []float32) []float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	y := make([]float32, len(x))
	for i, v := range x {
		if sum > 0 {
			y[i] = float32(float64(v) / math.Sqrt(sum))
		}
	}
	return y
}

// same compares hits with an answer of LangChain's. The figures are equal but
// for the order of summation, and so are the ids unless their scores tie.
func (g *goldenStore[Case]) same(t *testing.T, name string, query []float32, got, want []goldenHit) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d hits, want %d:\n%v\n%v", name, len(got), len(want), got, want)
		return
	}
	truth, seen := g.truth(query), map[string]bool{}
	for i := range got {
		tied := g.near(truth[got[i].id], truth[want[i].id], 1e-6)
		if !g.near(got[i].score, want[i].score, 1e-5) || got[i].id != want[i].id && !tied || seen[got[i].id] {
			t.Errorf("%s: hit %d is %v, want %v", name, i+1, got[i], want[i])
		}
		seen[got[i].id] = true
	}
}

// near tells whether two figures are equal but for the order of summation.
func (g *goldenStore[Case]) near(a, b, relative float64) bool {
	if g.ExactScores {
		return a == b
	}
	return math.Abs(a-b) <= max(1e-6, relative*math.Abs(b))
}

// scores are the ids and scores of hits.
func scores(hits []engine.Hit) (out []goldenHit) {
	for _, h := range hits {
		out = append(out, goldenHit{h.ID, float64(h.Score)})
	}
	return out
}

// relevances are the ids and relevances of hits.
func relevances(hits []engine.Hit) (out []goldenHit) {
	for _, h := range hits {
		out = append(out, goldenHit{h.ID, h.Relevance})
	}
	return out
}

// goldenFilter reads a filter of a golden case, where null is none.
func goldenFilter(t *testing.T, raw json.RawMessage) (*filter.Filter, error) {
	t.Helper()
	if string(raw) == "null" {
		return nil, nil
	}
	return filter.Parse(string(raw))
}

type searchCase struct {
	Name, Method string
	Query        json.RawMessage
	K            int
	FetchK       int `json:"fetch_k"`
	Filter       json.RawMessage
	Threshold    *float64 `json:"score_threshold"`
	Expected     []goldenHit
	Exact        *[]goldenHit // where LangChain's filter may lose hits: what it should have found
	Error        *struct{ Type string }
}

// options are those that ask as LangChain was asked.
func (c *searchCase) options(f *filter.Filter) engine.SearchOptions {
	o := engine.SearchOptions{K: c.K, Filter: f, FetchK: c.FetchK}
	switch {
	case c.Method == "relevance":
		o.LangChainRelevance, o.MinRelevance = true, c.Threshold
	case c.Threshold != nil:
		threshold := float32(*c.Threshold)
		o.ScoreThreshold = &threshold
	}
	return o
}

// clear drops the hits that lie at the threshold within the last bits: whether
// they pass depends on the order of summation.
func (g *goldenStore[Case]) clear(hits []goldenHit, threshold *float64) []goldenHit {
	return slices.DeleteFunc(slices.Clone(hits), func(h goldenHit) bool {
		return threshold != nil && !g.ExactScores && g.near(h.score, *threshold, 1e-6)
	})
}

// searchDifferences are the cases that are answered otherwise on purpose, and
// how: an error, or the number of hits. docs/langchain.md gives the reasons.
var searchDifferences = map[string]difference{
	"k-zero-with-filter":     {err: true}, // LangChain: no hits
	"k-negative-with-filter": {err: true}, // LangChain: all hits but the last
	"filter-type-error":      {hits: 0},   // LangChain: TypeError, where a comparison makes no sense
	"fetch-zero-with-filter": {hits: 4},   // LangChain: AssertionError; here 0 is no fetch-k, and the flag refuses it
}

// difference is how a case is answered otherwise than by LangChain.
type difference struct {
	err  bool
	hits int
}

// answered reports whether a case has hits to be compared with LangChain's. Where it has none,
// because it is answered otherwise on purpose or LangChain failed, it checks that.
func answered(t *testing.T, name string, differences map[string]difference, failed bool, hits [][]engine.Hit, err error) bool {
	t.Helper()
	different, ok := differences[name]
	switch {
	case ok:
		if different.err != (err != nil) || err == nil && len(hits[0]) != different.hits {
			t.Errorf("%s: %v, %v", name, hits, err)
		}
	case failed:
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	case err != nil:
		t.Errorf("%s: %v", name, err)
	}
	return !ok && !failed && err == nil
}

// goldenSearch asks every case as LangChain was asked, and those with a
// filter again in the exact way that is the default here.
func goldenSearch(t *testing.T, g *goldenStore[searchCase]) {
	s := g.store(t, g.metric())
	for _, c := range g.Cases {
		if c.Method == "relevance" && g.Strategy == "COSINE" {
			continue // goldenCosineRelevance
		}
		query := g.query(t, c.Query)
		f, err := goldenFilter(t, c.Filter)
		var hits [][]engine.Hit
		if err == nil {
			hits, err = s.Search(t.Context(), [][]float32{query}, c.options(f))
		}
		switch {
		case !answered(t, c.Name, searchDifferences, c.Error != nil, hits, err):
		case c.Method == "relevance":
			g.same(t, c.Name, query, relevances(hits[0]), c.Expected)
		default:
			g.same(t, c.Name, query, g.clear(scores(hits[0]), c.Threshold), g.clear(c.Expected, c.Threshold))
			g.exact(t, s, c, query, f)
		}
	}
}

// exact asks for what LangChain should have found.
func (g *goldenStore[Case]) exact(t *testing.T, s engine.Searcher, c searchCase, query []float32, f *filter.Filter) {
	t.Helper()
	if c.Exact == nil {
		return
	}
	o := c.options(f)
	o.FetchK = 0
	hits, err := s.Search(t.Context(), [][]float32{query}, o)
	if err != nil {
		t.Fatal(err)
	}
	g.same(t, c.Name+", exact", query, g.clear(scores(hits[0]), c.Threshold), g.clear(*c.Exact, c.Threshold))
}

// goldenCosineRelevance: LangChain's COSINE strategy compares vectors as
// they are by squared distance and calls 1 minus that a relevance. It means
// something only for vectors of length 1, and for those a cosine store gives
// the same figures. For others there is deliberately no such metric.
func goldenCosineRelevance(t *testing.T, g *goldenStore[searchCase]) {
	if g.Strategy != "COSINE" {
		return
	}
	s, cosine := g.store(t, engine.L2), g.store(t, engine.Cosine)
	for _, c := range g.Cases {
		if c.Method != "relevance" {
			continue
		}
		query := g.query(t, c.Query)
		f, err := goldenFilter(t, c.Filter)
		if err != nil {
			t.Fatal(err)
		}
		o := c.options(f)
		if unitLength(g) {
			hits, err := cosine.Search(t.Context(), [][]float32{query}, o)
			if err != nil {
				t.Fatal(err)
			}
			g.same(t, c.Name, query, relevances(hits[0]), c.Expected)
			continue
		}
		o.MinRelevance = nil
		hits, err := s.Search(t.Context(), [][]float32{query}, o)
		if err != nil {
			t.Fatal(err)
		}
		var got []goldenHit
		for _, h := range hits[0] {
			if r := 1 - float64(h.Score); c.Threshold == nil || r >= *c.Threshold {
				got = append(got, goldenHit{h.ID, r})
			}
		}
		g.same(t, c.Name, query, got, c.Expected)
	}
}

// unitLength tells whether the vectors of a store have length 1.
func unitLength[Case any](g *goldenStore[Case]) bool {
	for _, d := range g.Docs {
		var sum float64
		for _, v := range d.Vector {
			sum += float64(v) * float64(v)
		}
		if math.Abs(sum-1) > 1e-3 {
			return false
		}
	}
	return true
}
