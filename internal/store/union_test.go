package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// TestMergedDeletedCompacted holds three properties on random stores: a merge
// answers as one store of all documents does; what was deleted is in no answer,
// and the others answer as before; compacting changes no answer.
func TestMergedDeletedCompacted(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			point := func() []float32 { // small whole numbers: scores are exact and tie often
				return []float32{float32(random.IntN(5)), float32(random.IntN(5)), float32(random.IntN(5))}
			}
			f := facts
			f.Metric = []engine.Metric{engine.L2, engine.InnerProduct}[seed%2]
			imported := func(docs []engine.Transfer) *store.Writer {
				w, _ := create(t, f)
				if _, err := importInto(t.Context(), w, transfers(docs...), engine.OnConflictFail); err != nil {
					t.Fatal(err)
				}
				return w
			}
			var docs []engine.Transfer
			for i := range 60 {
				docs = append(docs, transfer(fmt.Sprint(i), fmt.Sprint("text ", i), fmt.Sprint("s", i%7), point()))
			}
			cut := random.IntN(len(docs) + 1)
			for i := range docs[cut:] {
				docs[cut+i].From.Key += " of b"
				docs[cut+i].From.Name += " of b"
			}
			whole, a, b := imported(docs), imported(docs[:cut]), imported(docs[cut:])
			queries := [][]float32{point(), point(), point(), point()}
			answers := func(w *store.Writer) [][]engine.Hit {
				hits, err := w.Search(t.Context(), queries, engine.SearchOptions{K: len(docs), WithVectors: true})
				if err != nil {
					t.Fatal(err)
				}
				return hits
			}
			merged, err := mergeStores(t.Context(), a, []*store.Store{b.Store}, engine.OnConflictFail)
			if want := (engine.Merged{Added: int64(len(docs) - cut)}); err != nil || merged != want {
				t.Fatalf("%+v, %v; want %+v", merged, err, want)
			}
			want := answers(whole)
			if diff := cmp.Diff(want, answers(a), anyKey); diff != "" {
				t.Fatalf("merged: %s", diff)
			}

			var gone []string
			for _, d := range docs {
				if random.IntN(3) == 0 {
					gone = append(gone, d.ID)
				}
			}
			set, _, err := a.SelectIDs(t.Context(), gone)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Delete(t.Context(), set); err != nil {
				t.Fatal(err)
			}
			for q := range want {
				want[q] = slices.DeleteFunc(want[q], func(h engine.Hit) bool { return slices.Contains(gone, h.ID) })
				for i := range want[q] {
					want[q][i].Rank = i + 1
				}
			}
			if diff := cmp.Diff(want, answers(a), anyKey); diff != "" {
				t.Fatalf("deleted: %s", diff)
			}

			if c, err := a.Compact(t.Context()); err != nil || c.Rows != int64(len(gone)) {
				t.Fatalf("%+v, %v; want %d rows", c, err, len(gone))
			}
			if diff := cmp.Diff(want, answers(a), anyKey); diff != "" {
				t.Fatalf("compacted: %s", diff)
			}
		})
	}
}
