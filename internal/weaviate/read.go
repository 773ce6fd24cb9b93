package weaviate

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/words"
)

// document is a row as callers get it, without its vector.
func (v *view) document(ctx context.Context, r *row) (engine.Document, error) {
	src, err := v.source(ctx, r.Source)
	if err != nil {
		return engine.Document{}, err
	}
	return engine.Document{
		ID: r.properties.ID, Text: r.Text, Metadata: metadata.Raw([]byte(r.Metadata)), Source: src.Name, Key: src.Key,
		StartIndex: r.Index, StartLine: r.Start, EndLine: r.End,
	}, nil
}

// named is how many values one question names.
const named = 1000

// lookUp finds the objects in which a property has one of some values, those that are not
// documents among them.
func (c *client) lookUp(ctx context.Context, property string, values []string, fields string) (rows []row, err error) {
	for page := range slices.Chunk(values, named) {
		for r, err := range c.having(ctx, property, page, fields) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, *r)
		}
	}
	return rows, nil
}

// answered is how many rows one answer has at most.
const answered = 2 * named

// having yields what lookUp finds. Where that is more than one answer has it asks for them in the order of
// ids, each time for those after the last.
func (c *client) having(ctx context.Context, property string, values []string, fields string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		q := question{property: property, values: values, limit: answered, fields: fields}
		for {
			rows, err := c.get(ctx, q)
			all := len(rows) < q.limit
			switch {
			case q.shorten(err), err == nil && !all && q.after == "":
				q.after = cmp.Or(q.after, idOf(0, 0))
				continue
			case err != nil:
				yield(nil, err)
				return
			}
			for i := range rows {
				if !yield(&rows[i], nil) {
					return
				}
			}
			if all {
				return
			}
			q.after = rows[len(rows)-1].id
		}
	}
}

// get is client's. What is no document of the view has no number.
func (v *view) get(ctx context.Context, q question) ([]row, error) {
	rows, err := v.client.get(ctx, q)
	v.sift(rows)
	return rows, err
}

// lookUp is client's. What is no document of the view, but one that comes later, has no number.
func (v *view) lookUp(ctx context.Context, property string, values []string, fields string) ([]row, error) {
	rows, err := v.client.lookUp(ctx, property, values, fields)
	v.sift(rows)
	return rows, err
}

// sift takes the numbers from rows of other versions than the documents of the state have.
func (s *state) sift(rows []row) {
	for i := range rows {
		if r := &rows[i]; !s.current(r) {
			r.number = 0
		}
	}
}

// byID finds the documents that have the ids.
func (v *view) byID(ctx context.Context, ids []string, fields string) (map[string]row, error) {
	rows, err := v.lookUp(ctx, "docId", storable(ids), fields)
	found := make(map[string]row, len(rows))
	for _, r := range rows {
		if v.Documents.Contains(r.number) {
			found[r.properties.ID] = r
		}
	}
	return found, err
}

// numbered finds documents by their numbers, and fails where one is missing.
func (v *view) numbered(ctx context.Context, numbers []uint32, fields string) (map[uint32]row, error) {
	rows, err := v.lookUp(ctx, propertyID, v.ids(numbers), fields)
	found := make(map[uint32]row, len(rows))
	for _, r := range rows {
		found[r.number] = r
	}
	if err == nil && len(found) < len(numbers) {
		err = errChanged
	}
	return found, err
}

// reachable are the documents that servers have which answer.
func (v *view) reachable(ctx context.Context) (numbers, error) {
	within := numbers{roaring.New()}
	for after := idOf(0, 0); ; {
		rows, err := v.get(ctx, question{after: after, limit: maxRows})
		if err != nil {
			return within, err
		}
		for i := range rows {
			if v.has(&rows[i]) {
				within.Add(rows[i].number)
			}
		}
		if len(rows) < maxRows {
			return within, nil
		}
		after = rows[len(rows)-1].id
	}
}

// listed is how many objects one answer of each has at most.
const listed = 500

