package engine

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sort"

	"sheaf/internal/filter"
)

// Lister answers queries, and lists documents.
type Lister interface {
	Searcher
	// Documents yields documents in the order of insertion, as they are at one moment.
	Documents(ctx context.Context, o ListOptions) iter.Seq2[Document, error]
}

// DuplicateOptions say which documents are duplicates.
type DuplicateOptions struct {
	Filter         *filter.Filter // nil: all documents are looked at
	ScoreThreshold *float32       // see SearchOptions
	MinRelevance   *float64
	WithinSource   bool // only documents of one source are compared

	Progress func(n int) // is told of each n documents that were compared with all; may be nil
}

// Group is documents that are alike, the oldest first, without texts, metadata and vectors.
type Group struct {
	Documents []Document
	Relevance float64 // the lowest of the pairs that make the group
	ages      []int   // of the documents: their places in the order of insertion
}

// A block of documents is asked for at once, and at most so many hits at first; where all
// of them pass the thresholds, more.
const (
	duplicateBlock = 512
	duplicateHits  = 16
	moreHits       = 8
)

// Duplicates yields each pair of documents whose vectors are as near as the options say: in the
// order of their younger documents, and for one such its nearest first.
func Duplicates(ctx context.Context, s Lister, o DuplicateOptions) iter.Seq2[Group, error] {
	return func(yield func(Group, error) bool) {
		age := map[string]int{}
		var block []Document
		ask := func() bool {
			alike, err := nearDuplicates(ctx, s, block, o)
			if err != nil {
				yield(Group{}, err)
				return false
			}
			for i, d := range block {
				for _, h := range alike[i] {
					older, known := age[h.ID]
					if !known || older >= age[d.ID] || o.WithinSource && h.Source != d.Source {
						continue
					}
					if !yield(Group{[]Document{bare(h.Document), bare(d)}, h.Relevance, []int{older, age[d.ID]}}, nil) {
						return false
					}
				}
			}
			if o.Progress != nil {
				o.Progress(len(block))
			}
			block = block[:0]
			return true
		}
		for d, err := range s.Documents(ctx, ListOptions{Filter: o.Filter, WithVectors: true}) {
			if err != nil {
				yield(Group{}, err)
				return
			}
			age[d.ID] = len(age)
			if block = append(block, d); len(block) == duplicateBlock && !ask() {
				return
			}
		}
		if len(block) > 0 {
			ask()
		}
	}
}

// nearDuplicates returns for each document all that pass the thresholds, itself among them.
func nearDuplicates(ctx context.Context, s Lister, docs []Document, o DuplicateOptions) ([][]Hit, error) {
	found := make([][]Hit, len(docs))
	asked := make([]int, len(docs))
	for i := range asked {
		asked[i] = i
	}
	for k := duplicateHits; len(asked) > 0; k *= moreHits {
		var more []int
		for some := range slices.Chunk(asked, max(1, duplicateBlock*duplicateHits/k)) { // the hits of one search are in memory together
			queries := make([][]float32, len(some))
			for j, i := range some {
				queries[j] = docs[i].Vector
			}
			hits, err := s.Search(ctx, queries, SearchOptions{
				K: k, Mode: ByVector, Filter: o.Filter, ScoreThreshold: o.ScoreThreshold, MinRelevance: o.MinRelevance,
			})
			if err != nil {
				return nil, err
			}
			for j, i := range some {
				if found[i] = hits[j]; len(hits[j]) == k {
					more = append(more, i)
				}
			}
		}
		asked = more
	}
	return found, nil
}

func bare(d Document) Document {
	return Document{ID: d.ID, Source: d.Source, StartIndex: d.StartIndex, StartLine: d.StartLine, EndLine: d.EndLine}
}

// Groups joins pairs that have a document in common, as often as there are such, and returns
// the groups by their oldest documents.
func Groups(pairs iter.Seq2[Group, error]) ([]Group, error) {
	var groups []*Group
	of := map[string]*Group{} // by document
	for pair, err := range pairs {
		if err != nil {
			return nil, err
		}
		first, second := pair.Documents[0], pair.Documents[1]
		a, b := of[first.ID], of[second.ID]
		switch {
		case a == nil && b == nil:
			a = &Group{Relevance: pair.Relevance}
			groups = append(groups, a)
			a.add(first, pair.ages[0], of)
			a.add(second, pair.ages[1], of)
		case a == nil:
			a = b
			a.add(first, pair.ages[0], of)
		case b == nil:
			a.add(second, pair.ages[1], of)
		case a != b:
			if len(a.Documents) < len(b.Documents) {
				a, b = b, a
			}
			a.Relevance = min(a.Relevance, b.Relevance)
			for i, d := range b.Documents {
				a.add(d, b.ages[i], of)
			}
			b.Documents = nil
		}
		a.Relevance = min(a.Relevance, pair.Relevance)
	}
	var all []Group
	for _, g := range groups {
		if g.Documents != nil {
			sort.Sort(byAge{g})
			all = append(all, *g)
		}
	}
	slices.SortFunc(all, func(a, b Group) int { return cmp.Compare(a.ages[0], b.ages[0]) })
	return all, nil
}

func (g *Group) add(d Document, age int, of map[string]*Group) {
	g.Documents, g.ages, of[d.ID] = append(g.Documents, d), append(g.ages, age), g
}

// byAge sorts the documents of a group, the oldest first.
type byAge struct{ *Group }

func (g byAge) Len() int           { return len(g.ages) }
func (g byAge) Less(i, j int) bool { return g.ages[i] < g.ages[j] }
func (g byAge) Swap(i, j int) {
	g.ages[i], g.ages[j] = g.ages[j], g.ages[i]
	g.Documents[i], g.Documents[j] = g.Documents[j], g.Documents[i]
}
