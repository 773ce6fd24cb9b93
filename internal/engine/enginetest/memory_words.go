package enginetest

import (
	"cmp"
	"math"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/language"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// byText ranks all documents, given the nearest first, by a text. It indexes them anew.
func (c *content) byText(docs []*document, nearest []engine.Hit, text string, o engine.SearchOptions) ([]engine.Hit, error) {
	if c.facts.NoWords {
		return nil, engine.ErrNoWords
	}
	var tokenizer words.Tokenizer
	q := tokenizer.Query(text)
	scores, terms, err := rank(docs, q)
	if err != nil {
		return nil, err
	}
	var language language.Evidence
	for _, d := range docs {
		language.Add(d.Text)
	}
	corpus := engine.Corpus{Documents: int64(len(docs)), Foreign: language.Foreign()}
	hits := slices.Clone(nearest)
	fusion := engine.Fusion{Weight: o.Calibration.WordWeight(text, terms, corpus), Judged: o.Judge.WordWeight(text, terms, corpus)}
	for _, score := range scores {
		fusion.Best = max(fusion.Best, float64(score))
	}
	n := float64(len(hits))
	for _, h := range hits {
		fusion.Mean += engine.Similarity(c.facts.Metric, h.Score) / n
	}
	for _, h := range hits {
		fusion.Deviation += math.Pow(engine.Similarity(c.facts.Metric, h.Score)-fusion.Mean, 2) / n
	}
	fusion.Deviation = math.Sqrt(fusion.Deviation)
	for i := range hits {
		h := &hits[i]
		h.Words = scores[h.ID]
		if o.Mode == engine.Hybrid {
			fusion.Fuse(h, c.facts.Metric)
		}
	}
	if o.Mode == engine.Hybrid {
		slices.SortStableFunc(hits, func(a, b engine.Hit) int { return cmp.Compare(b.Fused, a.Fused) })
		return hits, nil
	}
	slices.SortStableFunc(hits, func(a, b engine.Hit) int { return cmp.Compare(b.Words, a.Words) })
	return slices.DeleteFunc(hits, func(h engine.Hit) bool { return h.Words == 0 }), nil
}

// rank gives the BM25 of each document by its id, and what is known of the query's terms.
func rank(docs []*document, q words.Query) (scores map[string]float32, terms engine.Terms, err error) {
	scores = map[string]float32{}
	if len(docs) == 0 {
		return scores, terms, nil
	}
	var tokenizer words.Tokenizer
	var b postings.Builder
	for i, d := range docs {
		b.Add(uint32(i), func(yield func(uint64) bool) {
			for _, token := range tokenizer.Append(nil, d.Text) {
				if !yield(token.Term) {
					return
				}
			}
		})
	}
	var pages [][]byte
	segment, err := b.Flush(func(page []byte) error { pages = append(pages, slices.Clone(page)); return nil })
	if err != nil {
		return nil, terms, err
	}
	source := postings.Source{Segment: segment, Page: func(i int) ([]byte, error) { return pages[i], nil }}
	index := postings.Index{Documents: int64(len(docs)), Last: words.Last, Sources: []postings.Source{source}}
	r, err := index.Rank(q.Terms, q.StopWords)
	if err != nil {
		return nil, terms, err
	}
	for i, score := range r.Scores {
		scores[docs[i].ID] = score
	}
	terms.Covered, terms.Evidence = float64(r.MostCovered), float64(r.MostEvidence)
	for i, w := range r.Rarities {
		terms.Weight += float64(w)
		if q.Identifiers[i] {
			terms.Identifiers += float64(w)
		}
	}
	return scores, terms, nil
}
