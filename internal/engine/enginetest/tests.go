package enginetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// open: a store is where it was made, is written by one at a time, and keeps what
// it was made with.
func (s *suite) open() {
	ctx := s.Context()
	if _, err := s.engine.Open(ctx, s.name); !errors.Is(err, engine.ErrNotExist) {
		s.Errorf("opening nothing: %v", err)
	}
	if _, err := s.engine.OpenWriter(ctx, s.name); !errors.Is(err, engine.ErrNotExist) {
		s.Errorf("opening nothing for writing: %v", err)
	}
	w := s.create(s.facts)
	_, err := s.engine.OpenWriter(ctx, s.name)
	is[*engine.LockedError](s, "a second writer", err)
	s.must(w.Discard())
	if _, err := s.engine.Open(ctx, s.name); !errors.Is(err, engine.ErrNotExist) {
		s.Errorf("opening what was discarded: %v", err)
	}

	f := s.facts
	f.Embedder, f.Fingerprint = "", ""
	w = s.create(f)
	s.must(w.Bind(ctx, "made-up:1", "1"))
	is[*engine.MismatchError](s, "another embedder", w.Bind(ctx, "made-up:2", "1"))
	s.must(w.SetSettings(ctx, "the first settings"))
	s.replace(w, "a", doc("1", 1))
	s.commit(w)
	w = s.reopen(w)
	same(s, "facts", s.facts, w.Facts())
	same(s, "settings", "the first settings", w.Settings())
	same(s, "documents", []string{"1"}, s.ids(w))
}

// staged: nothing counts before a commit, and what a writer leaves is gone.
func (s *suite) staged() {
	w := s.create(s.facts)
	r := s.reader()
	s.replace(w, "a", doc("1", 1), doc("2", 2))
	same(s, "before the commit", []string{}, s.ids(r))
	if w.Pending() != 2 {
		s.Errorf("%d documents are pending of 2", w.Pending())
	}
	s.commit(w)
	same(s, "after it", []string{"1", "2"}, s.ids(r))
	if w.Pending() != 0 {
		s.Errorf("%d documents are pending after a commit", w.Pending())
	}
	s.replace(w, "b", doc("3", 3))
	s.must(w.Close())
	same(s, "after a writer that did not commit", []string{"1", "2"}, s.ids(s.reader()))
}

// documents: what is read is what was given.
func (s *suite) documents() {
	ctx := s.Context()
	w := s.create(s.facts)
	given := doc("2", 2)
	given.Vector = []float32{0.5, -0.25, 4}
	s.replace(w, "a", doc("1", 1), given)
	s.replace(w, "b", doc("3", 3), doc("4", 4))
	s.commit(w)
	r := s.reader()
	docs, missing, err := r.Get(ctx, []string{"3", "none", "2"}, true)
	s.must(err)
	three := doc("3", 3)
	three.Source, three.Key, three.Vector = "b", "/b", vectorOf(three.Text)
	given.Source, given.Key = "a", "/a"
	same(s, "documents by id", []engine.Document{three, given}, docs)
	same(s, "missing ids", []string{"none"}, missing)
	three.Vector = nil
	docs, _, err = r.Get(ctx, []string{"3"}, false)
	s.must(err)
	same(s, "without its vector", []engine.Document{three}, docs)

	var ids []string
	for d, err := range r.Documents(ctx, engine.ListOptions{Filter: s.filter("even=true"), WithVectors: true}) {
		s.must(err)
		if ids = append(ids, d.ID); len(d.Vector) != 3 {
			s.Errorf("%+v", d)
		}
	}
	same(s, "matching ids", []string{"2", "4"}, ids)
	ids = nil
	for d, err := range r.Documents(ctx, engine.ListOptions{Limit: 3}) {
		s.must(err)
		ids = append(ids, d.ID)
	}
	same(s, "limited ids", []string{"1", "2", "3"}, ids)
	same(s, "sources", []string{"a 2", "b 2"}, s.counts(r, nil))
	same(s, "matching sources", []string{"b 1"}, s.counts(r, s.filter("n>3")))
	same(s, "a matching source", []string{"b 2"}, s.counts(r, s.filter("source=b")))
	info, err := r.Info(ctx)
	s.must(err)
	same(s, "info", engine.Info{Facts: s.facts, Documents: 4, Sources: 2}, engine.Info{Facts: info.Facts, Normalized: info.Normalized, Documents: info.Documents, Sources: info.Sources})
}

