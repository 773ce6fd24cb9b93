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
	best    []engine.Candidate // the documents that have a word of the query, the best first, ties by age
	ranks   map[int64]int      // where an explanation is asked for: of those that match, from 1
	fusion  engine.Fusion      // under Hybrid
}

// byText finds the k best documents for query q.
func (a *asking) byText(ctx context.Context, vector []float32, q int, f *sieve, k int) (*text, []engine.Candidate, error) {
	c := a.o.Condition(q)
	t := &text{asking: a, q: q, vector: vector, sieve: newSieve(f.filter, byTerms(c))}
	k = int(min(int64(k), a.count()))
	err := t.rank(ctx)
	if errors.Is(err, engine.ErrNotIndexed) && a.o.Mode == engine.Hybrid && c == nil { // until a writer does it, by meaning alone
		t.ranking, err = &postings.Ranking{}, nil
	}
	if err != nil || k == 0 {
		return t, nil, err
	}
	found, err := t.holding(ctx, c, k)
	return t, found, err
}

// byTerms is what a condition says of terms, nil where it says nothing: ranks are those of the documents
// that it leaves.
func byTerms(c *words.Condition) *words.Condition {
	if c == nil || len(c.Has)+len(c.Lacks) == 0 {
		return nil
	}
	return &words.Condition{Has: c.Has, Lacks: c.Lacks}
}

const (
	// firstRead is how many of the best documents are read first, at least, to find those
	// that have all passages.
	firstRead = 64
	// moreRead is how many times as many are read when too few of them do.
	moreRead = 8
)

// holding finds the k best documents whose texts hold what the query says of passages.
func (t *text) holding(ctx context.Context, c *words.Condition, k int) ([]engine.Candidate, error) {
	if c == nil || !c.Literal() {
		return t.ranked(ctx, k)
	}
	for size := max(k, firstRead); ; size *= moreRead {
		found, err := t.ranked(ctx, size)
		if err != nil {
			return nil, err
		}
		all := len(found) < size
		if found, err = t.firstHolding(ctx, c, found, k); err != nil || all || len(found) == k {
			return found, err
		}
	}
}

// firstHolding gives the first k of some documents whose texts hold a condition.
func (t *text) firstHolding(ctx context.Context, c *words.Condition, documents []engine.Candidate, k int) (first []engine.Candidate, err error) {
	for page := range slices.Chunk(documents, firstRead) {
		rows, err := t.numbered(ctx, numbersOf(page), "text")
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if len(first) == k {
				return first, nil
			}
			if c.Holds(&t.tokenizer, rows[uint32(d.Number)].Text) {
				first = append(first, d)
			}
		}
	}
	return first, nil
}

// ranked finds the k best documents by the mode.
func (t *text) ranked(ctx context.Context, k int) ([]engine.Candidate, error) {
	if t.o.Mode == engine.ByWords {
		return t.Wordy(ctx, k)
	}
	some, err := t.sample(ctx)
	if err != nil {
		return nil, err
	}
	corpus := engine.Corpus{Documents: t.count(), Foreign: some.language.Foreign()}
	t.fusion = t.o.Fusion(t.q, t.similarities(t.vector, some.vectors), t.terms, t.ranking.Best, corpus)
	looked := engine.FirstFused(k)
	if t.o.Explain { // each has a rank
		looked = max(looked, int(t.count()))
	}
	return t.fusion.Rank(ctx, t.Facts.Metric, k, looked, t)
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
	if t.ranking, err = t.index.Rank(t.query.Terms, t.query.StopWords); err != nil {
		return t.malformed(err)
	}
	t.terms = engine.TermsOf(t.query, t.ranking.Rarities, t.ranking.MostCovered, t.ranking.MostEvidence)
	for i, score := range t.ranking.Scores {
		if score > 0 {
			t.best = append(t.best, engine.Candidate{Number: int64(t.ranking.First) + int64(i), Words: score})
		}
	}
	slices.SortFunc(t.best, func(a, b engine.Candidate) int {
		return cmp.Or(cmp.Compare(b.Words, a.Words), cmp.Compare(a.Number, b.Number))
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

// Wordy finds the n best documents by words that match.
func (t *text) Wordy(ctx context.Context, n int) (best []engine.Candidate, err error) {
	most := n
	if t.o.Explain { // each has a rank
		most, t.ranks = len(t.best), map[int64]int{}
	}
	if t.sieve.free() {
		best = t.best[:min(most, len(t.best))]
	}
	for docs := t.best; !t.sieve.free() && len(best) < most && len(docs) > 0; {
		chunk := docs[:min(named, len(docs))]
		docs = docs[len(chunk):]
		found, err := t.numbered(ctx, numbersOf(chunk), t.sieve.fields())
		if err != nil {
			return nil, err
		}
		for _, d := range chunk {
			r := found[uint32(d.Number)]
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
			t.ranks[d.Number] = i + 1
		}
	}
	return best[:min(n, len(best))], nil
}

func numbersOf(documents []engine.Candidate) []uint32 {
	numbers := make([]uint32, len(documents))
	for i, d := range documents {
		numbers[i] = uint32(d.Number)
	}
	return numbers
}

// Nearest are the nearest documents that match.
func (t *text) Nearest(ctx context.Context, n int) ([]engine.Candidate, error) {
	return t.nearest(ctx, t.vector, t.sieve, n)
}

// Complete sets what is not known of documents yet: see engine.Rankings.
func (t *text) Complete(ctx context.Context, near, wordy []engine.Candidate) error {
	for i := range near {
		if at := near[i].Number - int64(t.ranking.First); at >= 0 && at < int64(len(t.ranking.Scores)) {
			near[i].Words = t.ranking.Scores[at]
		}
	}
	found, err := t.numbered(ctx, numbersOf(wordy), fieldVector)
	for i := range wordy {
		wordy[i].Score = t.score(t.vector, found[uint32(wordy[i].Number)].vector)
	}
	return err
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
	found, err := a.numbered(ctx, numbers, fieldVector)
	if err != nil {
		return nil, err
	}
	s := &sample{}
	for _, n := range numbers {
		s.vectors = append(s.vectors, found[n].vector)
	}
	numbers = a.spread(engine.LanguageDocuments)
	if found, err = a.numbered(ctx, numbers, "text"); err != nil {
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
func (t *text) explain(found []engine.Candidate, hits []engine.Hit) error {
	of := &engine.Explanation{Words: engine.Weighed(t.query, t.ranking.Weights), Terms: t.terms, Fusion: t.fusion}
	numbers := make([]int64, len(found))
	for i, d := range found {
		numbers[i] = d.Number
	}
	shares, err := t.index.Shares(t.query.Terms, t.query.StopWords, numbers)
	if err != nil {
		return t.malformed(err)
	}
	for i, d := range found {
		e := &engine.HitExplanation{Query: of, WordsRank: t.ranks[d.Number], Words: engine.Weighed(t.query, shares[i])}
		if t.o.Mode == engine.Hybrid {
			e.VectorRank, e.Deviations = d.Near, t.fusion.Deviations(engine.Similarity(t.Facts.Metric, hits[i].Score))
		}
		hits[i].Explanation = e
	}
	return nil
}
