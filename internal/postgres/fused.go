package postgres

import (
	"cmp"
	"context"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/language"
)

// Nearest are the nearest documents that hold the condition.
func (t *text) Nearest(ctx context.Context, n int) ([]engine.Candidate, error) {
	return t.near(ctx, t.vector, t.condition, n, t.q)
}

// Complete sets what is not known of documents yet: see engine.Rankings.
func (t *text) Complete(ctx context.Context, near, wordy []engine.Candidate) (err error) {
	at := make(map[int64]int, len(near))
	for i, d := range near {
		at[d.Number] = i
	}
	for _, d := range t.ranking.docs {
		if i, looked := at[int64(d.n)]; looked {
			near[i].Words = d.score
		}
	}
	scores, err := t.scores(ctx, t.vector, numbersOf(wordy))
	for i := range wordy {
		wordy[i].Score = scores[wordy[i].Number]
	}
	return err
}

// scores are the scores of documents for a query.
func (v *view) scores(ctx context.Context, query []float32, numbers []int64) (map[int64]float32, error) {
	scores := make(map[int64]float32, len(numbers))
	var x []float32
	for page := range slices.Chunk(numbers, pageRows) {
		for r, err := range v.query(ctx, `SELECT n, vector FROM {documents} WHERE n = ANY ($1)`, page) {
			if err != nil {
				return nil, err
			}
			x = r.vector(1, x)
			scores[r.int(0)] = v.score(query, x)
		}
	}
	return scores, nil
}

// score is Faiss's figure for a query and a document.
func (v *view) score(query, x []float32) float32 {
	return faiss.Scores(faiss.MetricFor(v.state.Metric == engine.L2), query, x)[0]
}

// sample is what some documents tell of all, always the same ones, spread evenly.
type sample struct {
	vectors  [][]float32
	language language.Evidence // of the beginnings of texts
}

// sample reads the sample of the view.
func (x *index) sample(ctx context.Context) (*sample, error) {
	// To count the documents takes as long as to compare them with a query, so it is done once, and only
	// where some numbers are no document's.
	const columns = `SELECT CASE WHEN place = ANY ($1) THEN vector END, CASE WHEN place = ANY ($2) THEN left(text, $3) END FROM `
	query := columns + `{documents} JOIN (SELECT n, row_number() OVER (ORDER BY n) AS place FROM {documents}) p USING (n) WHERE place = ANY ($1 || $2)`
	if x.state.next-firstNumber == x.state.documents {
		query = columns + `(SELECT n AS place, vector, text FROM {documents} WHERE n = ANY ($1::bigint[] || $2)) d`
	}
	if x.sampled != nil {
		return x.sampled, nil
	}
	s := &sample{}
	for r, err := range x.query(ctx, query, x.spread(engine.SampleFused), x.spread(engine.LanguageDocuments), engine.LanguageCharacters) {
		if err != nil {
			return nil, err
		}
		if r[0] != nil {
			s.vectors = append(s.vectors, r.vector(0, nil))
		}
		s.language.Add(r.text(1))
	}
	x.sampled = s
	return s, nil
}

// similarities are those of vectors to a query, the highest first.
func (v *view) similarities(query []float32, vectors [][]float32) []float64 {
	all := make([]float64, len(vectors))
	for i, x := range vectors {
		all[i] = engine.Similarity(v.state.Metric, v.score(query, x))
	}
	slices.SortFunc(all, func(a, b float64) int { return cmp.Compare(b, a) })
	return all
}

// spread gives the places of up to k documents in their order, from firstNumber on, spread evenly.
func (x *index) spread(k int64) (places []int64) {
	k = min(k, x.state.documents)
	for i := range k {
		places = append(places, firstNumber+i*x.state.documents/k)
	}
	return places
}
