package enginetest

import (
	"encoding/json"
	"testing"

	"sheaf/internal/engine"
)

type mmrCase struct {
	Name      string
	Query     json.RawMessage
	K         int
	FetchK    int     `json:"fetch_k"`
	Lambda    float64 `json:"lambda_mult"`
	Filter    json.RawMessage
	Reference []goldenHit // LangChain's choice with the scores of the documents
	NearTie   bool        `json:"near_tie"`
	Error     *struct{ Type string }

	ReferencePrefilter []goldenHit `json:"reference_prefilter"`
	LeadPrefilter      *float64    `json:"lead_prefilter"`
}

// mmrDifferences are the cases that are answered otherwise on purpose;
// docs/langchain.md gives the reasons.
var mmrDifferences = map[string]difference{
	"k-zero":     {err: true}, // LangChain: nothing
	"k-negative": {err: true}, // LangChain: nothing
	"fetch-zero": {hits: 4},   // LangChain: AssertionError; here 0 is no fetch-k, and the flag refuses it
}

// goldenMMR asks as LangChain was asked. The choices are LangChain's; the
// scores are those of the documents chosen, which LangChain's are not where it
// is given a filter or normalises.
func goldenMMR(t *testing.T, g *goldenStore[mmrCase]) {
	s := g.store(t, g.metric())
	for _, c := range g.Cases {
		query := g.query(t, c.Query)
		o := engine.MMROptions{SearchOptions: engine.SearchOptions{K: c.K, FetchK: c.FetchK}, Lambda: c.Lambda}
		f, err := goldenFilter(t, c.Filter)
		var hits [][]engine.Hit
		if err == nil {
			o.Filter = f
			hits, err = engine.MMR(t.Context(), s, [][]float32{query}, o)
		}
		if answered(t, c.Name, mmrDifferences, c.Error != nil, hits, err) {
			g.sameChoice(t, c.Name, query, scores(hits[0]), c.Reference, c.NearTie)
		}
	}
}

// goldenMMRBeforeFilter: by default the candidates are the nearest of the
// documents that match, however many that are nearer do not.
func goldenMMRBeforeFilter(t *testing.T, g *goldenStore[mmrCase]) {
	s := g.store(t, g.metric())
	for _, c := range g.Cases {
		f, err := goldenFilter(t, c.Filter)
		if f == nil || err != nil {
			continue
		}
		query := g.query(t, c.Query)
		o := engine.MMROptions{SearchOptions: engine.SearchOptions{K: c.K, Filter: f}, Candidates: c.FetchK, Lambda: c.Lambda}
		hits, err := engine.MMR(t.Context(), s, [][]float32{query}, o)
		if err != nil {
			t.Fatal(err)
		}
		near := c.LeadPrefilter != nil && *c.LeadPrefilter < 1e-6
		g.sameChoice(t, c.Name, query, scores(hits[0]), c.ReferencePrefilter, near)
	}
}

// sameChoice compares what was picked. Where a pick led by a rounding error
// only, others may follow it, but the scores must be those of the documents.
func (g *goldenStore[Case]) sameChoice(t *testing.T, name string, query []float32, got, want []goldenHit, nearTie bool) {
	t.Helper()
	truth := g.truth(query)
	if len(got) != len(want) {
		t.Errorf("%s: %d picked, want %d", name, len(got), len(want))
		return
	}
	for i := range got {
		if got[i].id != want[i].id && !nearTie {
			t.Errorf("%s: pick %d is %v, want %v", name, i+1, got[i], want[i])
		}
		if !g.near(got[i].score, truth[got[i].id], 1e-5) {
			t.Errorf("%s: %q has score %v, want %v", name, got[i].id, got[i].score, truth[got[i].id])
		}
	}
}
