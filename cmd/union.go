package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// manyStores is the annotation of verbs that take any number of stores, as they answer from several at
// once, or from none.
const manyStores = "stores"

var takesManyStores = map[string]string{manyStores: "yes"}

// catalog is what verbs that ask need of a store, or of several.
type catalog interface {
	engine.Lister
	Facts() engine.Facts
	Info(ctx context.Context) (engine.Info, error)
	Settings() string
	Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error]
	SourceByName(ctx context.Context, name string) (engine.Source, bool, error)
	Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error)
}

// part is one of the stores that a verb answers from.
type part struct {
	name string
	reader
}

// union answers from several stores as if they were one. Hits name their store.
type union struct {
	parts []part
	facts engine.Facts // zero before agree
}

// parts returns the stores that verbs answer from: those of a union, or the one.
func (env *environment) parts(s catalog) []part {
	switch s := s.(type) {
	case *union:
		return s.parts
	case reader:
		return []part{{env.config.Store, s}}
	}
	return nil
}

// withStores opens the stores that are named for reading and calls use with them.
func (env *environment) withStores(ctx context.Context, use func(catalog) error) (err error) {
	if len(env.config.Stores) == 1 {
		return env.withStore(ctx, func(s reader) error { return use(s) })
	}
	u := &union{}
	defer func() { err = errors.Join(err, u.close()) }()
	for _, name := range env.config.Stores {
		s, err := env.stores.Open(ctx, name, env.storeOptions(nil))
		if err != nil {
			return err
		}
		u.parts = append(u.parts, part{name, s})
	}
	return use(u)
}

// withAgreeing is withStores for verbs that ask, of which all stores must have the same embedder,
// dim and metric.
func (env *environment) withAgreeing(ctx context.Context, use func(catalog) error) error {
	return env.withStores(ctx, func(s catalog) error {
		if u, several := s.(*union); several {
			if err := u.agree(); err != nil {
				return err
			}
		}
		return use(s)
	})
}

// agree sets the facts of the stores, or says which disagree.
func (u *union) agree() error {
	u.facts = u.parts[0].Facts()
	for _, p := range u.parts[1:] {
		if err := p.Facts().Agree(u.facts); err != nil {
			return fmt.Errorf("%q cannot be asked together with %q: %w", p.name, u.parts[0].name, err)
		}
		u.facts.NoWords = u.facts.NoWords || p.Facts().NoWords
	}
	return nil
}

func (u *union) close() (err error) {
	for _, p := range u.parts {
		err = errors.Join(err, p.Close())
	}
	return err
}

// Facts returns what the stores agree on, after agree. They have words where each has.
func (u *union) Facts() engine.Facts { return u.facts }

// Settings returns those of the first store.
func (u *union) Settings() string { return u.parts[0].Settings() }

// Info returns the ids of the stores and the sums of what they hold, and no other figures.
func (u *union) Info(ctx context.Context) (all engine.Info, err error) {
	var ids []string
	for _, p := range u.parts {
		info, err := p.Info(ctx)
		if err != nil {
			return all, err
		}
		ids = append(ids, info.ID)
		all.Generation += info.Generation
		all.Documents += info.Documents
		all.Sources += info.Sources
	}
	all.Facts, all.ID = u.facts, strings.Join(ids, " ")
	return all, nil
}

// SourceByName returns the source of that name in the first store that has one.
func (u *union) SourceByName(ctx context.Context, name string) (s engine.Source, found bool, err error) {
	for _, p := range u.parts {
		if s, found, err = p.SourceByName(ctx, name); found || err != nil {
			break
		}
	}
	return s, found, err
}

// Documents yields the documents of one store after the other.
func (u *union) Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) {
		n := 0
		for _, p := range u.parts {
			for d, err := range p.Documents(ctx, o) {
				d.Store = p.name
				if n++; !yield(d, err) || n == o.Limit {
					return
				}
			}
		}
	}
}

// Sources yields the sources of one store after the other.
func (u *union) Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error] {
	return func(yield func(engine.SourceInfo, error) bool) {
		for _, p := range u.parts {
			for s, err := range p.Sources(ctx, f) {
				s.Store = p.name
				if !yield(s, err) {
					return
				}
			}
		}
	}
}

// Get returns the documents with the ids in the order of these; of one id that of each store that has
// one. missing are the ids that no store has.
func (u *union) Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error) {
	known, once := map[string][]engine.Document{}, slices.Compact(slices.Sorted(slices.Values(ids)))
	for _, p := range u.parts {
		found, _, err := p.Get(ctx, once, withVectors)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range found {
			d.Store = p.name
			known[d.ID] = append(known[d.ID], d)
		}
	}
	for _, id := range ids {
		if len(known[id]) == 0 {
			missing = append(missing, id)
		}
		docs = append(docs, known[id]...)
	}
	return docs, missing, nil
}

