package weaviate

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/language"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// A search by words ranks all documents that have a word of the query by BM25. One by words
// and meaning ranks exactly, as package store does: it looks at the nearest documents and at
// the best by words until no other one can have a higher score than those.

// keptPostings is how many postings the queries of a batch keep for those that follow: 16 MiB.
const keptPostings = 2 << 20

// asking answers the queries of one search. It keeps what it has read for the next one.
type asking struct {
	*view
	o         engine.SearchOptions
	tokenizer words.Tokenizer
	index     *postings.Index
	sampled   *sample
}

// text is a query by text on its way.
type text struct {
	*asking
	q       int       // its place in the search
	vector  []float32 // nil where meaning is not asked for
	sieve   *sieve
	query   words.Query
	ranking *postings.Ranking
	terms   engine.Terms
	best    []neighbour    // the documents that have a word of the query, the best first, ties by age
	ranks   map[uint32]int // where an explanation is asked for: of those that match, from 1
	fusion  engine.Fusion  // under Hybrid
}

// byText finds the k best documents for query q.
func (a *asking) byText(ctx context.Context, vector []float32, q int, f *sieve, k int) (*text, []neighbour, error) {
	t := &text{asking: a, q: q, vector: vector, sieve: f}
	k = int(min(int64(k), a.count()))
	err := t.rank(ctx)
	if errors.Is(err, engine.ErrNotIndexed) && a.o.Mode == engine.Hybrid && a.o.Condition(q) == nil { // until a writer does it, by meaning alone
		t.ranking, err = &postings.Ranking{}, nil
	}
	if err != nil || k == 0 {
		return t, nil, err
	}
	if a.o.Mode == engine.ByWords {
		found, err := t.wordy(ctx, k)
		return t, found, err
	}
	some, err := a.sample(ctx)
	if err != nil {
		return t, nil, err
	}
	corpus := engine.Corpus{Documents: a.count(), Foreign: some.language.Foreign()}
	t.fusion = a.o.Fusion(q, a.similarities(vector, some.vectors), t.terms, t.ranking.Best, corpus)
	found, err := t.fuse(ctx, k)
	return t, found, err
}

// rank ranks all documents by their words.
func (t *text) rank(ctx context.Context) (err error) {
	switch {
	case t.Facts.NoWords:
		return engine.ErrNoWords
	case t.Words != words.Version:
		return engine.ErrNotIndexed
	}
	if t.index == nil {
		if t.asking.index, err = t.view.index(ctx, keptPostings*min(1, len(t.o.Texts)-1)); err != nil {
			return err
		}
	}
	t.query = t.tokenizer.Query(t.o.Texts[t.q])
	if t.ranking, err = t.index.Rank(t.query.Terms); err != nil {
		return t.malformed(err)
	}
	t.terms = engine.TermsOf(t.query, t.ranking.Weights, t.ranking.MostCovered)
	for i, score := range t.ranking.Scores {
		if score > 0 {
			t.best = append(t.best, neighbour{number: t.ranking.First + uint32(i), words: score})
		}
	}
	slices.SortFunc(t.best, func(a, b neighbour) int {
		return cmp.Or(cmp.Compare(b.words, a.words), cmp.Compare(a.number, b.number))
	})
	return nil
}

// malformed says of which store the index of words is damaged.
func (c *client) malformed(err error) error {
	if errors.Is(err, postings.ErrMalformed) {
		return c.place.damaged("its index of words is damaged: %v", err)
	}
	return err
}

// wordy finds the k best documents by words that match.
func (t *text) wordy(ctx context.Context, k int) (best []neighbour, err error) {
	most := k
	if t.o.Explain { // each has a rank
		most, t.ranks = len(t.best), map[uint32]int{}
	}
	if t.sieve.free() {
		best = t.best[:min(most, len(t.best))]
	}
	for docs := t.best; !t.sieve.free() && len(best) < most && len(docs) > 0; {
		chunk := docs[:min(named, len(docs))]
		docs = docs[len(chunk):]
		found, err := t.numbered(ctx, numbersOf(chunk), t.sieve.fields()+fieldsNumber)
		if err != nil {
			return nil, err
		}
		for _, d := range chunk {
			r := found[d.number]
			ok, err := t.sieve.lets(ctx, t.view, &r)
			if err != nil {
				return nil, err
			}
			if ok && len(best) < most {
				best = append(best, d)
			}
		}
	}
	if t.o.Explain {
		for i, d := range best {
			t.ranks[d.number] = i + 1
		}
	}
	return slices.Clone(best[:min(k, len(best))]), nil
}

func numbersOf(documents []neighbour) []uint32 {
	numbers := make([]uint32, len(documents))
	for i, d := range documents {
		numbers[i] = d.number
	}
	return numbers
}

