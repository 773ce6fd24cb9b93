package postgres

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
)

// The columns of a document, in the order in which scan reads them.
const (
	columnN = iota
	columnID
	columnText
	columnVerbatim
	columnName // of the source
	columnIndex
	columnStart
	columnEnd
	columnVector
	columnOrigin
	columnKey  // of the source
	columnMore // what follows
)

// selectDocument reads documents with their vectors; more columns, and where they are from,
// are appended.
const (
	documentColumns = `SELECT d.n, d.id, d.text, d.verbatim, s.name, d.start_index, d.start_line, d.end_line, `
	withVector      = `d.vector, d.origin, s.key `
	withoutVector   = `NULL::vector, d.origin, s.key `
	fromDocuments   = `FROM {documents} d JOIN {sources} s USING (source) `
)

func selectDocuments(vectors bool) string {
	if vectors {
		return documentColumns + withVector + fromDocuments
	}
	return documentColumns + withoutVector + fromDocuments
}

// document reads a row of selectDocuments.
func (r row) document() engine.Document {
	d := engine.Document{
		ID: r.text(columnID), Text: r.text(columnText), Metadata: metadata.Raw(slices.Clone(r[columnVerbatim])), Source: r.text(columnName), Key: r.text(columnKey),
		StartIndex: int(r.int(columnIndex)), StartLine: int(r.int(columnStart)), EndLine: int(r.int(columnEnd)),
	}
	if r[columnVector] != nil {
		d.Vector = r.vector(columnVector, nil)
	}
	return d
}

// Get returns documents in the order of the ids, and the ids that the store does not have.
func (s *Store) Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error) {
	found := map[string]engine.Document{}
	err = s.view(ctx, func(v *view) error {
		for r, err := range v.query(ctx, selectDocuments(withVectors)+`WHERE d.id = ANY ($1)`, storable(ids)) {
			if err != nil {
				return err
			}
			d := r.document()
			found[d.ID] = d
		}
		return nil
	})
	for _, id := range ids {
		if d, there := found[id]; there {
			docs = append(docs, d)
		} else if err == nil {
			missing = append(missing, id)
		}
	}
	return docs, missing, err
}

// Documents yields documents in the order of insertion.
func (s *Store) Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return stream(ctx, s, func(v *view, yield func(engine.Document, error) bool) error {
		c := compile(o.Filter, nil)
		sql, n := selectDocuments(o.WithVectors)+`WHERE `+c.sql+` ORDER BY d.n`, 0
		if o.Filter == nil && o.Limit > 0 {
			sql += ` LIMIT ` + strconv.Itoa(o.Limit)
		}
		for r, err := range v.query(ctx, sql) {
			if err != nil {
				return err
			}
			ok, err := c.matches(r.text(columnName), r[columnVerbatim])
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if n++; !yield(r.document(), nil) || n == o.Limit {
				return errStop
			}
		}
		return nil
	})
}

// Sources yields the sources of documents that match, in the order in which they came; all
// of them where there is no filter.
func (s *Store) Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error] {
	return stream(ctx, s, func(v *view, yield func(engine.SourceInfo, error) bool) error {
		count := map[string]int64{}
		if f != nil {
			for r, err := range v.matching(ctx, f) {
				if err != nil {
					return err
				}
				count[r.text(2)]++
			}
		}
		for src, err := range v.sources(ctx, ``) {
			if err != nil {
				return err
			}
			info := engine.SourceInfo{Name: src.Name, Key: src.Key, Documents: src.Documents}
			if f != nil {
				info.Documents = count[src.Name]
			}
			if (f == nil || info.Documents > 0) && !yield(info, nil) {
				return errStop
			}
		}
		return nil
	})
}

// matching yields the number, the metadata and the source's name of the documents that
// match.
func (v *view) matching(ctx context.Context, f *filter.Filter) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		c := compile(f, nil)
		for r, err := range v.query(ctx, `SELECT d.n, d.verbatim, s.name `+fromDocuments+`WHERE `+c.sql+` ORDER BY d.n`) {
			ok := err != nil
			if err == nil {
				ok, err = c.matches(r.text(2), r[1])
			}
			if (ok || err != nil) && !yield(r, err) {
				return
			}
		}
	}
}

const selectSource = `SELECT source, key, name, size, mtime, hash, settings, documents FROM {sources} `

// sources yields the sources for which a condition holds.
func (c *conn) sources(ctx context.Context, where string, args ...any) iter.Seq2[engine.Source, error] {
	return func(yield func(engine.Source, error) bool) {
		for r, err := range c.query(ctx, selectSource+where+` ORDER BY source`, args...) {
			if err != nil {
				yield(engine.Source{}, err)
				return
			}
			src := engine.Source{
				Number: r.int(0), Key: r.text(1), Name: r.text(2), Size: r.int(3), Hash: slices.Clone(r[5]), Settings: r.text(6), Documents: r.int(7),
			}
			if mtime := r.int(4); mtime != 0 {
				src.ModTime = time.Unix(0, mtime)
			}
			if !yield(src, nil) {
				return
			}
		}
	}
}

