package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

// points is a store of documents that compares them by cosine.
type points struct {
	docs     []engine.Document
	searched int
	err      error // of the second search
}

func (p *points) Documents(_ context.Context, _ engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) {
		for _, d := range p.docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func (p *points) Search(_ context.Context, queries [][]float32, o engine.SearchOptions) ([][]engine.Hit, error) {
	if p.searched++; p.searched > 1 && p.err != nil {
		return nil, p.err
	}
	found := make([][]engine.Hit, len(queries))
	for i, q := range queries {
		for _, d := range p.docs {
			relevance := (1 + vector.Cosine(q, d.Vector, vector.Length(q), vector.Length(d.Vector))) / 2
			if relevance >= *o.MinRelevance {
				found[i] = append(found[i], engine.Hit{Document: d, Relevance: relevance})
			}
		}
		slices.SortStableFunc(found[i], func(a, b engine.Hit) int { return int(1e9 * (b.Relevance - a.Relevance)) })
		found[i] = found[i][:min(o.K, len(found[i]))]
	}
	return found, nil
}

// clusters makes documents around n places, so many near to each.
func clusters(n, each int) *points {
	p := &points{}
	for i := range n * each {
		v := make([]float32, 16)
		place := rand.New(rand.NewPCG(5, uint64(i%n)))
		noise := rand.New(rand.NewPCG(6, uint64(i)))
		for j := range v {
			v[j] = float32(place.NormFloat64() + 0.02*noise.NormFloat64())
		}
		p.docs = append(p.docs, engine.Document{ID: fmt.Sprint(i), Source: fmt.Sprint(i % 2), Vector: v})
	}
	return p
}

// Duplicates finds each pair that a comparison of all with all finds, also where a document has
// more than are asked for at first, and where documents fill several blocks.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	relevance := 0.99
	for _, p := range []*points{clusters(3, 50), clusters(300, 2), clusters(1, 1)} {
		for _, within := range []bool{false, true} {
			want := map[[2]string]bool{}
			for i, a := range p.docs {
				for _, b := range p.docs[:i] {
					near := (1+vector.Cosine(a.Vector, b.Vector, vector.Length(a.Vector), vector.Length(b.Vector)))/2 >= relevance
					if near && (!within || a.Source == b.Source) {
						want[[2]string{b.ID, a.ID}] = true
					}
				}
			}
			got := map[[2]string]bool{}
			for pair, err := range engine.Duplicates(t.Context(), p, engine.DuplicateOptions{MinRelevance: &relevance, WithinSource: within}) {
				if err != nil {
					t.Fatal(err)
				}
				key := [2]string{pair.Documents[0].ID, pair.Documents[1].ID}
				if got[key] || !want[key] {
					t.Errorf("%v is wrong or comes twice", key)
				}
				got[key] = true
			}
			if len(got) != len(want) {
				t.Errorf("%d documents, within sources %v: %d pairs, want %d", len(p.docs), within, len(got), len(want))
			}
		}
	}
}

func TestDuplicatesFail(t *testing.T) {
	t.Parallel()
	relevance := 0.99
	p := clusters(3, 50) // each place has more than are asked for at first
	p.err = errors.New("the disk is gone")
	_, err := engine.Groups(engine.Duplicates(t.Context(), p, engine.DuplicateOptions{MinRelevance: &relevance}))
	if !errors.Is(err, p.err) {
		t.Errorf("an error of a search becomes %v", err)
	}
}

// Groups are the connected parts of what is alike.
func TestGroups(t *testing.T) {
	t.Parallel()
	relevance := 0.99
	groups, err := engine.Groups(engine.Duplicates(t.Context(), clusters(40, 3), engine.DuplicateOptions{MinRelevance: &relevance}))
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 40 {
		t.Fatalf("%d groups", len(groups))
	}
	for i, g := range groups {
		var ids []string
		for _, d := range g.Documents {
			ids = append(ids, d.ID)
		}
		if want := []string{fmt.Sprint(i), fmt.Sprint(40 + i), fmt.Sprint(80 + i)}; !slices.Equal(ids, want) {
			t.Errorf("group %d: %v, want %v", i, ids, want)
		}
		if g.Relevance < relevance || g.Relevance > 1 {
			t.Errorf("group %d has relevance %v", i, g.Relevance)
		}
	}
}

// Pairs that join two groups join them whole.
func TestGroupsJoin(t *testing.T) {
	t.Parallel()
	p := &points{}
	for i, v := range [][]float32{{1, 0}, {0.7, 0.714}, {0.98, 0.2}, {0.83, 0.557}, {0.92, 0.392}} { // the last is between the others
		p.docs = append(p.docs, engine.Document{ID: fmt.Sprint(i), Vector: v})
	}
	relevance := 0.985
	groups, err := engine.Groups(engine.Duplicates(t.Context(), p, engine.DuplicateOptions{MinRelevance: &relevance}))
	if err != nil || len(groups) != 1 || len(groups[0].Documents) != 5 || groups[0].Documents[0].ID != "0" || groups[0].Documents[4].ID != "4" {
		t.Errorf("%+v, %v", groups, err)
	}
}
