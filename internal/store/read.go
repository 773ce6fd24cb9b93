package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// Get returns the documents with the given ids, in their order, and the ids
// that the store does not have.
func (s *Store) Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error) {
	err = s.view(ctx, func(t *tx) error {
		var numbers []int64
		for _, id := range ids {
			n, err := t.find(id)
			if err != nil {
				return err
			}
			if n < 0 {
				missing = append(missing, id)
				continue
			}
			numbers = append(numbers, n)
		}
		if docs, err = t.documents(numbers); err != nil || !withVectors || len(numbers) == 0 {
			return err
		}
		v, err := openVectors(s.dir, t.state)
		if err != nil {
			return err
		}
		defer v.Close()
		return v.add(t.state, numbers, docs)
	})
	return docs, missing, err
}

// Documents yields the documents that match the filter, in the order of insertion
// and from one state of the store.
func (s *Store) Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) {
		var numbers roaring.IntPeekable
		var v vectors
		left := math.MaxInt
		if o.Limit > 0 {
			left = o.Limit
		}
		begin := func(t *tx) error {
			matching, err := t.matching(o.Filter, noLimit)
			if err != nil {
				return err
			}
			if o.WithVectors {
				if v, err = openVectors(s.dir, t.state); err != nil {
					return err
				}
			}
			numbers = matching.Iterator()
			return nil
		}
		defer func() {
			if v.File != nil {
				v.Close()
			}
		}()
		read := func(t *tx) (page []engine.Document, more bool, err error) {
			if numbers == nil {
				if err := begin(t); err != nil {
					return nil, false, err
				}
			}
			next := take(numbers, min(left, pageRows))
			left -= len(next)
			if o.Brief {
				page, err = t.places(next)
			} else {
				page, err = t.documents(next)
			}
			if err == nil && o.WithVectors {
				err = v.add(t.state, next, page)
			}
			return page, left > 0 && numbers.HasNext(), err
		}
		for d, err := range whole(ctx, s, read) {
			if !yield(d, err) {
				return
			}
		}
	}
}

// take returns the next numbers, n at most.
func take(from roaring.IntPeekable, n int) (numbers []int64) {
	for len(numbers) < n && from.HasNext() {
		numbers = append(numbers, int64(from.Next()))
	}
	return numbers
}

// Sources yields the sources in the order of their first ingest. With a filter
// they are those of which documents match, with the number of these.
func (s *Store) Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error] {
	var matching map[int64]int64
	last := int64(0)
	return whole(ctx, s, func(t *tx) (page []engine.SourceInfo, more bool, err error) {
		if f != nil && matching == nil {
			if matching, err = t.countBySource(f); err != nil {
				return nil, false, err
			}
		}
		rows := 0
		for row, err := range t.Query(`SELECT source, name, documents, key FROM source WHERE source > ? ORDER BY source LIMIT ?`, last, pageRows) {
			if err != nil {
				return nil, false, err
			}
			rows++
			last = row.Int64(0)
			src := engine.SourceInfo{Name: row.Text(1), Key: row.Text(3), Documents: row.Int64(2)}
			if f != nil {
				src.Documents = matching[last]
			}
			if f == nil || src.Documents > 0 {
				page = append(page, src)
			}
		}
		return page, rows == pageRows, nil
	})
}

// Info reads counts and sizes.
func (s *Store) Info(ctx context.Context) (info engine.Info, err error) {
	err = s.view(ctx, func(t *tx) (err error) {
		info = engine.Info{
			Facts: t.facts, ID: hex.EncodeToString(t.id[:]), Generation: t.generation, FormatVersion: int(t.version), Normalized: t.unit, Documents: t.state.documents, DeadRows: t.rows - t.state.documents,
			IndexType: "IndexFlat", IndexFile: indexName(t.indexFile), CreatedAt: t.created, UpdatedAt: t.updated,
		}
		if file := s.openCodes(t); file != nil {
			info.CodesFile, info.CodedRows = filepath.Base(file.Name()), file.Rows()
			err = file.Close()
		}
		if err == nil {
			info.Lists, err = s.listsInfo(t)
		}
		if err != nil {
			return err
		}
		info.Sources, err = t.Int64(`SELECT count(*) FROM source`)
		return err
	})
	if err != nil {
		return info, fmt.Errorf("reading store %q: %w", s.dir, err)
	}
	info.Bytes, err = s.size()
	return info, err
}

// size is how many bytes the store's files have together.
func (s *Store) size() (bytes int64, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if fi, err := os.Stat(filepath.Join(s.dir, entry.Name())); err == nil && fi.Mode().IsRegular() {
			bytes += fi.Size()
		}
	}
	return bytes, nil
}
