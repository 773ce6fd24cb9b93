package store

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/language"
)

// A search by meaning and words ranks exactly: it looks at the nearest rows and at the
// best by words, until no other row can have a higher score than those it has seen.

// fuser fuses the rankings of the queries of a scan.
type fuser struct {
	snap    *snapshot
	queries []float32
	search  faiss.Search
	looked  int           // how many rows near has of each query, where there are as many
	near    [][]faiss.Hit // the nearest rows of each query
	sample  [][]faiss.Hit // rows of the sample with their scores
	// foreign reports whether the documents are in another language than English. They are
	// read at the first call: a query whose words count fully does not ask.
	foreign func() (bool, error)
}

func (snap *snapshot) newFuser(ctx context.Context, queries []float32, o engine.SearchOptions, s faiss.Search) (f *fuser, err error) {
	f = &fuser{snap: snap, queries: queries, search: s, looked: engine.FirstFused(s.K)}
	f.foreign = sync.OnceValues(func() (bool, error) { return snap.foreign(ctx) })
	if o.Explain { // each row has a rank
		f.looked = max(f.looked, int(snap.state.rows))
	}
	if f.sample, err = snap.vectors.flat.Search(ctx, queries, snap.sample()); err == nil {
		f.near, err = f.nearest(ctx, queries, 0, f.looked)
	}
	return f, err
}

func (f *fuser) nearest(ctx context.Context, queries []float32, first, k int) ([][]faiss.Hit, error) {
	s := f.search
	s.K = k
	return f.snap.candidates(ctx, queries, first, s)
}

// sample is a search for some visible rows, always the same ones.
func (snap *snapshot) sample() faiss.Search {
	return faiss.Search{K: engine.SampleFused, Skip: snap.state.skipBut(snap.state.spread(engine.SampleFused))}
}

// spread is up to k of the visible documents, always the same ones, spread evenly.
func (st *state) spread(k int64) *roaring.Bitmap {
	all := roaring.AndNot(st.present, st.dead)
	if st.documents <= k {
		return all
	}
	some := roaring.New()
	for i := range k {
		if n, err := all.Select(uint32(i * st.documents / k)); err == nil {
			some.Add(n)
		}
	}
	return some
}

// foreign reports whether the texts of the store are in another language than English.
func (snap *snapshot) foreign(ctx context.Context) (bool, error) {
	const beginning = `SELECT substr(text, 1, ?) FROM document WHERE n = ?`
	var seen language.Evidence
	err := snap.read(ctx, func(t *tx) error {
		for _, n := range snap.state.spread(engine.LanguageDocuments).ToArray() {
			for row, err := range t.Query(beginning, engine.LanguageCharacters, int64(n)) {
				if err != nil {
					return err
				}
				seen.Add(row.Text(0))
			}
		}
		return nil
	})
	return seen.Foreign(), err
}

// fuse finds the best rows of query q, and marks them.
func (f *fuser) fuse(ctx context.Context, q int, r ranking, o engine.SearchOptions, marked *marks) ([]faiss.Hit, error) {
	fusion, err := f.fusion(q, r, o)
	if err != nil {
		return nil, err
	}
	marked.fusion = fusion
	near := f.near[q]
	for looked := f.looked; ; looked *= engine.MoreFused {
		if looked > f.looked {
			more, err := f.nearest(ctx, f.query(q), q, looked)
			if err != nil {
				return nil, err
			}
			near = more[0]
		}
		wordy := f.snap.wordy(r, looked, f.search.Skip)
		all, err := f.union(ctx, q, near, wordy)
		if err != nil {
			return nil, err
		}
		scored := make([]fused, len(all))
		for i, hit := range all {
			scored[i] = fused{hit, mark{words: f.snap.bm25(r, hit.Row)}, 0}
			if i < len(near) {
				scored[i].near = i + 1
			}
			scored[i].score = fusion.Score(f.similarity(hit), float64(scored[i].words))
		}
		slices.SortFunc(scored, func(a, b fused) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.Row, b.Row)) })
		scored = scored[:min(f.search.K, len(scored))]
		if len(near) < looked || len(scored) == f.search.K && scored[len(scored)-1].score >= f.unseen(fusion, near, wordy, looked) {
			return marked.fused(scored), nil
		}
	}
}

// fused is a row with the score by meaning and words.
type fused struct {
	faiss.Hit
	mark
	score float64
}

// fused marks rows and returns them.
func (m *marks) fused(all []fused) []faiss.Hit {
	hits := make([]faiss.Hit, len(all))
	for i, one := range all {
		hits[i], m.rows[one.Row] = one.Hit, one.mark
	}
	return hits
}

// unseen is the highest score that a row may have that was not looked at.
func (f *fuser) unseen(fusion engine.Fusion, near, wordy []faiss.Hit, looked int) float64 {
	bm25 := 0.0
	if len(wordy) == looked {
		bm25 = float64(wordy[looked-1].Score)
	}
	return fusion.Score(f.similarity(near[looked-1]), bm25)
}

func (f *fuser) query(q int) []float32 {
	dim := f.snap.state.facts.Dim
	return f.queries[q*dim:][:dim]
}

func (f *fuser) similarity(hit faiss.Hit) float64 {
	return engine.Similarity(f.snap.state.facts.Metric, hit.Score)
}

// fusion is how the rankings of query q are fused.
func (f *fuser) fusion(q int, r ranking, o engine.SearchOptions) (engine.Fusion, error) {
	similarities := make([]float64, len(f.sample[q]))
	for i, hit := range f.sample[q] {
		similarities[i] = f.similarity(hit)
	}
	corpus := engine.Corpus{Documents: f.snap.state.documents}
	english := o.Fusion(q, similarities, r.terms, r.Best, corpus)
	corpus.Foreign = true
	other := o.Fusion(q, similarities, r.terms, r.Best, corpus)
	if english == other {
		return english, nil
	}
	if foreign, err := f.foreign(); foreign || err != nil {
		return other, err
	}
	return english, nil
}

// union gives the nearest rows and those of the best by words that are not among them,
// with the scores of their vectors.
func (f *fuser) union(ctx context.Context, q int, near, wordy []faiss.Hit) ([]faiss.Hit, error) {
	known := make(map[int64]bool, len(near))
	for _, hit := range near {
		known[hit.Row] = true
	}
	others := slices.DeleteFunc(slices.Clone(wordy), func(hit faiss.Hit) bool { return known[hit.Row] })
	scores, err := f.snap.scores(ctx, f.query(q), others)
	for i := range others {
		others[i].Score = scores[others[i].Row]
	}
	return slices.Concat(near, others), err
}