// matches: a store tells what it knows of documents to come.
func (s *suite) matches() {
	ctx := s.Context()
	w := s.create(s.facts)
	given := doc("2", 2)
	given.Vector = []float32{1, 2, 3}
	s.replace(w, "a", doc("1", 1), given)
	s.replace(w, "b", doc("3", 3))
	s.commit(w)
	src, found, err := w.SourceByName(ctx, "a")
	if err != nil || !found {
		s.Fatal(found, err)
	}
	other, wrong := doc("2", 2), doc("2", 2)
	other.Vector, wrong.Vector = []float32{1, 2, 4}, []float32{1, 2}
	moved := doc("1", 1)
	moved.StartLine = 7
	matches, err := w.Match(ctx, src, []engine.Document{moved, given, other, wrong, doc("1", 9), doc("3", 3), doc("7", 3), doc("8", 2)})
	s.must(err)
	var kept, taken []bool
	for _, m := range matches {
		kept, taken = append(kept, m.Kept), append(taken, m.Taken)
	}
	same(s, "kept", []bool{true, true, false, false, false, false, false, false}, kept)
	same(s, "taken", []bool{false, false, false, false, false, true, false, false}, taken)
	is[*engine.MismatchError](s, "a vector of another length", matches[3].Err)
	same(s, "the vector of an equal text", vectorOf("text 3"), matches[6].Vector)
	same(s, "the vector of an equal text that came with it", nil, matches[7].Vector)
	vector, err := w.VectorOf(ctx, "text 1")
	s.must(err)
	same(s, "the vector of a text", vectorOf("text 1"), vector)
	s.replace(w, "c", doc("5", 5))
	vector, err = w.VectorOf(ctx, "text 5")
	s.must(err)
	same(s, "the vector of a text that is staged", vectorOf("text 5"), vector)
}

// replacement: what is not given again goes, and what is keeps its place.
func (s *suite) replacement() {
	w := s.create(s.facts)
	s.replace(w, "a", doc("1", 1), doc("2", 2), doc("3", 3))
	s.replace(w, "b", doc("4", 4))
	s.commit(w)
	moved := doc("3", 3)
	moved.StartLine, moved.Metadata = 9, metadata.Raw([]byte(`{"new":true}`))
	if kept := s.replace(w, "a", doc("5", 5), moved, doc("1", 7)); kept != 1 {
		s.Errorf("%d documents were kept of 1", kept)
	}
	s.commit(w)
	r := s.reader()
	same(s, "documents", []string{"3", "4", "5", "1"}, s.ids(r))
	same(s, "sources", []string{"a 3", "b 1"}, s.counts(r, nil))
	docs, _, err := r.Get(s.Context(), []string{"3", "1"}, false)
	s.must(err)
	moved.Source, moved.Key = "a", "/a"
	changed := doc("1", 7)
	changed.Source, changed.Key = "a", "/a"
	same(s, "what was moved and what was changed", []engine.Document{moved, changed}, docs)

	abandoned, src := s.begin(w, "a")
	s.fill(w, abandoned, src, doc("6", 6), doc("5", 5))
	abandoned.Abandon()
	s.replace(w, "b")
	s.commit(w)
	same(s, "after one that was abandoned", []string{"3", "5", "1"}, s.ids(r))
	same(s, "an empty source stays", []string{"a 3", "b 0"}, s.counts(r, nil))
}

// refused: a document that cannot be stored leaves the others alone.
func (s *suite) refused() {
	ctx := s.Context()
	w := s.create(s.facts)
	s.replace(w, "a", doc("1", 1))
	s.commit(w)
	r, src := s.begin(w, "b")
	s.fill(w, r, src, doc("2", 2))
	add := func(d engine.Document, v []float32) error { return r.Add(ctx, d, v, engine.Embedded) }
	is[*engine.ForeignIDError](s, "an id of another source", add(doc("1", 9), vectorOf("x")))
	is[*engine.ForeignIDError](s, "an id of another source that is only looked at", r.Check(ctx, "1"))
	if err := add(doc("2", 9), vectorOf("x")); !errors.Is(err, engine.ErrDuplicateID) {
		s.Errorf("an id that was given before: %v", err)
	}
	if err := r.Check(ctx, "2"); !errors.Is(err, engine.ErrDuplicateID) {
		s.Errorf("an id that was given before, only looked at: %v", err)
	}
	is[*engine.MismatchError](s, "a vector of another length", add(doc("3", 3), []float32{1}))
	s.must(add(doc("3", 3), vectorOf("text 3")))
	r.Done(src)
	s.commit(w)
	same(s, "documents", []string{"1", "2", "3"}, s.ids(w))
}

