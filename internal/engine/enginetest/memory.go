package enginetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/vector"
	"sheaf/internal/words"
)

// Memory is an engine that keeps its stores in maps: the second one beside the
// folder, which shows that callers of an engine know nothing of folders. Its zero
// value has no store. It may be used by many goroutines.
type Memory struct {
	mu     sync.Mutex
	stores map[string]*memory
}

// memory is one store.
type memory struct {
	name  string
	mu    sync.Mutex
	held  bool     // by a writer
	shown *content // what was committed last; nil before Create has returned
}

// content is what a store holds. It is never changed once it is shown.
type content struct {
	facts            engine.Facts
	id               string
	generation       int64
	settings         string
	created, updated time.Time
	docs             map[string]*document // by id
	sources          map[int64]engine.Source
	next             int64 // the number of the next document or source
}

type document struct {
	engine.Document
	number, source int64
	origin         engine.Origin
}

func (c *content) clone() *content {
	next := *c
	next.docs, next.sources = maps.Clone(c.docs), maps.Clone(c.sources)
	return &next
}

// number returns a number that was not used before.
func (c *content) number() int64 {
	c.next++
	return c.next
}

// ordered returns the documents that keep accepts, in the order of insertion.
func (c *content) ordered(keep func(*document) (bool, error)) (docs []*document, err error) {
	for _, d := range c.docs {
		ok, err := keep(d)
		if err != nil {
			return nil, err
		}
		if ok {
			docs = append(docs, d)
		}
	}
	slices.SortFunc(docs, func(a, b *document) int { return cmp.Compare(a.number, b.number) })
	return docs, nil
}

func (c *content) matching(f *filter.Filter) func(*document) (bool, error) {
	return func(d *document) (bool, error) { return f.Of(c.sources[d.source].Name).Match(d.Metadata.JSON()) }
}

// bySource returns the sources in the order in which they came.
func (c *content) bySource() []engine.Source {
	return slices.SortedFunc(maps.Values(c.sources), func(a, b engine.Source) int { return cmp.Compare(a.Number, b.Number) })
}

// count makes the source's number of documents true. One that lost some is to be
// read again, and one that lost all goes.
func (c *content) count(source int64) {
	src := c.sources[source]
	before := src.Documents
	src.Documents = 0
	for _, d := range c.docs {
		if d.source == source {
			src.Documents++
		}
	}
	if src.Documents == before {
		return
	}
	src.Hash = nil
	c.sources[source] = src
	if src.Documents == 0 {
		delete(c.sources, source)
	}
}

// Create makes a store.
func (m *Memory) Create(_ context.Context, name string, f engine.Facts, _ engine.Options) (*MemoryWriter, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stores[name] != nil {
		return nil, engine.ErrExist
	}
	if m.stores == nil {
		m.stores = map[string]*memory{}
	}
	now := time.Now()
	s := &memory{name: name, held: true, shown: &content{
		facts: f, id: rand.Text(), created: now, updated: now, docs: map[string]*document{}, sources: map[int64]engine.Source{},
	}}
	m.stores[name] = s
	w := newMemoryWriter(s)
	w.undo = func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.stores, name)
	}
	return w, nil
}

// Open opens a store for reading.
func (m *Memory) Open(_ context.Context, name string, _ engine.Options) (*MemoryReader, error) {
	s, err := m.find(name)
	if err != nil {
		return nil, err
	}
	return &MemoryReader{s: s}, nil
}

// OpenWriter opens a store for writing.
func (m *Memory) OpenWriter(_ context.Context, name string, _ engine.Options) (*MemoryWriter, error) {
	s, err := m.find(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		return nil, &engine.LockedError{}
	}
	s.held = true
	return newMemoryWriter(s), nil
}