// fuse finds the k best documents by words and meaning.
func (t *text) fuse(ctx context.Context, k int) ([]neighbour, error) {
	looked := engine.FirstFused(k)
	if t.o.Explain {
		looked = max(looked, int(t.count()))
	}
	for ; ; looked *= engine.MoreFused {
		near, err := t.nearest(ctx, t.vector, t.sieve, looked)
		if err != nil {
			return nil, err
		}
		wordy, err := t.wordy(ctx, looked)
		if err != nil {
			return nil, err
		}
		all, err := t.union(ctx, near, wordy)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(all, func(a, b neighbour) int {
			return cmp.Or(cmp.Compare(b.fused, a.fused), cmp.Compare(a.number, b.number))
		})
		all = all[:min(k, len(all))]
		if len(near) < looked || len(all) == k && all[k-1].fused >= t.unseen(near, wordy, looked) {
			return all, nil
		}
	}
}

// unseen is the highest score that a document may have that was not looked at.
func (t *text) unseen(near, wordy []neighbour, looked int) float64 {
	bm25 := 0.0
	if len(wordy) == looked {
		bm25 = float64(wordy[looked-1].words)
	}
	return t.fusion.Score(engine.Similarity(t.Facts.Metric, near[looked-1].score), bm25)
}

// union gives the nearest documents and the best by words with their fused scores.
func (t *text) union(ctx context.Context, near, wordy []neighbour) ([]neighbour, error) {
	known := make(map[uint32]bool, len(near))
	for i := range near {
		near[i].near = i + 1
		known[near[i].number] = true
	}
	others := slices.DeleteFunc(wordy, func(d neighbour) bool { return known[d.number] })
	found, err := t.numbered(ctx, numbersOf(others), fieldsVector)
	if err != nil {
		return nil, err
	}
	for i := range others {
		d := &others[i]
		d.score = t.score(t.vector, found[d.number].vector())
	}
	all := slices.Concat(near, others)
	for i := range all {
		d := &all[i]
		if at := int64(d.number) - int64(t.ranking.First); at >= 0 && at < int64(len(t.ranking.Scores)) {
			d.words = t.ranking.Scores[at]
		}
		d.fused = t.fusion.Score(engine.Similarity(t.Facts.Metric, d.score), float64(d.words))
	}
	return all, nil
}

// sample is what some documents tell of all, always the same ones, spread evenly.
type sample struct {
	vectors  [][]float32
	language language.Evidence // of the beginnings of texts
}

// sample reads the sample of the view.
func (a *asking) sample(ctx context.Context) (*sample, error) {
	if a.sampled != nil {
		return a.sampled, nil
	}
	numbers := a.spread(engine.SampleFused)
	found, err := a.numbered(ctx, numbers, fieldsVector)
	if err != nil {
		return nil, err
	}
	s := &sample{}
	for _, n := range numbers {
		s.vectors = append(s.vectors, found[n].vector())
	}
	numbers = a.spread(engine.LanguageDocuments)
	if found, err = a.numbered(ctx, numbers, "text "+fieldsNumber); err != nil {
		return nil, err
	}
	for _, n := range numbers {
		beginning := []rune(found[n].Text)
		s.language.Add(string(beginning[:min(engine.LanguageCharacters, len(beginning))]))
	}
	a.sampled = s
	return s, nil
}

// similarities are those of vectors to a query, the highest first.
func (v *view) similarities(query []float32, vectors [][]float32) []float64 {
	all := make([]float64, len(vectors))
	for i, x := range vectors {
		all[i] = engine.Similarity(v.Facts.Metric, v.score(query, x))
	}
	slices.SortFunc(all, func(a, b float64) int { return cmp.Compare(b, a) })
	return all
}

// spread gives the numbers of up to k documents in their order, spread evenly.
func (v *view) spread(k int64) (some []uint32) {
	k = min(k, v.count())
	for i := range k {
		if n, err := v.Documents.Select(uint32(i * v.count() / k)); err == nil {
			some = append(some, n)
		}
	}
	return some
}

// explain says of hits why they were found.
func (t *text) explain(found []neighbour, hits []engine.Hit) error {
	of := &engine.Explanation{Words: engine.Weighed(t.query, t.ranking.Weights), Terms: t.terms, Fusion: t.fusion}
	shares, err := t.shares(found)
	if err != nil {
		return err
	}
	for i, d := range found {
		e := &engine.HitExplanation{Query: of, WordsRank: t.ranks[d.number], Words: engine.Weighed(t.query, shares[i])}
		if t.o.Mode == engine.Hybrid {
			e.VectorRank, e.Deviations = d.near, t.fusion.Deviations(engine.Similarity(t.Facts.Metric, hits[i].Score))
		}
		hits[i].Explanation = e
	}
	return nil
}

// shares are what each term adds to the BM25 of each document, at the place where the query
// has the term first.
func (t *text) shares(documents []neighbour) ([][]float32, error) {
	terms := t.query.Terms
	shares := make([][]float32, len(documents))
	for i := range shares {
		shares[i] = make([]float32, len(terms))
	}
	for i, term := range terms {
		if slices.Contains(terms[:i], term) {
			continue
		}
		r, err := t.index.Rank(slices.DeleteFunc(slices.Clone(terms), func(other uint64) bool { return other != term }))
		if err != nil {
			return nil, t.malformed(err)
		}
		for d, document := range documents {
			if at := int64(document.number) - int64(r.First); at >= 0 && at < int64(len(r.Scores)) {
				shares[d][i] = r.Scores[at]
			}
		}
	}
	return shares, nil
}