// commitWithin: a commit within a replacement shows what came so far beside the
// old, and the source is to be read again until it is done.
func (s *suite) commitWithin() {
	ctx := s.Context()
	w := s.create(s.facts)
	s.replace(w, "a", doc("1", 1), doc("2", 2))
	s.commit(w)
	r, src := s.begin(w, "a")
	s.fill(w, r, src, doc("3", 3), doc("1", 7))
	s.commit(w)
	same(s, "within", []string{"2", "3", "1"}, s.ids(w))
	unfinished, _, err := w.SourceByName(ctx, "a")
	s.must(err)
	if len(unfinished.Hash) > 0 || unfinished.Documents != 3 {
		s.Errorf("a source that is not complete: %+v", unfinished)
	}
	s.fill(w, r, src, doc("4", 4))
	src.Hash = []byte("hash")
	r.Done(src)
	s.commit(w)
	same(s, "after it", []string{"3", "1", "4"}, s.ids(w))
	same(s, "sources", []string{"a 3"}, s.counts(w, nil))
	done, _, err := w.SourceByName(ctx, "a")
	if s.must(err); string(done.Hash) != "hash" {
		s.Errorf("a source that is complete: %+v", done)
	}
}

// sources: a store remembers what it is told of them.
func (s *suite) sources() {
	ctx := s.Context()
	w := s.create(s.facts)
	for i := range 3 {
		s.replace(w, fmt.Sprint("s", i), doc(fmt.Sprint(i), i))
	}
	s.commit(w)
	found, err := w.SourcesByKey(ctx, []string{"/s1", "/none", "/s2"})
	s.must(err)
	if len(found) != 2 || found["/s1"].Settings != "settings" || string(found["/s2"].Hash) != "hash of s2" || found["/s1"].Documents != 1 {
		s.Errorf("%+v", found)
	}
	if _, there, err := w.SourceByName(ctx, "none"); there || err != nil {
		s.Errorf("a source that is not there: %t, %v", there, err)
	}
	touched := found["/s1"]
	touched.Key, touched.Size = "/moved", 77
	w.Touch(touched)
	s.must(w.Forget(ctx, found["/s2"]))
	s.commit(w)
	var keys []string
	for src, err := range w.AllSources(ctx) {
		s.must(err)
		keys = append(keys, fmt.Sprint(src.Key, " ", src.Size))
	}
	same(s, "sources", []string{"/s0 0", "/moved 77"}, keys)
	keys = nil
	for src, err := range w.Sources(ctx, nil) {
		s.must(err)
		keys = append(keys, src.Key)
	}
	same(s, "keys of sources", []string{"/s0", "/moved"}, keys)
	same(s, "documents", []string{"0", "1"}, s.ids(w))
}

// search: the answers are those of a comparison with every document.
func (s *suite) search() {
	f := engine.Facts{Dim: 2, Metric: engine.L2}
	w := s.create(f)
	var docs []engine.Document
	for i := range 20 {
		d := doc(fmt.Sprint(i), i)
		d.Source, d.Vector = "a", []float32{float32(i % 7), float32(i % 3)}
		docs = append(docs, d)
	}
	s.replace(w, "a", docs...)
	s.commit(w)
	queries := [][]float32{{0, 0}, {3.5, 1}, {6, 2}}
	threshold, relevance := float32(5), 0.2
	for name, o := range map[string]engine.SearchOptions{
		"nearest":       {K: 4},
		"all":           {K: 50, WithVectors: true},
		"filter":        {K: 4, Filter: s.filter("even=true")},
		"fetch-k":       {K: 4, Filter: s.filter("even=true"), FetchK: 5},
		"source":        {K: 4, Filter: s.filter("source=a", "even=true")},
		"other source":  {K: 4, Filter: s.filter("source!=a")},
		"nothing":       {K: 4, Filter: s.filter("n>99")},
		"threshold":     {K: 20, ScoreThreshold: &threshold},
		"min relevance": {K: 20, MinRelevance: &relevance},
		"LangChain's":   {K: 3, LangChainRelevance: true},
	} {
		got, err := w.Search(s.Context(), queries, o)
		s.must(err)
		if len(got) != len(queries) {
			s.Fatalf("%s: %d answers to %d queries", name, len(got), len(queries))
		}
		for i, q := range queries {
			want := nearest(s, docs, q, o)
			same(s, fmt.Sprint(name, " ", q), idsOfHits(want), idsOfHits(got[i]))
			for j := range got[i] {
				h, v := got[i][j], want[j]
				if h.Rank != j+1 || h.Score != v.Score || math.Abs(h.Relevance-v.Relevance) > 1e-6 || h.Source != "a" || h.Text != v.Text || o.WithVectors != (h.Vector != nil) {
					s.Errorf("%s, %v: %+v, want %+v", name, q, h, v)
				}
			}
		}
	}
	_, err := w.Search(s.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{K: 1})
	is[*engine.MismatchError](s, "a query of another length", err)
	if _, err = w.Search(s.Context(), queries, engine.SearchOptions{}); err == nil || !strings.Contains(err.Error(), "k must be at least 1") {
		s.Errorf("k = 0: %v", err)
	}
	s.mmr(w, docs, queries)
}

