package engine

import (
	"cmp"
	"context"
	"iter"
	"slices"

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
	Documents []Member
	Relevance float64 // the lowest of the pairs that make the group
}

// Member is a document of a group.
type Member struct {
	Document
	age int // its place in the order of insertion
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
					if !yield(Group{[]Member{{bare(h.Document), older}, {bare(d), age[d.ID]}}, h.Relevance}, nil) {
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
				K: k, Mode: ByVector, Filter: o.Filter, ScoreThreshold: o.ScoreThreshold, MinRelevance: o.MinRelevance, Recall: 1,
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
			a.add(first, of)
			a.add(second, of)
		case a == nil:
			a = b
			a.add(first, of)
		case b == nil:
			a.add(second, of)
		case a != b:
			if len(a.Documents) < len(b.Documents) {
				a, b = b, a
			}
			a.Relevance = min(a.Relevance, b.Relevance)
			for _, d := range b.Documents {
				a.add(d, of)
			}
			b.Documents = nil
		}
		a.Relevance = min(a.Relevance, pair.Relevance)
	}
	var all []Group
	for _, g := range groups {
		if g.Documents != nil {
			slices.SortFunc(g.Documents, byAge)
			all = append(all, *g)
		}
	}
	slices.SortFunc(all, func(a, b Group) int { return byAge(a.Documents[0], b.Documents[0]) })
	return all, nil
}

func (g *Group) add(d Member, of map[string]*Group) {
	g.Documents, of[d.ID] = append(g.Documents, d), g
}

func byAge(a, b Member) int { return cmp.Compare(a.age, b.age) }
