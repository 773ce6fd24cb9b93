package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// A search by words ranks all documents that have a word of the query by BM25, as package
// store does.

// scored is a document with its BM25, and what the query's terms that it has are together: their
// rarities and their weights, see package postings.
type scored struct {
	n                        uint32
	score, covered, evidence float32
}

// ranking ranks all documents for the words of a query.
type ranking struct {
	query   words.Query
	weights []float32 // of its terms, each where it occurs first
	terms   engine.Terms
	best    float32
	docs    []scored // that have a term, the best first, ties by age
}

// findsWords returns why no document is found by its words, nil where they are.
func (s *state) findsWords() error {
	switch {
	case s.NoWords:
		return engine.ErrNoWords
	case s.words != words.Version:
		return engine.ErrNotIndexed
	}
	return nil
}

// rank ranks all documents.
func (x *index) rank(ctx context.Context, text string) (r ranking, err error) {
	if err := x.state.findsWords(); err != nil {
		return r, err
	}
	r.query = x.finder.tokenizer.Query(text)
	r.weights = make([]float32, len(r.query.Terms))
	rarities := make([]float32, len(r.query.Terms))
	times := map[uint64]int{}
	for _, term := range r.query.Terms {
		times[term]++
	}
	// A scan would read all words, most of which are kept outside the table: the planner does not
	// count that.
	if _, err := x.script(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
		return r, err
	}
	for i, term := range r.query.Terms {
		if times[term] == 0 {
			continue
		}
		list, err := x.list(ctx, term)
		if err != nil {
			return r, err
		}
		r.weights[i], rarities[i] = postings.Weight(x.state.documents, int64(len(list)), times[term], r.query.StopWords[term])
		r.add(list, r.weights[i], rarities[i], x.average())
		times[term] = 0
	}
	if _, err := x.script(ctx, `SET LOCAL enable_seqscan = on`); err != nil {
		return r, err
	}
	covered, evidence := float32(0), float32(0)
	for _, d := range r.docs {
		r.best, covered, evidence = max(r.best, d.score), max(covered, d.covered), max(evidence, d.evidence)
	}
	r.terms = engine.TermsOf(r.query, rarities, covered, evidence)
	slices.SortFunc(r.docs, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.n, b.n)) })
	return r, nil
}

// add adds what the documents that have a term gain by it. Both are in the order of
// insertion.
func (r *ranking) add(list []posting, weight, rarity float32, average float64) {
	docs, merged := r.docs, make([]scored, 0, len(r.docs)+len(list))
	for _, p := range list {
		for len(docs) > 0 && docs[0].n < p.n {
			merged, docs = append(merged, docs[0]), docs[1:]
		}
		d := scored{n: p.n}
		if len(docs) > 0 && docs[0].n == p.n {
			d, docs = docs[0], docs[1:]
		}
		d.score += p.share(weight, average)
		d.covered += rarity
		d.evidence += weight
		merged = append(merged, d)
	}
	r.docs = append(merged, docs...)
}

// share is what a term of a weight adds to the document's BM25.
func (p posting) share(weight float32, average float64) float32 {
	return postings.Share(weight, p.count, postings.Norm(p.length, average))
}

// text is a query by text on its way.
type text struct {
	*index
	vector    []float32 // nil where meaning is not asked for
	o         engine.SearchOptions
	q         int // its place in o
	condition *condition
	ranking   ranking
	fusion    engine.Fusion // under Hybrid
	ranks     map[int64]int // where an explanation is asked for: of documents by words, from 1
}

// byText answers query q of o by its text. Where o has a FetchK, that many are found without
// the filter.
func (x *index) byText(ctx context.Context, query []float32, o engine.SearchOptions, q int) ([]engine.Hit, error) {
	t := &text{index: x, vector: query, o: o, q: q}
	k, f := x.first(o)
	t.condition = compile(f, o.Condition(q))
	var err error
	t.ranking, err = x.rank(ctx, o.Texts[q])
	if errors.Is(err, engine.ErrNotIndexed) && o.Mode == engine.Hybrid && o.Condition(q) == nil { // until a writer does it, by meaning alone
		err = nil
	}
	if err != nil {
		return nil, err
	}
	if k == 0 {
		return nil, nil
	}
	best, err := t.holding(ctx, k)
	if err != nil {
		return nil, err
	}
	hits, err := x.read(ctx, query, best)
	for i := range hits {
		if o.Mode == engine.Hybrid {
			t.fusion.Fuse(&hits[i], x.state.Metric)
		}
	}
	if err == nil && o.Explain {
		err = t.explain(ctx, best, hits)
	}
	return hits, err
}

const (
	// firstRead is how many of the best documents are read first, at least, to find those
	// that have all passages.
	firstRead = 64
	// moreRead is how many times as many are read when too few of them do.
	moreRead = 8
)

// holding finds the k best documents whose texts hold what the query says of passages.
func (t *text) holding(ctx context.Context, k int) ([]engine.Candidate, error) {
	c := t.o.Condition(t.q)
	if c == nil || !c.Literal() {
		return t.best(ctx, k)
	}
	for size := max(k, firstRead); ; size *= moreRead {
		best, err := t.best(ctx, size)
		if err != nil {
			return nil, err
		}
		all := len(best) < size
		if best, err = t.firstHolding(ctx, c, best, k); err != nil || all || len(best) == k {
			return best, err
		}
	}
}