// each yields the documents in the order of insertion, and fails where some are missing.
func (v *view) each(ctx context.Context, fields string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		seen := int64(0)
		q := question{after: idOf(0, 0), limit: listed, fields: fields}
		for more := true; more; {
			rows, err := v.client.get(ctx, q)
			if q.shorten(err) {
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range rows {
				q.after = rows[i].id
				if !v.has(&rows[i]) {
					continue
				}
				if seen++; !yield(&rows[i], nil) {
					return
				}
			}
			more = len(rows) == q.limit
		}
		if seen < v.count() {
			yield(nil, errChanged)
		}
	}
}

// sieve lets documents through that match a filter, by the sources that it was asked for, and
// whose texts hold a condition. Both may be nil.
type sieve struct {
	filter    *filter.Filter
	condition *words.Condition
	of        map[int64]*filter.Filter
	tokenizer words.Tokenizer
}

func newSieve(f *filter.Filter, c *words.Condition) *sieve {
	return &sieve{filter: f, condition: c, of: map[int64]*filter.Filter{}}
}

// free reports whether every document passes.
func (s *sieve) free() bool { return s.filter == nil && s.condition == nil }

// fields are those that lets looks at.
func (s *sieve) fields() (fields string) {
	if s.filter != nil {
		fields = "metadata source "
	}
	if s.condition != nil {
		fields += "text "
	}
	return fields
}

// lets reports whether a document passes.
func (s *sieve) lets(ctx context.Context, v *view, r *row) (bool, error) {
	if s.filter != nil {
		f, known := s.of[r.Source]
		if !known {
			src, err := v.source(ctx, r.Source)
			if err != nil {
				return false, err
			}
			f = s.filter.Of(src.Name)
			s.of[r.Source] = f
		}
		if ok, err := f.Match([]byte(r.Metadata)); err != nil || !ok {
			return false, err
		}
	}
	return s.condition == nil || s.condition.Holds(&s.tokenizer, r.Text), nil
}

// matching yields the documents that match, in the order of insertion.
func (v *view) matching(ctx context.Context, f *filter.Filter, fields string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		s := newSieve(f, nil)
		for r, err := range v.each(ctx, s.fields()+fields) {
			ok := err != nil
			if err == nil {
				ok, err = s.lets(ctx, v, r)
			}
			if (ok || err != nil) && !yield(r, err) {
				return
			}
		}
	}
}

// Get returns documents in the order of the ids, and the ids that the store does not have.
func (s *Store) Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error) {
	fields := fieldsOf(withVectors)
	err = s.view(ctx, func(v *view) error {
		docs, missing = nil, nil
		found, err := v.byID(ctx, ids, fields)
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, there := found[id]
			if !there {
				missing = append(missing, id)
				continue
			}
			d, err := v.document(ctx, &r)
			if err != nil {
				return err
			}
			if withVectors {
				d.Vector = r.vector
			}
			docs = append(docs, d)
		}
		return nil
	})
	return docs, missing, err
}

// Documents yields documents in the order of insertion.
func (s *Store) Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return stream(ctx, s, func(v *view, yield func(engine.Document, error) bool) error {
		n := 0
		for r, err := range v.matching(ctx, o.Filter, fieldsOf(o.WithVectors)) {
			if err != nil {
				return err
			}
			d, err := v.document(ctx, r)
			if err != nil {
				return err
			}
			if o.WithVectors {
				d.Vector = r.vector
			}
			if n++; !yield(d, nil) {
				return errStop
			}
			if n == o.Limit { // the view still looks whether a shard went away
				return nil
			}
		}
		return nil
	})
}

// Sources yields the sources of documents that match, in the order in which they came; all
// of them where there is no filter.
func (s *Store) Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error] {
	return stream(ctx, s, func(v *view, yield func(engine.SourceInfo, error) bool) error {
		count := map[int64]int64{}
		if f != nil {
			for r, err := range v.matching(ctx, f, "") {
				if err != nil {
					return err
				}
				count[r.Source]++
			}
		}
		all, err := v.sources(ctx)
		if err != nil {
			return err
		}
		for _, src := range all {
			info := engine.SourceInfo{Name: src.Name, Key: src.Key, Documents: int64(src.Numbers.GetCardinality())}
			if f != nil {
				info.Documents = count[src.Number]
			}
			if (f == nil || info.Documents > 0) && !yield(info, nil) {
				return errStop
			}
		}
		return nil
	})
}

