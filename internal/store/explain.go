package store

import (
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/words"
)

// asked is what a query asked for, and how that was weighed.
type asked struct {
	query words.Query
	of    engine.Explanation
	ranks map[int64]int // of rows by their words, from 1
}

func (snap *snapshot) asked(r ranking, f engine.Fusion, skip []uint64) *asked {
	a := &asked{query: r.query, ranks: map[int64]int{}}
	a.of = engine.Explanation{Words: engine.Weighed(r.query, r.Weights), Terms: r.terms, Fusion: f}
	for i, hit := range snap.wordy(r, len(r.Scores), skip) {
		a.ranks[hit.Row] = i + 1
	}
	return a
}

// explainVectors says of hits by vector, where that is asked for, that the nearest come
// first.
func explainVectors(hits [][]engine.Hit, o engine.SearchOptions) {
	for q := range hits {
		for i := range hits[q] {
			if o.Explain && o.Pick == nil {
				hits[q][i].Explanation = &engine.HitExplanation{VectorRank: i + 1}
			}
		}
	}
}

// explain says of the hits of a query by text why they were found.
func (snap *snapshot) explain(t *tx, m *marks, found []faiss.Hit, hits []engine.Hit) error {
	numbers, err := snap.numbers(found)
	if err != nil {
		return err
	}
	shares, err := snap.shares(t, m.asked.query, numbers)
	if err != nil {
		return err
	}
	for i, hit := range found {
		e := &engine.HitExplanation{Query: &m.asked.of, WordsRank: m.asked.ranks[hit.Row], Words: engine.Weighed(m.asked.query, shares[i])}
		if m.fusion != (engine.Fusion{}) {
			e.VectorRank = m.rows[hit.Row].near
			e.Deviations = m.fusion.Deviations(engine.Similarity(snap.state.facts.Metric, hit.Score))
		}
		hits[i].Explanation = e
	}
	return nil
}

// shares are those of [postings.Index.Shares] for documents.
func (snap *snapshot) shares(t *tx, q words.Query, numbers []int64) ([][]float32, error) {
	if len(q.Terms) == 0 { // an older store, whose words are not indexed, may have no tables of them
		return make([][]float32, len(numbers)), nil
	}
	x, err := snap.wordIndex(t)
	if err != nil {
		return nil, err
	}
	return x.Shares(q.Terms, q.StopWords, numbers)
}
