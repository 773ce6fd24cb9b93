package store

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/filter"
	"sheaf/internal/sqlite"
)

// noLimit lets a filter look at every metadata value of the store.
const noLimit = math.MaxInt

// matching returns the numbers of the visible documents that a filter matches,
// or filter.ErrLimit as soon as it is known that some part of the work means
// looking at more than limit values or documents. The caller is inside a
// transaction.
func (s *Store) matching(f *filter.Filter, limit int) (*roaring.Bitmap, error) {
	visible := roaring.AndNot(s.state.present, s.state.dead)
	if f == nil {
		return visible, nil
	}
	set, err := f.Find(metaIndex{s.conn, s.path}, limit)
	switch {
	case errors.Is(err, filter.ErrMetadata):
		return nil, damaged(s.path, "metadata is %v", err)
	case err != nil:
		return nil, err
	}
	numbers, err := s.documentsOf(set.Metas, limit)
	if err != nil {
		return nil, err
	}
	if set.All {
		visible.AndNot(numbers)
	} else {
		visible.And(numbers)
	}
	return visible, nil
}

// seekCost is how many rows of an index SQLite walks over in the time that it
// takes to look one up.
const seekCost = 16

// documentsOf returns the numbers of all documents, visible or not, that have
// one of the metadata objects.
func (s *Store) documentsOf(metas *roaring.Bitmap, limit int) (*roaring.Bitmap, error) {
	numbers, looked := roaring.New(), 0
	gap, err := s.cheapGap()
	if err != nil {
		return nil, err
	}
	for it := metas.Iterator(); it.HasNext(); {
		first := it.Next()
		last := first
		for it.HasNext() && it.PeekNext()-last <= gap {
			last = it.Next()
		}
		for row, err := range s.conn.Query(`SELECT meta, n FROM document WHERE meta BETWEEN ? AND ?`, first, last) {
			if err != nil {
				return nil, err
			}
			if looked++; looked > limit {
				return nil, filter.ErrLimit
			}
			if metas.Contains(uint32(row.Int64(0))) {
				numbers.Add(uint32(row.Int64(1)))
			}
		}
	}
	return numbers, nil
}

// cheapGap is over how many metadata objects that are not wanted it is cheaper
// to walk than to look the next one up: the fewer, the more documents each has.
func (s *Store) cheapGap() (gap uint32, err error) {
	metas, err := s.conn.Int64(`SELECT max(meta) FROM meta`)
	return uint32(seekCost*metas/max(s.state.count, 1)) + 1, err
}

// matches tells for each document number whether a filter matches the
// document's metadata; equal metadata is looked at once. The caller is inside a
// transaction and took the numbers from its bitmaps.
func (s *Store) matches(f *filter.Filter, numbers []int64) ([]bool, error) {
	const query = `SELECT m.meta, m.json FROM document d JOIN meta m ON m.meta = d.meta WHERE d.n = ?`
	results := make([]bool, len(numbers))
	known := map[int64]bool{}
	for i, n := range numbers {
		found := false
		for row, err := range s.conn.Query(query, n) {
			if err != nil {
				return nil, err
			}
			found = true
			meta := row.Int64(0)
			result, ok := known[meta]
			if !ok {
				if result, err = f.Match(row.Bytes(1)); err != nil {
					return nil, damaged(s.path, "metadata %d is %v", meta, err)
				}
				known[meta] = result
			}
			results[i] = result
		}
		if !found {
			return nil, damaged(s.path, "document %d is missing", n)
		}
	}
	return results, nil
}

// stillMatching returns those of some documents whose metadata a filter matches.
func (s *Store) stillMatching(f *filter.Filter, numbers []int64) (kept []int64, err error) {
	results, err := s.matches(f, numbers)
	for i, matched := range results {
		if matched {
			kept = append(kept, numbers[i])
		}
	}
	return kept, err
}

// countBySource counts the documents that a filter matches, by the numbers of
// their sources.
func (s *Store) countBySource(f *filter.Filter) (map[int64]int64, error) {
	numbers, err := s.matching(f, noLimit)
	if err != nil {
		return nil, err
	}
	counts := map[int64]int64{}
	for row, err := range s.conn.Query(`SELECT source, n FROM document`) {
		if err != nil {
			return nil, err
		}
		if numbers.Contains(uint32(row.Int64(1))) {
			counts[row.Int64(0)]++
		}
	}
	return counts, nil
}

// metaIndex is the tables meta and field, as filter.Index.
type metaIndex struct {
	conn *sqlite.Conn
	path string
}

// Values walks along the primary key of table field.
func (x metaIndex) Values(key string, low, high any, yield func(meta uint32, value any) error) error {
	const query = `SELECT meta, value FROM field WHERE key = ? AND value >= ? AND value < ?`
	for row, err := range x.conn.Query(query, key, low, high) {
		if err != nil {
			return err
		}
		if err := yield(uint32(row.Int64(0)), column(row, 1)); err != nil {
			return err
		}
	}
	return nil
}

func column(row *sqlite.Row, i int) any {
	switch row.Type(i) {
	case sqlite.Integer:
		return row.Int64(i)
	case sqlite.Float:
		return row.Float64(i)
	case sqlite.Text:
		return row.Text(i)
	}
	return row.Bytes(i)
}

// Object reads a metadata object.
func (x metaIndex) Object(meta uint32) (object json.RawMessage, err error) {
	for row, err := range x.conn.Query(`SELECT json FROM meta WHERE meta = ?`, meta) {
		if err != nil {
			return nil, err
		}
		object = row.Bytes(0)
	}
	if object == nil {
		return nil, damaged(x.path, "metadata %d is missing", meta)
	}
	return object, nil
}