// mmr: the picks are made among the nearest documents.
func (s *suite) mmr(w Writer, docs []engine.Document, queries [][]float32) {
	s.Helper()
	mmr, err := engine.MMR(s.Context(), w, queries, engine.MMROptions{SearchOptions: engine.SearchOptions{K: 3}, Lambda: 0.4})
	s.must(err)
	for i, q := range queries {
		candidates := nearest(s, docs, q, engine.SearchOptions{K: len(docs)})
		var vectors [][]float32
		for _, c := range candidates {
			vectors = append(vectors, c.Vector)
		}
		picked, err := engine.Marginal(s.Context(), q, vectors, 3, 0.4)
		s.must(err)
		var want []string
		for _, p := range picked {
			want = append(want, candidates[p].ID)
		}
		same(s, "mmr", want, idsOfHits(mmr[i]))
		if mmr[i][2].Rank != 3 || mmr[i][0].Vector != nil {
			s.Errorf("mmr: %+v", mmr[i])
		}
	}
}

// nearest answers a query under L2 from documents in the order of insertion.
func nearest(s *suite, docs []engine.Document, q []float32, o engine.SearchOptions) (hits []engine.Hit) {
	s.Helper()
	for _, d := range docs {
		score := Score(engine.L2, q, d.Vector)
		squared := float64(q[0]*q[0] + q[1]*q[1])
		hits = append(hits, engine.Hit{Document: d, Score: score, Relevance: o.Relevance(engine.L2, false, score, squared)})
	}
	slices.SortStableFunc(hits, func(a, b engine.Hit) int {
		switch {
		case a.Score < b.Score:
			return -1
		case a.Score > b.Score:
			return 1
		}
		return 0
	})
	if o.Filter != nil && o.FetchK > 0 {
		hits = hits[:min(o.FetchK, len(hits))]
	}
	hits = slices.DeleteFunc(hits, func(h engine.Hit) bool {
		ok, err := o.Filter.Of(h.Source).Match(h.Metadata.JSON())
		s.must(err)
		return !ok || !o.Accepts(engine.L2, h.Score)
	})
	hits = hits[:min(o.K, len(hits))]
	return slices.DeleteFunc(hits, func(h engine.Hit) bool { return !o.Relevant(h.Relevance) })
}