func (m *Memory) find(name string) (*memory, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.stores[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("opening store %q: %w", name, engine.ErrNotExist)
}

// MemoryReader answers from a store.
type MemoryReader struct{ s *memory }

// content returns what was committed last.
func (r *MemoryReader) content() *content {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.shown
}

// Close releases the store.
func (r *MemoryReader) Close() error { return nil }

// Facts implements engine.Searcher.
func (r *MemoryReader) Facts() engine.Facts { return r.content().facts }

// Settings returns what SetSettings kept.
func (r *MemoryReader) Settings() string { return r.content().settings }

// Info counts.
func (r *MemoryReader) Info(context.Context) (engine.Info, error) {
	c := r.content()
	normalized := true
	for _, d := range c.docs {
		normalized = normalized && engine.IsUnit(d.Vector, c.facts.Dim)
	}
	return engine.Info{
		Facts: c.facts, ID: c.id, Generation: c.generation, FormatVersion: 1, Normalized: normalized, Documents: int64(len(c.docs)), Sources: int64(len(c.sources)),
		IndexType: "map", CreatedAt: c.created, UpdatedAt: c.updated,
	}, nil
}

// shown returns a document as it is answered with.
func (d *document) shown(c *content, withVector bool) engine.Document {
	out := d.Document
	src := c.sources[d.source]
	if out.Source, out.Key = src.Name, src.Key; !withVector {
		out.Vector = nil
	}
	return out
}

// Get returns documents in the order of the ids.
func (r *MemoryReader) Get(_ context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error) {
	c := r.content()
	for _, id := range ids {
		if d := c.docs[id]; d != nil {
			docs = append(docs, d.shown(c, withVectors))
		} else {
			missing = append(missing, id)
		}
	}
	return docs, missing, nil
}

// Documents yields documents in the order of insertion.
func (r *MemoryReader) Documents(_ context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) {
		c := r.content()
		docs, err := c.ordered(c.matching(o.Filter))
		if err != nil {
			yield(engine.Document{}, err)
			return
		}
		for i, d := range docs {
			if o.Limit > 0 && i == o.Limit || !yield(d.shown(c, o.WithVectors), nil) {
				return
			}
		}
	}
}

// Sources yields sources in the order in which they came.
func (r *MemoryReader) Sources(_ context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error] {
	return func(yield func(engine.SourceInfo, error) bool) {
		c := r.content()
		docs, err := c.ordered(c.matching(f))
		if err != nil {
			yield(engine.SourceInfo{}, err)
			return
		}
		n := map[int64]int64{}
		for _, d := range docs {
			n[d.source]++
		}
		for _, src := range c.bySource() {
			info := engine.SourceInfo{Name: src.Name, Key: src.Key, Documents: n[src.Number]}
			if (f == nil || info.Documents > 0) && !yield(info, nil) {
				return
			}
		}
	}
}

