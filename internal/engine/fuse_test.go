package engine_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"sheaf/internal/engine"
)

// ranked is documents with what a query finds of them; their numbers are their places.
type ranked struct {
	scores, words []float32
	asked         int   // how many of each were asked for last
	err           error // of what is asked for second
}

func (r *ranked) first(n int, less func(a, b engine.Candidate) int) []engine.Candidate {
	var all []engine.Candidate
	for i := range r.scores {
		all = append(all, engine.Candidate{Number: int64(i), Score: r.scores[i], Words: r.words[i]})
	}
	slices.SortStableFunc(all, less)
	return all[:min(n, len(all))]
}

func (r *ranked) Nearest(_ context.Context, n int) ([]engine.Candidate, error) {
	if r.asked > 0 && r.err != nil {
		return nil, r.err
	}
	r.asked = n
	near := r.first(n, func(a, b engine.Candidate) int { return cmp.Compare(b.Score, a.Score) })
	for i := range near {
		near[i].Words = 0
	}
	return near, nil
}

func (r *ranked) Wordy(_ context.Context, n int) ([]engine.Candidate, error) {
	wordy := r.first(n, func(a, b engine.Candidate) int { return cmp.Compare(b.Words, a.Words) })
	wordy = slices.DeleteFunc(wordy, func(d engine.Candidate) bool { return d.Words == 0 })
	for i := range wordy {
		wordy[i].Score = 0
	}
	return wordy, nil
}

func (r *ranked) Complete(_ context.Context, near, wordy []engine.Candidate) error {
	for i := range near {
		near[i].Words = r.words[near[i].Number]
	}
	for i := range wordy {
		wordy[i].Score = r.scores[wordy[i].Number]
	}
	return nil
}

// Rank gives what a look at all documents gives, however few it looks at first.
func TestRank(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(1, seed))
		r := &ranked{}
		for range 300 {
			r.scores = append(r.scores, float32(random.IntN(50))) // many are equal
			r.words = append(r.words, float32(max(0, random.IntN(20)-10)))
		}
		f := engine.Fusion{Mean: 25, Deviation: 10, Weight: float64(seed % 5), Best: 9}
		score := func(d engine.Candidate) float64 { return f.Score(float64(d.Score), float64(d.Words)) }
		for _, k := range []int{1, 7, 300} {
			want := r.first(k, func(a, b engine.Candidate) int { return cmp.Compare(score(b), score(a)) })
			for _, first := range []int{1, 16, 1000} {
				r.asked = 0
				got, err := f.Rank(t.Context(), engine.InnerProduct, k, first, r)
				if err != nil || len(got) != len(want) {
					t.Fatalf("seed %d, %d of %d first: %d documents, %v", seed, k, first, len(got), err)
				}
				for i, d := range got {
					if d.Number != want[i].Number || d.Score != want[i].Score || d.Words != want[i].Words || d.Fused != score(want[i]) {
						t.Fatalf("seed %d, %d of %d first: place %d is %+v, want %+v", seed, k, first, i, d, want[i])
					}
				}
			}
		}
	}
}

// Rank looks at no more documents than it has to, and says which place each has among the nearest.
func TestRankLooks(t *testing.T) {
	t.Parallel()
	r := &ranked{scores: make([]float32, 1000), words: make([]float32, 1000)}
	for i := range r.scores {
		r.scores[i] = float32(1000 - i)
	}
	r.words[900] = 1
	f := engine.Fusion{Deviation: 1, Weight: 5000, Best: 1}
	got, err := f.Rank(t.Context(), engine.InnerProduct, 2, 4, r)
	if err != nil || got[0].Number != 900 || got[0].Near != 0 || got[1].Number != 0 || got[1].Near != 1 || r.asked != 4 {
		t.Errorf("%+v of %d, %v", got, r.asked, err)
	}
	r.words[901], f.Weight, r.asked = 0.5, 1, 0 // as good as nothing
	if got, err = f.Rank(t.Context(), engine.InnerProduct, 40, 4, r); err != nil || len(got) != 40 || r.asked != 256 {
		t.Errorf("%d documents of %d, %v", len(got), r.asked, err)
	}
	r.asked, r.err = 0, errors.New("the server is gone")
	if _, err = f.Rank(t.Context(), engine.InnerProduct, 40, 4, r); !errors.Is(err, r.err) {
		t.Errorf("an error becomes %v", err)
	}
}
