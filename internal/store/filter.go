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
	parts, others, err := f.BySource(t.sourceNames, limit)
	if err != nil {
		return nil, err
	}
	found, err := t.matchingMetadata(others, limit)
	for _, part := range parts {
		if err != nil {
			return nil, err
		}
		var documents, matched *roaring.Bitmap
		if documents, err = t.documentsOf("source", part.Sources, limit); err != nil {
			return nil, err
		}
		found.AndNot(documents)
		documents.And(roaring.AndNot(t.present, t.dead))
		if matched, err = t.matchingAmong(documents, part.Filter, limit); err == nil {
			found.Or(matched)
		}
	}
	return found, err
}

// sourceNames calls yield for the sources whose names are from low to below high.
func (t *tx) sourceNames(low, high any, yield func(source uint32, name string) error) error {
	for row, err := range t.Query(`SELECT source, name FROM source WHERE name >= ? AND name < ?`, low, high) {
		if err == nil {
			err = yield(uint32(row.Int64(0)), row.Text(1))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// matchingAmong returns those of some visible documents whose metadata matches. It
// tests few of them one by one, unless finding all that match takes less.
func (t *tx) matchingAmong(documents *roaring.Bitmap, f *filter.Filter, limit int) (*roaring.Bitmap, error) {
	n := int(documents.GetCardinality())
	matched, err := t.matchingMetadata(f, min(limit, n*filter.ObjectCost))
	switch {
	case err == nil:
		matched.And(documents)
		return matched, nil
	case !errors.Is(err, filter.ErrLimit) || n > limit/filter.ObjectCost:
		return nil, err
	}
	numbers := take(documents.Iterator(), n)
	verdicts, err := t.matches(f, numbers)
	matched = roaring.New()
	for i, ok := range verdicts {
		if ok {
			matched.Add(uint32(numbers[i]))
		}
	}
	return matched, err
}

// matchingMetadata is matching for a filter that asks nothing of sources.
func (t *tx) matchingMetadata(f *filter.Filter, limit int) (*roaring.Bitmap, error) {
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
	numbers, err := t.documentsOf("meta", set.Metas, limit)
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

// documentsOf returns the numbers of all documents, visible or not, that have one
// of the numbers in a column: "meta" or "source", which are tables too.
func (t *tx) documentsOf(column string, wanted *roaring.Bitmap, limit int) (*roaring.Bitmap, error) {
	numbers, looked := roaring.New(), 0
	gap, err := t.cheapGap(column)
	if err != nil {
		return nil, err
	}
	for it := wanted.Iterator(); it.HasNext(); {
		first := it.Next()
		last := first
		for it.HasNext() && it.PeekNext()-last <= gap {
			last = it.Next()
		}
		for row, err := range t.Query(`SELECT `+column+`, n FROM document WHERE `+column+` BETWEEN ? AND ?`, int64(first), int64(last)) {
			if err != nil {
				return nil, err
			}
			if looked++; looked > limit {
				return nil, filter.ErrLimit
			}
			if wanted.Contains(uint32(row.Int64(0))) {
				numbers.Add(uint32(row.Int64(1)))
			}
		}
	}
	return numbers, nil
}

// cheapGap is over how many numbers that are not wanted it is cheaper to walk than
// to look the next one up: the fewer, the more documents each has.
func (t *tx) cheapGap(column string) (uint32, error) {
	last, err := t.Int64(`SELECT max(` + column + `) FROM ` + column)
	return uint32(seekCost*last/max(t.count, 1)) + 1, err
}

// matches reports for each number of a visible document whether a filter matches
// it; equal metadata is looked at once.
func (t *tx) matches(f *filter.Filter, numbers []int64) ([]bool, error) {
	const query = `SELECT m.meta, m.json, d.source FROM document d JOIN meta m ON m.meta = d.meta WHERE d.n = ?`
	results := make([]bool, len(numbers))
	type question struct {
		f    *filter.Filter
		meta int64
	}
	known, ofSource := map[question]bool{}, map[int64]*filter.Filter{}
	for i, n := range numbers {
		found := false
		for row, err := range t.Query(query, n) {
			if err != nil {
				return nil, err
			}
			found = true
			of, ok := ofSource[row.Int64(2)]
			if !ok {
				if of, err = t.filterOf(f, row.Int64(2)); err != nil {
					return nil, err
				}
				ofSource[row.Int64(2)] = of
			}
			q := question{of, row.Int64(0)}
			result, ok := known[q]
			if !ok {
				if result, err = of.Match(json.RawMessage(row.Text(1))); err != nil {
					return nil, damaged(t.path, "metadata %d is %v", q.meta, err)
				}
				known[q] = result
			}
			results[i] = result
		}
		if !found {
			return nil, damaged(t.path, "document %d is missing", n)
		}
	}
	return results, nil
}

// filterOf returns what a filter asks of the metadata of a source's documents.
func (t *tx) filterOf(f *filter.Filter, source int64) (*filter.Filter, error) {
	if !f.AsksSource() {
		return f, nil
	}
	src, _, err := t.source(`source`, source)
	return f.Of(src.Name), err
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