// AllSources yields the sources in the order in which they came.
func (s *Store) AllSources(ctx context.Context) iter.Seq2[engine.Source, error] {
	return func(yield func(engine.Source, error) bool) {
		all, err := s.catalog(ctx)
		if err != nil {
			yield(engine.Source{}, err)
			return
		}
		for _, src := range inOrder(all.byNumber) {
			if !yield(src.shown(), nil) {
				return
			}
		}
	}
}

// SourcesByKey returns those sources that have one of the keys, by key.
func (s *Store) SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error) {
	all, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]engine.Source{}
	for _, key := range keys {
		if src := all.byKey[key]; src != nil {
			found[key] = src.shown()
		}
	}
	return found, nil
}

// SourceByName returns the source with a name.
func (s *Store) SourceByName(ctx context.Context, name string) (engine.Source, bool, error) {
	all, err := s.catalog(ctx)
	if err != nil || all.byName[name] == nil {
		return engine.Source{}, false, err
	}
	return all.byName[name].shown(), true, nil
}

// set is an engine.Set of this package.
type set struct{ numbers *roaring.Bitmap }

func (s set) Len() int64 { return int64(s.numbers.GetCardinality()) }

// SelectIDs selects by id, and returns the ids that the store does not have.
func (s *Store) SelectIDs(ctx context.Context, ids []string) (_ engine.Set, missing []string, err error) {
	var found map[string]row
	err = s.view(ctx, func(v *view) error {
		found, err = v.byID(ctx, ids, "docId")
		return err
	})
	selected := roaring.New()
	for _, id := range ids {
		if r, there := found[id]; there {
			selected.Add(r.number)
		} else {
			missing = append(missing, id)
		}
	}
	return set{selected}, missing, err
}

// Select selects the documents that are meant.
func (s *Store) Select(ctx context.Context, what engine.Selection) (engine.Set, error) {
	selected := roaring.New()
	err := s.view(ctx, func(v *view) error {
		selected.Clear()
		if what.Filter == nil {
			selected.Or(v.Documents.Bitmap)
			return nil
		}
		for r, err := range v.matching(ctx, what.Filter, "") {
			if err != nil {
				return err
			}
			selected.Add(r.number)
		}
		return nil
	})
	if what.Among != nil {
		selected.And(what.Among.(set).numbers)
	}
	return set{selected}, err
}

// IDs yields the ids of a set in the order of insertion.
func (s *Store) IDs(ctx context.Context, documents engine.Set) iter.Seq2[string, error] {
	return stream(ctx, s, func(v *view, yield func(string, error) bool) error {
		for page := range slices.Chunk(documents.(set).numbers.ToArray(), named) {
			found, err := v.numbered(ctx, page, "docId")
			if err != nil {
				return err
			}
			for _, n := range slices.Sorted(maps.Keys(found)) {
				if r := found[n]; !yield(r.properties.ID, nil) {
					return errStop
				}
			}
		}
		return nil
	})
}

// Snapshot takes the store as it is now. Documents that a writer removes meanwhile end it with an error.
func (s *Store) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	v, err := s.now(ctx)
	if err != nil {
		return engine.Snapshot{}, err
	}
	snap := engine.Snapshot{Name: s.place.url, Facts: v.Facts, Documents: v.count()}
	snap.Transfers = stream(ctx, s.fixed(v), func(v *view, yield func(engine.Transfer, error) bool) error {
		for r, err := range v.each(ctx, fieldsOf(true)) {
			if err != nil {
				return err
			}
			d, err := v.document(ctx, r)
			if err != nil {
				return err
			}
			d.Vector = r.vector
			if !yield(engine.Transfer{Document: d, Origin: r.Origin, From: v.known.byNumber[r.Source].shown()}, nil) {
				return errStop
			}
		}
		return nil
	})
	return snap, nil
}
