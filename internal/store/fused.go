package store

import (
	"context"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/language"
)

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
func (f *fuser) fuse(ctx context.Context, q int, r ranking, o engine.SearchOptions, marked *marks) (hits []faiss.Hit, err error) {
	if marked.fusion, err = f.fusion(q, r, o); err != nil {
		return nil, err
	}
	best, err := marked.fusion.Rank(ctx, f.snap.state.facts.Metric, f.search.K, f.looked, &rankings{f, q, r})
	for _, d := range best {
		hits = append(hits, faiss.Hit{Row: d.Number, Score: d.Score})
		marked.rows[d.Number] = mark{words: d.Words, near: d.Near}
	}
	return hits, err
}

// rankings are those of rows for query q.
type rankings struct {
	*fuser
	q  int
	by ranking
}

// Nearest are the nearest rows that are not skipped.
func (r *rankings) Nearest(ctx context.Context, n int) (near []engine.Candidate, err error) {
	found := r.near[r.q : r.q+1]
	if n > r.looked {
		found, err = r.nearest(ctx, r.query(r.q), r.q, n)
	}
	if err != nil {
		return nil, err
	}
	for _, hit := range found[0] {
		near = append(near, engine.Candidate{Number: hit.Row, Score: hit.Score})
	}
	return near, nil
}

// Wordy are the best rows by words that are not skipped.
func (r *rankings) Wordy(_ context.Context, n int) (wordy []engine.Candidate, err error) {
	for _, hit := range r.snap.wordy(r.by, n, r.search.Skip) {
		wordy = append(wordy, engine.Candidate{Number: hit.Row, Words: hit.Score})
	}
	return wordy, nil
}

// Complete sets what is not known of rows yet: see engine.Rankings.
func (r *rankings) Complete(ctx context.Context, near, wordy []engine.Candidate) error {
	for i := range near {
		near[i].Words = r.snap.bm25(r.by, near[i].Number)
	}
	rows := make([]faiss.Hit, len(wordy))
	for i, d := range wordy {
		rows[i].Row = d.Number
	}
	scores, err := r.snap.scores(ctx, r.query(r.q), rows)
	for i := range wordy {
		wordy[i].Score = scores[wordy[i].Number]
	}
	return err
}

func (f *fuser) query(q int) []float32 {
	dim := f.snap.state.facts.Dim
	return f.queries[q*dim:][:dim]
}

// fusion is how the rankings of query q are fused.
func (f *fuser) fusion(q int, r ranking, o engine.SearchOptions) (engine.Fusion, error) {
	similarities := make([]float64, len(f.sample[q]))
	for i, hit := range f.sample[q] {
		similarities[i] = engine.Similarity(f.snap.state.facts.Metric, hit.Score)
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
