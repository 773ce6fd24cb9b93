package postgres

import (
	"cmp"
	"context"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/language"
)

// A search by words and meaning ranks exactly, as package store does: it looks at the nearest
// documents and at the best by words until no other one can have a higher score than those.

// fuse finds the k best documents by words and meaning.
func (t *text) fuse(ctx context.Context, k int) ([]candidate, error) {
	looked := engine.FirstFused(k)
	if t.o.Explain {
		looked = max(looked, int(t.state.documents))
	}
	for ; ; looked *= engine.MoreFused {
		near, err := t.near(ctx, t.vector, t.condition, looked, t.q)
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
		slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.Fused, a.Fused), cmp.Compare(a.n, b.n)) })
		all = all[:min(k, len(all))]
		if len(near) < looked || len(all) == k && all[k-1].Fused >= t.unseen(near, wordy, looked) {
			return all, nil
		}
	}
}

// unseen is the highest score that a document may have that was not looked at.
func (t *text) unseen(near []neighbour, wordy []scored, looked int) float64 {
	bm25 := 0.0
	if len(wordy) == looked {
		bm25 = float64(wordy[looked-1].score)
	}
	return t.fusion.Score(t.similarity(near[looked-1].score), bm25)
}

func (v *view) similarity(score float32) float64 { return engine.Similarity(v.state.Metric, score) }

// union gives the nearest documents and the best by words with their fused scores.
func (t *text) union(ctx context.Context, near []neighbour, wordy []scored) ([]candidate, error) {
	at := make(map[int64]int, len(near)+len(wordy)) // where all has a document
	var all []candidate
	for i, d := range near {
		at[d.n] = len(all)
		all = append(all, candidate{n: d.n, near: i + 1, Hit: engine.Hit{Score: d.score}})
	}
	var others []int64
	for _, d := range wordy {
		if _, known := at[int64(d.n)]; !known {
			others = append(others, int64(d.n))
		}
	}
	scores, err := t.scores(ctx, t.vector, others)
	for _, n := range others {
		at[n] = len(all)
		all = append(all, candidate{n: n, Hit: engine.Hit{Score: scores[n]}})
	}
	for _, d := range t.ranking.docs {
		if i, looked := at[int64(d.n)]; looked {
			all[i].Words = d.score
		}
	}
	for i := range all {
		t.fusion.Fuse(&all[i].Hit, t.state.Metric)
	}
	return all, err
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
	// To number the documents takes as long as to compare them with a query, so it is done once.
	const query = `SELECT CASE WHEN place = ANY ($1) THEN vector END, CASE WHEN place = ANY ($2) THEN left(text, $3) END
  FROM {documents} JOIN (SELECT n, row_number() OVER (ORDER BY n) - 1 AS place FROM {documents}) p USING (n) WHERE place = ANY ($1 || $2)`
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
		all[i] = v.similarity(v.score(query, x))
	}
	slices.SortFunc(all, func(a, b float64) int { return cmp.Compare(b, a) })
	return all
}

// spread gives the places of up to k documents in their order, from 0 on, spread evenly.
func (x *index) spread(k int64) (places []int64) {
	k = min(k, x.state.documents)
	for i := range k {
		places = append(places, i*x.state.documents/k)
	}
	return places
}
