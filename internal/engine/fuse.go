package engine

import (
	"cmp"
	"context"
	"slices"
)

// Rankings are those of a store's documents for one query: by meaning and by words.
type Rankings interface {
	// Nearest are the n nearest documents, all of them where there are fewer, with their scores.
	Nearest(ctx context.Context, n int) ([]Candidate, error)
	// Wordy are the n best documents by words, all that have one where these are fewer, with
	// their Words.
	Wordy(ctx context.Context, n int) ([]Candidate, error)
	// Complete sets the Words of documents that were found by meaning, and the scores of others
	// that were found by words.
	Complete(ctx context.Context, near, wordy []Candidate) error
}

// Rank finds the k best documents by meaning and words, the best first, ties by age. It ranks
// exactly: it looks at the nearest and at the best by words, first so many of each, until no
// other document can have a higher score than those that it has seen.
func (f Fusion) Rank(ctx context.Context, m Metric, k, first int, r Rankings) ([]Candidate, error) {
	for looked := first; ; looked *= MoreFused {
		near, err := r.Nearest(ctx, looked)
		if err != nil {
			return nil, err
		}
		wordy, err := r.Wordy(ctx, looked)
		if err != nil {
			return nil, err
		}
		all := union(near, wordy)
		if err := r.Complete(ctx, all[:len(near)], all[len(near):]); err != nil {
			return nil, err
		}
		for i := range all {
			all[i].Fused = f.Score(Similarity(m, all[i].Score), float64(all[i].Words))
		}
		slices.SortFunc(all, func(a, b Candidate) int {
			return cmp.Or(cmp.Compare(b.Fused, a.Fused), cmp.Compare(a.Number, b.Number))
		})
		all = all[:min(k, len(all))]
		if len(near) < looked || len(all) == k && all[k-1].Fused >= f.unseen(m, near, wordy, looked) {
			return all, nil
		}
	}
}

// union gives the nearest with their places, and then those of the best by words that are not
// among them.
func union(near, wordy []Candidate) []Candidate {
	known := make(map[int64]bool, len(near))
	all := make([]Candidate, len(near), len(near)+len(wordy))
	copy(all, near)
	for i := range all {
		all[i].Near = i + 1
		known[all[i].Number] = true
	}
	for _, d := range wordy {
		if !known[d.Number] {
			all = append(all, d)
		}
	}
	return all
}

// unseen is the highest score that a document may have that was not looked at.
func (f Fusion) unseen(m Metric, near, wordy []Candidate, looked int) float64 {
	bm25 := 0.0
	if len(wordy) == looked {
		bm25 = float64(wordy[looked-1].Words)
	}
	return f.Score(Similarity(m, near[looked-1].Score), bm25)
}