// SourcesByKey returns those sources that have one of the keys, by key.
func (s *Store) SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error) {
	found := map[string]engine.Source{}
	err := s.view(ctx, func(v *view) error {
		for src, err := range v.sources(ctx, `WHERE key = ANY ($1)`, storable(keys)) {
			if err != nil {
				return err
			}
			found[src.Key] = src
		}
		return nil
	})
	return found, err
}

// SourceByName returns the source with a name.
func (s *Store) SourceByName(ctx context.Context, name string) (found engine.Source, there bool, err error) {
	err = s.view(ctx, func(v *view) error {
		for src, err := range v.sources(ctx, `WHERE name = ANY ($1)`, storable([]string{name})) {
			if err != nil {
				return err
			}
			found, there = src, true
		}
		return nil
	})
	return found, there, err
}

// AllSources yields the sources in the order in which they came.
func (s *Store) AllSources(ctx context.Context) iter.Seq2[engine.Source, error] {
	return stream(ctx, s, func(v *view, yield func(engine.Source, error) bool) error {
		for src, err := range v.sources(ctx, ``) {
			if err != nil {
				return err
			}
			if !yield(src, nil) {
				return errStop
			}
		}
		return nil
	})
}

// set is an engine.Set of this package.
type set struct{ numbers *roaring.Bitmap }

func (s set) Len() int64 { return int64(s.numbers.GetCardinality()) }

// SelectIDs selects by id, and returns the ids that the store does not have.
func (s *Store) SelectIDs(ctx context.Context, ids []string) (_ engine.Set, missing []string, err error) {
	numbers, found := roaring.New(), map[string]bool{}
	err = s.view(ctx, func(v *view) error {
		for r, err := range v.query(ctx, `SELECT n, id FROM {documents} WHERE id = ANY ($1)`, storable(ids)) {
			if err != nil {
				return err
			}
			numbers.Add(uint32(r.int(0)))
			found[r.text(1)] = true
		}
		return nil
	})
	for _, id := range ids {
		if !found[id] {
			missing = append(missing, id)
		}
	}
	return set{numbers}, missing, err
}

// Select selects the documents that are meant.
func (s *Store) Select(ctx context.Context, what engine.Selection) (engine.Set, error) {
	numbers := roaring.New()
	err := s.view(ctx, func(v *view) error {
		for r, err := range v.matching(ctx, what.Filter) {
			if err != nil {
				return err
			}
			numbers.Add(uint32(r.int(0)))
		}
		return nil
	})
	if what.Among != nil {
		numbers.And(what.Among.(set).numbers)
	}
	return set{numbers}, err
}

// pageRows is how many documents are named in one statement.
const pageRows = 10_000

// IDs yields the ids of a set in the order of insertion.
func (s *Store) IDs(ctx context.Context, documents engine.Set) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for page := range pages(documents.(set).numbers) {
			ids, err := s.idsOf(ctx, page)
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// idsOf returns the ids of documents, as they were before the writer deleted some.
func (s *Store) idsOf(ctx context.Context, numbers []int64) (ids []string, err error) {
	read := func(v *view) error {
		for r, err := range v.query(ctx, `SELECT id FROM {documents} WHERE n = ANY ($1) ORDER BY n`, numbers) {
			if err != nil {
				return err
			}
			ids = append(ids, r.text(0))
		}
		return nil
	}
	if s.past != nil {
		return ids, read(&view{conn: s.past})
	}
	err = s.view(ctx, read)
	return ids, err
}

// pages yields the numbers of a bitmap, some at a time.
func pages(numbers *roaring.Bitmap) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		var page []int64
		for it := numbers.Iterator(); it.HasNext(); {
			if page = append(page, int64(it.Next())); len(page) == pageRows {
				if !yield(page) {
					return
				}
				page = page[:0]
			}
		}
		if len(page) > 0 {
			yield(page)
		}
	}
}

// keep begins a transaction that reads the store as it is now, until the store is closed.
func (s *Store) keep(ctx context.Context) (*view, error) {
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	v, err := c.begin(ctx)
	if err != nil {
		s.give(c)
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, c)
	return v, nil
}

// Snapshot takes the store as it is now. It is valid until the store is closed.
func (s *Store) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	v, err := s.keep(ctx)
	if err != nil {
		return engine.Snapshot{}, err
	}
	snap := engine.Snapshot{Name: s.place.url, Facts: v.state.Facts, Documents: v.state.documents}
	snap.Transfers = func(yield func(engine.Transfer, error) bool) {
		sources := map[string]engine.Source{}
		for src, err := range v.sources(ctx, ``) {
			if err != nil {
				yield(engine.Transfer{}, err)
				return
			}
			sources[src.Name] = src
		}
		for r, err := range v.query(ctx, selectDocuments(true)+`ORDER BY d.n`) {
			if err != nil {
				yield(engine.Transfer{}, err)
				return
			}
			d := r.document()
			if !yield(engine.Transfer{Document: d, Origin: engine.Origin(r.int(columnOrigin)), From: sources[d.Source]}, nil) {
				return
			}
		}
	}
	return snap, nil
}