// firstHolding gives the first k of some documents whose texts hold a condition.
func (t *text) firstHolding(ctx context.Context, c *words.Condition, documents []engine.Candidate, k int) (first []engine.Candidate, err error) {
	for page := range slices.Chunk(documents, firstRead) {
		holds := map[int64]bool{}
		for r, err := range t.query(ctx, `SELECT n, text FROM {documents} WHERE n = ANY ($1)`, numbersOf(page)) {
			if err != nil {
				return nil, err
			}
			holds[r.int(0)] = c.Holds(&t.finder.tokenizer, r.text(1))
		}
		for _, d := range page {
			if len(first) == k {
				return first, nil
			}
			if holds[d.Number] {
				first = append(first, d)
			}
		}
	}
	return first, nil
}

func numbersOf(documents []engine.Candidate) []int64 {
	numbers := make([]int64, len(documents))
	for i, d := range documents {
		numbers[i] = d.Number
	}
	return numbers
}

// best finds the k best documents by the mode.
func (t *text) best(ctx context.Context, k int) ([]engine.Candidate, error) {
	if t.o.Mode == engine.ByWords {
		return t.Wordy(ctx, k)
	}
	some, err := t.sample(ctx)
	if err != nil {
		return nil, err
	}
	corpus := engine.Corpus{Documents: t.state.documents, Foreign: some.language.Foreign()}
	t.fusion = t.o.Fusion(t.q, t.similarities(t.vector, some.vectors), t.ranking.terms, t.ranking.best, corpus)
	looked := engine.FirstFused(k)
	if t.o.Explain { // each has a rank
		looked = max(looked, int(t.state.documents))
	}
	return t.fusion.Rank(ctx, t.state.Metric, k, looked, t)
}

// Wordy finds the n best documents by words that hold the condition.
func (t *text) Wordy(ctx context.Context, n int) ([]engine.Candidate, error) {
	docs := t.ranking.docs
	var best []scored
	most := n
	if t.o.Explain { // each has a rank
		most, t.ranks = len(docs), map[int64]int{}
	}
	if t.condition.free() {
		best = docs[:min(most, len(docs))]
	}
	for size := engine.FirstFused(n); !t.condition.free() && len(best) < most && len(docs) > 0; size = min(size*engine.MoreFused, pageRows) {
		chunk := docs[:min(size, len(docs))]
		docs = docs[len(chunk):]
		passing, err := t.passing(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, d := range chunk {
			if passing[int64(d.n)] && len(best) < most {
				best = append(best, d)
			}
		}
	}
	if t.o.Explain {
		for i, d := range best {
			t.ranks[int64(d.n)] = i + 1
		}
	}
	found := make([]engine.Candidate, min(n, len(best)))
	for i := range found {
		found[i] = engine.Candidate{Number: int64(best[i].n), Words: best[i].score}
	}
	return found, nil
}

// passing tells which documents hold the condition.
func (t *text) passing(ctx context.Context, docs []scored) (map[int64]bool, error) {
	numbers := make([]int64, len(docs))
	for i, d := range docs {
		numbers[i] = int64(d.n)
	}
	passing := map[int64]bool{}
	for r, err := range t.query(ctx, selectDocuments(false)+`WHERE d.n = ANY ($1) AND `+t.condition.sql, numbers) {
		if err != nil {
			return nil, err
		}
		ok, err := t.condition.matches(r.text(columnName), r[columnVerbatim])
		if err != nil {
			return nil, err
		}
		passing[r.int(columnN)] = ok
	}
	return passing, nil
}

// explain says of hits why they were found.
func (t *text) explain(ctx context.Context, found []engine.Candidate, hits []engine.Hit) error {
	q := t.ranking.query
	of := &engine.Explanation{Words: engine.Weighed(q, t.ranking.weights), Terms: t.ranking.terms, Fusion: t.fusion}
	shares, err := t.shares(ctx, found)
	if err != nil {
		return err
	}
	for i, c := range found {
		e := &engine.HitExplanation{Query: of, WordsRank: t.ranks[c.Number], Words: engine.Weighed(q, shares[i])}
		if t.o.Mode == engine.Hybrid {
			e.VectorRank, e.Deviations = c.Near, t.fusion.Deviations(engine.Similarity(t.state.Metric, hits[i].Score))
		}
		hits[i].Explanation = e
	}
	return nil
}

// shares are what each term adds to the BM25 of each document, at the place where the query has
// the term first.
func (t *text) shares(ctx context.Context, documents []engine.Candidate) ([][]float32, error) {
	terms := t.ranking.query.Terms
	shares := make([][]float32, len(documents))
	for i := range shares {
		shares[i] = make([]float32, len(terms))
	}
	for at, term := range terms {
		weight := t.ranking.weights[at]
		if weight <= 0 {
			continue
		}
		list, err := t.list(ctx, term)
		if err != nil {
			return nil, err
		}
		for i, d := range documents {
			if p, has := find(list, d.Number); has {
				shares[i][at] = list[p].share(weight, t.average())
			}
		}
	}
	return shares, nil
}