// Search ranks the best hits of each store together. Of a store whose answer is exact o.Looked is
// told all documents, where that of another store is not.
func (u *union) Search(ctx context.Context, queries [][]float32, o engine.SearchOptions) (found [][]engine.Hit, err error) {
	each := o
	each.Pick, each.WithVectors = nil, o.WithVectors || o.Pick != nil
	each.Explain = o.Explain || o.Mode == engine.Hybrid // explanations have what scores are made of
	pools := make([]pool, len(queries))
	for _, p := range u.parts {
		info, err := p.Info(ctx)
		if err != nil {
			return nil, err
		}
		looked := slices.Repeat([]lookedAt{{info.Documents, info.Documents}}, len(queries))
		each.Looked = func(q int, vectors, of int64) { looked[q], pools[q].approximate = lookedAt{vectors, of}, true }
		found, err := p.Search(ctx, queries, each)
		if err != nil {
			return nil, fmt.Errorf("searching %q: %w", p.name, err)
		}
		for q, hits := range found {
			for i := range hits {
				hits[i].Store = p.name
			}
			pools[q].add(hits, float64(info.Documents))
			pools[q].looked.add(looked[q])
		}
	}
	found = make([][]engine.Hit, len(queries))
	for q := range pools {
		hits := pools[q].ranked(u.facts.Metric, o.Mode)
		if found[q], err = pickHits(ctx, queries[q], hits[:min(o.K, len(hits))], o); err != nil {
			return nil, err
		}
		if l := pools[q].looked; o.Looked != nil && pools[q].approximate {
			o.Looked(q, l.Vectors, l.Of)
		}
	}
	return found, nil
}

// pickHits returns of the best hits those that o.Pick picks, as o asks for them.
func pickHits(ctx context.Context, query []float32, best []engine.Hit, o engine.SearchOptions) ([]engine.Hit, error) {
	hits := best
	if o.Pick != nil {
		vectors := make([][]float32, len(best))
		for i, h := range best {
			vectors[i] = h.Vector
		}
		picked, err := o.Pick(ctx, query, vectors)
		if err != nil {
			return nil, err
		}
		hits = make([]engine.Hit, len(picked))
		for i, at := range picked {
			hits[i] = best[at]
		}
	}
	for i := range hits {
		h := &hits[i]
		h.Rank = i + 1
		if !o.WithVectors {
			h.Vector = nil
		}
		if !o.Explain {
			h.Explanation = nil
		}
	}
	return hits, nil
}

// pool collects the hits of a query from several stores.
type pool struct {
	hits []engine.Hit
	best float64 // BM25 of a document

	documents, sum, squares float64 // of the similarities, by the stores' means and deviations

	looked      lookedAt // all documents of stores whose answers are exact
	approximate bool     // the answer of a store may not be exact
}

// add adds the hits of a store with so many documents.
func (p *pool) add(hits []engine.Hit, documents float64) {
	p.hits = append(p.hits, hits...)
	if len(hits) == 0 || hits[0].Explanation == nil || hits[0].Explanation.Query == nil {
		return // not by words and meaning
	}
	f := hits[0].Explanation.Query.Fusion
	p.documents += documents
	p.sum += documents * f.Mean
	p.squares += documents * (f.Deviation*f.Deviation + f.Mean*f.Mean)
	p.best = max(p.best, f.Best)
}

// ranked returns the hits, best first; of equals that of the store that was named first.
func (p *pool) ranked(m engine.Metric, mode engine.Mode) []engine.Hit {
	if mode == engine.Hybrid && p.documents > 0 {
		p.fuse(m)
	}
	slices.SortStableFunc(p.hits, func(a, b engine.Hit) int {
		switch mode {
		case engine.Hybrid:
			return cmp.Compare(b.Fused, a.Fused)
		case engine.ByWords:
			return cmp.Compare(b.Words, a.Words)
		}
		return cmp.Compare(engine.Similarity(m, b.Score), engine.Similarity(m, a.Score))
	})
	return p.hits
}

// fuse scores the hits by the mean and deviation of the documents of all stores: by its own, the
// best of a store without anything to the point would be far above the mean too. What words
// weigh is what the documents of a hit's own store say of them.
func (p *pool) fuse(m engine.Metric) {
	mean := p.sum / p.documents
	deviation := math.Sqrt(max(0, p.squares/p.documents-mean*mean))
	for i := range p.hits {
		h := &p.hits[i]
		f := &h.Explanation.Query.Fusion
		f.Mean, f.Deviation, f.Best = mean, deviation, p.best
		f.Fuse(h, m)
		h.Explanation.Deviations = f.Deviations(engine.Similarity(m, h.Score))
	}
}
