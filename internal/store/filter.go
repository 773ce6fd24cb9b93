package store

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/filter"
)

// noLimit lets a filter look at every metadata value of the store.
const noLimit = math.MaxInt

// matching returns the numbers of the visible documents that a filter matches (nil:
// all), or filter.ErrLimit as soon as it is known that some part of the work means
// looking at more than limit values or documents.
func (t *tx) matching(f *filter.Filter, limit int) (*roaring.Bitmap, error) {
	visible := roaring.AndNot(t.present, t.dead)
	if f == nil {
		return visible, nil
	}
	set, err := f.Find(metaIndex{t}, limit)
	switch {
	case errors.Is(err, filter.ErrMetadata):
		return nil, damaged(t.path, "metadata is %v", err)
	case err != nil:
		return nil, err
	}
	numbers, err := t.documentsOf(set.Metas, limit)
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
func (t *tx) documentsOf(metas *roaring.Bitmap, limit int) (*roaring.Bitmap, error) {
	numbers, looked := roaring.New(), 0
	gap, err := t.cheapGap()
	if err != nil {
		return nil, err
	}
	for it := metas.Iterator(); it.HasNext(); {
		first := it.Next()
		last := first
		for it.HasNext() && it.PeekNext()-last <= gap {
			last = it.Next()
		}
		for row, err := range t.Query(`SELECT meta, n FROM document WHERE meta BETWEEN ? AND ?`, int64(first), int64(last)) {
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
func (t *tx) cheapGap() (uint32, error) {
	last, err := t.Int64(`SELECT max(meta) FROM meta`)
	return uint32(seekCost*last/max(t.count, 1)) + 1, err
}

// matches reports for each number of a visible document whether a filter matches
// its metadata; equal metadata is looked at once.
func (t *tx) matches(f *filter.Filter, numbers []int64) ([]bool, error) {
	const query = `SELECT m.meta, m.json FROM document d JOIN meta m ON m.meta = d.meta WHERE d.n = ?`
	results := make([]bool, len(numbers))
	known := map[int64]bool{}
	for i, n := range numbers {
		found := false
		for row, err := range t.Query(query, n) {
			if err != nil {
				return nil, err
			}
			found = true
			meta := row.Int64(0)
			result, ok := known[meta]
			if !ok {
				if result, err = f.Match(json.RawMessage(row.Text(1))); err != nil {
					return nil, damaged(t.path, "metadata %d is %v", meta, err)
				}
				known[meta] = result
			}
			results[i] = result
		}
		if !found {
			return nil, damaged(t.path, "document %d is missing", n)
		}
	}
	return results, nil
}

// countBySource counts the documents that a filter matches, by the numbers of
// their sources.
func (t *tx) countBySource(f *filter.Filter) (map[int64]int64, error) {
	numbers, err := t.matching(f, noLimit)
	if err != nil {
		return nil, err
	}
	counts := map[int64]int64{}
	for row, err := range t.Query(`SELECT source, n FROM document`) {
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
type metaIndex struct{ *tx }

// Values walks along the primary key of table field.
func (x metaIndex) Values(key string, low, high any, yield func(meta uint32, value any) error) error {
	const query = `SELECT meta, value FROM field WHERE key = ? AND value >= ? AND value < ?`
	for row, err := range x.Query(query, key, low, high) {
		if err == nil {
			err = yield(uint32(row.Int64(0)), row.Value(1))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Object reads a metadata object.
func (x metaIndex) Object(meta uint32) (json.RawMessage, error) {
	object, err := x.metaObject(int64(meta))
	return json.RawMessage(object.JSON()), err
}