// Search compares each query with every vector.
func (r *MemoryReader) Search(ctx context.Context, queries [][]float32, o engine.SearchOptions) ([][]engine.Hit, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	c := r.content()
	docs, err := c.ordered(func(*document) (bool, error) { return true, nil })
	if err != nil {
		return nil, err
	}
	info, err := r.Info(ctx)
	if err != nil {
		return nil, err
	}
	answers := make([][]engine.Hit, len(queries))
	for i, q := range queries {
		if q == nil && o.Mode == engine.ByWords {
			q = make([]float32, c.facts.Dim)
		}
		if q, err = c.facts.Vector(q); err != nil {
			return nil, err
		}
		if o.ByText() && len(o.Texts) != len(queries) {
			return nil, fmt.Errorf("%d texts and %d vectors are asked for", len(o.Texts), len(queries))
		}
		if answers[i], err = c.nearest(ctx, docs, q, i, info.Normalized, o); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func (c *content) nearest(ctx context.Context, docs []*document, query []float32, i int, unit bool, o engine.SearchOptions) ([]engine.Hit, error) {
	var all []engine.Hit
	for _, d := range docs {
		score := Score(c.facts.Metric, query, d.Vector)
		all = append(all, engine.Hit{Document: d.shown(c, true), Score: score, Relevance: o.Relevance(c.facts.Metric, unit, score, float64(vector.SquaredLength(query)))})
	}
	slices.SortStableFunc(all, func(a, b engine.Hit) int {
		if c.facts.Metric == engine.L2 {
			return cmp.Compare(a.Score, b.Score)
		}
		return cmp.Compare(b.Score, a.Score)
	})
	if o.ByText() {
		var err error
		if all, err = c.byText(docs, all, o.Texts[i], o); err != nil {
			return nil, err
		}
		if condition := o.Condition(i); condition != nil {
			all = slices.DeleteFunc(all, func(h engine.Hit) bool { return !condition.Holds(new(words.Tokenizer), h.Text) })
		}
	}
	if o.Filter != nil && o.FetchK > 0 {
		all = all[:min(o.FetchK, len(all))]
	}
	var hits []engine.Hit
	for _, hit := range all {
		ok, err := o.Filter.Of(hit.Source).Match(hit.Metadata.JSON())
		if err != nil {
			return nil, err
		}
		if len(hits) == o.K || !ok {
			continue
		}
		hits = append(hits, hit)
	}
	hits = slices.DeleteFunc(hits, func(h engine.Hit) bool { return !o.Accepts(c.facts.Metric, h.Score) || !o.Relevant(h.Relevance) })
	if o.Pick != nil {
		picked, err := o.Picked(ctx, query, hits)
		if err != nil {
			return nil, err
		}
		hits = picked
	}
	for i := range hits {
		if hits[i].Rank = i + 1; !o.WithVectors {
			hits[i].Vector = nil
		}
	}
	return hits, nil
}

// Score is Faiss's figure for two vectors.
func Score(m engine.Metric, x, y []float32) float32 {
	var sum float32
	for i := range x {
		if m == engine.L2 {
			sum += (x[i] - y[i]) * (x[i] - y[i])
		} else {
			sum += x[i] * y[i]
		}
	}
	return sum
}

// ids is an engine.Set.
type ids []string

func (s ids) Len() int64 { return int64(len(s)) }

// SelectIDs selects by id.
func (r *MemoryReader) SelectIDs(_ context.Context, wanted []string) (_ engine.Set, missing []string, err error) {
	c := r.content()
	for _, id := range wanted {
		if c.docs[id] == nil {
			missing = append(missing, id)
		}
	}
	docs, err := c.ordered(func(d *document) (bool, error) { return slices.Contains(wanted, d.ID), nil })
	return idsOf(docs), missing, err
}

// Select selects by filter.
func (r *MemoryReader) Select(_ context.Context, what engine.Selection) (engine.Set, error) {
	c := r.content()
	docs, err := c.ordered(func(d *document) (bool, error) {
		if what.Among != nil && !slices.Contains(what.Among.(ids), d.ID) {
			return false, nil
		}
		return c.matching(what.Filter)(d)
	})
	return idsOf(docs), err
}

func idsOf(docs []*document) ids {
	set := ids{}
	for _, d := range docs {
		set = append(set, d.ID)
	}
	return set
}

// IDs yields the ids of a set.
func (r *MemoryReader) IDs(_ context.Context, set engine.Set) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, id := range set.(ids) {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// Snapshot returns what the store holds now.
func (r *MemoryReader) Snapshot(context.Context) (engine.Snapshot, error) {
	c := r.content()
	docs, err := c.ordered(func(*document) (bool, error) { return true, nil })
	return engine.Snapshot{Name: r.s.name, Facts: c.facts, Documents: int64(len(docs)), Transfers: func(yield func(engine.Transfer, error) bool) {
		for _, d := range docs {
			if !yield(engine.Transfer{Document: d.shown(c, true), Origin: d.origin, From: c.sources[d.source]}, nil) {
				return
			}
		}
	}}, err
}

// SourcesByKey returns the sources with the keys.
func (r *MemoryReader) SourcesByKey(_ context.Context, keys []string) (map[string]engine.Source, error) {
	found := map[string]engine.Source{}
	for _, src := range r.content().sources {
		if slices.Contains(keys, src.Key) {
			found[src.Key] = src
		}
	}
	return found, nil
}

// SourceByName returns the source with a name.
func (r *MemoryReader) SourceByName(_ context.Context, name string) (engine.Source, bool, error) {
	for _, src := range r.content().sources {
		if src.Name == name {
			return src, true, nil
		}
	}
	return engine.Source{}, false, nil
}

// AllSources yields the sources in the order in which they came.
func (r *MemoryReader) AllSources(context.Context) iter.Seq2[engine.Source, error] {
	return func(yield func(engine.Source, error) bool) {
		for _, src := range r.content().bySource() {
			if !yield(src, nil) {
				return
			}
		}
	}
}

// Match looks documents up.
func (r *MemoryReader) Match(_ context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error) {
	c := r.content()
	matches := make([]engine.Match, len(docs))
	for i, d := range docs {
		matches[i] = c.match(src, d)
	}
	return matches, nil
}

func (c *content) match(src engine.Source, d engine.Document) (m engine.Match) {
	given := d.Vector
	if given != nil {
		if given, m.Err = c.facts.Vector(given); m.Err != nil {
			return m
		}
	}
	if old := c.docs[d.ID]; old != nil {
		m.Taken = old.source != src.Number
		m.Kept = !m.Taken && old.Text == d.Text && (old.origin == engine.Given) == (given != nil) && (given == nil || slices.Equal(old.Vector, given))
	}
	if given == nil && !m.Kept {
		m.Vector = c.embedded(d.Text)
	}
	return m
}

// embedded returns the vector that the embedder made of a whole text.
func (c *content) embedded(text string) []float32 {
	for _, d := range c.docs {
		if d.origin == engine.Embedded && d.Text == text {
			return d.Vector
		}
	}
	return nil
}

var errUnsupported = errors.New("the engine of the tests cannot do that")