// selections: documents are selected by id or by what they are, and what is
// deleted is what was selected.
func (s *suite) selections() {
	ctx := s.Context()
	w := s.create(s.facts)
	s.replace(w, "docs/a.txt", doc("1", 1), doc("2", 2))
	s.replace(w, "docs/b.txt", doc("3", 3))
	s.replace(w, "c.md", doc("4", 4))
	s.commit(w)
	moved := doc("1", 1)
	moved.StartLine = 7
	s.replace(w, "docs/a.txt", moved, doc("2", 2))
	s.commit(w)
	w = s.reopen(w)
	set, missing, err := w.SelectIDs(ctx, []string{"3", "none", "1", "3"})
	s.must(err)
	ids, err := collect(w.IDs(ctx, set))
	s.must(err)
	same(s, "by id", []string{"1", "3"}, ids)
	same(s, "missing", []string{"none"}, missing)
	none, _, err := w.SelectIDs(ctx, nil)
	if s.must(err); none.Len() != 0 {
		s.Errorf("no ids select %d documents", none.Len())
	}
	for what, c := range map[string]struct {
		engine.Selection
		want []string
	}{
		"all":        {engine.Selection{}, []string{"1", "2", "3", "4"}},
		"filter":     {engine.Selection{Filter: s.filter("even=true")}, []string{"2", "4"}},
		"its name":   {engine.Selection{Filter: s.filter("source~docs/*")}, []string{"1", "2", "3"}},
		"or":         {engine.Selection{Filter: s.filter(`{"$or": [{"source": "c.md"}, {"n": {"$lt": 2}}]}`)}, []string{"1", "4"}},
		"not":        {engine.Selection{Filter: s.filter(`{"$not": {"source": {"$in": ["c.md", "none"]}, "even": true}}`)}, []string{"1", "2", "3"}},
		"both":       {engine.Selection{Filter: s.filter("source~docs/*", "even=true")}, []string{"2"}},
		"among some": {engine.Selection{Filter: s.filter("source~docs/*"), Among: set}, []string{"1", "3"}},
	} {
		set, err := w.Select(ctx, c.Selection)
		s.must(err)
		ids, err := collect(w.IDs(ctx, set))
		s.must(err)
		same(s, what, c.want, ids)
		same(s, what+", their number", int64(len(c.want)), set.Len())
	}
	before, err := w.Info(ctx)
	s.must(err)
	s.must(w.Delete(ctx, set))
	if after, err := w.Info(ctx); err != nil || after.ID != before.ID || after.ID == "" || after.Generation <= before.Generation {
		s.Errorf("a deletion leaves the store at generation %d, which was %d, under id %q, which was %q: %v",
			after.Generation, before.Generation, after.ID, before.ID, err)
	}
	ids, err = collect(w.IDs(ctx, set))
	s.must(err)
	same(s, "the ids of what was deleted", []string{"1", "3"}, ids)
	r := s.reader()
	same(s, "documents that are left", []string{"2", "4"}, s.ids(r))
	same(s, "sources that are left", []string{"docs/a.txt 1", "c.md 1"}, s.counts(r, nil))
	if src, _, err := r.SourceByName(ctx, "docs/a.txt"); err != nil || len(src.Hash) > 0 {
		s.Errorf("a source that lost a document is not read again: %+v, %v", src, err)
	}
}

// merge: what one store holds comes into another, all or nothing.
func (s *suite) merge() {
	ctx := s.Context()
	w := s.create(s.facts)
	s.replace(w, "a", doc("1", 1), doc("2", 2))
	s.replace(w, "b", doc("3", 3))
	s.commit(w)
	snap, err := w.Snapshot(ctx)
	s.must(err)
	if snap.Documents != 3 || snap.Facts != s.facts {
		s.Errorf("%+v", snap)
	}
	other := newSuite(s.T, s.engine)
	into := other.create(s.facts)
	merged, err := into.Merge(ctx, []engine.Snapshot{snap}, engine.OnConflictFail)
	s.must(err)
	same(s, "merged", engine.Merged{Added: 3}, merged)
	r := other.reader()
	same(s, "documents", []string{"1", "2", "3"}, other.ids(r))
	same(s, "sources", []string{"a 2", "b 1"}, other.counts(r, nil))
	docs, _, err := r.Get(ctx, []string{"2"}, true)
	s.must(err)
	same(s, "a vector", vectorOf("text 2"), docs[0].Vector)
	src, found, err := r.SourceByName(ctx, "a")
	if err != nil || !found || src.Key != "/a" || string(src.Hash) != "hash of a" {
		s.Errorf("%+v, %t, %v", src, found, err)
	}
	if merged, err = into.Merge(ctx, []engine.Snapshot{snap}, engine.OnConflictFail); err != nil || merged.Skipped != 3 || merged.Added != 0 {
		s.Errorf("merged again: %+v, %v", merged, err)
	}
	s.replace(w, "a", doc("1", 8))
	s.replace(w, "c", doc("9", 9))
	s.commit(w)
	snap, err = w.Snapshot(ctx)
	s.must(err)
	_, err = into.Merge(ctx, []engine.Snapshot{snap}, engine.OnConflictFail)
	is[*engine.ConflictError](s, "another text", err)
	same(s, "after a conflict", []string{"1", "2", "3"}, other.ids(r))
	if merged, err = into.Merge(ctx, []engine.Snapshot{snap}, engine.OnConflictSkip); err != nil || merged.Added != 1 {
		s.Errorf("merged with skip: %+v, %v", merged, err)
	}
	snap.Facts.Dim = 4
	_, err = into.Merge(ctx, []engine.Snapshot{snap}, engine.OnConflictFail)
	is[*engine.MismatchError](s, "other facts", err)
}
