package store

import (
	"context"
	"crypto/sha256"
	"math"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
)

// checkPage is how many rows are looked at in one transaction.
const checkPage = 2000

// pages calls look with transactions open until it has seen fewer rows than a
// page has. look is given the number after which to go on, and returns the last
// one that it saw.
func (c *checker) pages(ctx context.Context, look func(t *tx, after int64) (last int64, seen int, err error)) error {
	for after, more := int64(math.MinInt64), true; more; {
		err := c.s.view(ctx, func(t *tx) error {
			last, seen, err := look(t, after)
			after, more = last, seen == checkPage
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// documents holds every row of table document against its hash, and the rows
// that there are against the bitmaps.
func (c *checker) documents(ctx context.Context) error {
	c.perSource = map[int64]int64{}
	var unswept *roaring.Bitmap
	var expected roaring.IntPeekable
	err := c.pages(ctx, func(t *tx, after int64) (last int64, seen int, err error) {
		if unswept == nil {
			expected = t.present.Iterator()
			if unswept, err = t.bitmap(kindUnswept); err != nil {
				return 0, 0, err
			}
		}
		for row, err := range t.Query(checkDocument, after, checkPage) {
			if err != nil {
				return last, seen, err
			}
			last = row.Int64(0)
			seen++
			c.missing(t, expected, last)
			c.document(t, row, unswept)
		}
		if seen < checkPage {
			c.missing(t, expected, math.MaxInt64)
		}
		return last, seen, nil
	})
	path := filepath.Join(c.s.dir, databaseName)
	if c.staged > 0 {
		c.add(ProblemLeftover, path, remedyRepair, "%d documents were never committed", c.staged)
	}
	if c.dead > 0 {
		c.add(ProblemLeftover, path, remedyRepair, "%d deleted documents still have a row", c.dead)
	}
	return err
}

const checkDocument = `SELECT d.n, d.id, d.text, m.json, s.name, d.start_index, d.start_line, d.end_line, d.origin, d.hash, d.text_hash, d.source
  FROM document d LEFT JOIN meta m ON m.meta = d.meta LEFT JOIN source s ON s.source = d.source WHERE d.n > ? ORDER BY d.n LIMIT ?`

// missing reports the visible documents numbered below n that had no row, and
// passes over n.
func (c *checker) missing(t *tx, expected roaring.IntPeekable, n int64) {
	for expected.HasNext() && int64(expected.PeekNext()) <= n {
		if number := int64(expected.Next()); number < n && t.alive(number) {
			c.add(ProblemDocument, t.path, remedyDamaged, "document %d is missing", number)
		}
	}
}

// document looks at one row of checkDocument.
func (c *checker) document(t *tx, row *sqlite.Row, unswept *roaring.Bitmap) {
	n := row.Int64(0)
	switch {
	case n >= t.count:
		c.staged++
		return
	case !t.alive(n):
		if n < 0 || !unswept.Contains(uint32(n)) {
			c.dead++
		}
		return
	}
	c.perSource[row.Int64(11)]++
	id := row.Text(1)
	switch {
	case row.Type(3) == sqlite.Null:
		c.add(ProblemDocument, t.path, remedyAgain, "document %d (id %q) has no metadata", n, id)
	case row.Type(4) == sqlite.Null:
		c.add(ProblemDocument, t.path, remedyRepair, "document %d (id %q) has no source", n, id)
	case textHash(row.Text(2)) != row.Int64(10):
		c.add(ProblemDocument, t.path, remedyAgain, "document %d (id %q) has another text's hash", n, id)
	default:
		if _, _, err := scanDocument(row, t.path); err != nil {
			c.add(ProblemDocument, t.path, remedyAgain, "document %d (id %q) fails its checksum", n, id)
		}
	}
}

// metadata holds every metadata object against its hash and its typed rows.
func (c *checker) metadata(ctx context.Context) error {
	err := c.pages(ctx, func(t *tx, after int64) (last int64, seen int, err error) {
		for row, err := range t.Query(`SELECT meta, hash, json FROM meta WHERE meta > ? ORDER BY meta LIMIT ?`, after, checkPage) {
			if err != nil {
				return last, seen, err
			}
			last = row.Int64(0)
			seen++
			object := row.Bytes(2)
			if sum := sha256.Sum256(object); string(sum[:hashSize]) != row.Text(1) {
				c.add(ProblemMetadata, t.path, remedyDamaged, "metadata %d fails its checksum", last)
			} else if err := c.typedRows(t, last, metadata.Raw(object)); err != nil {
				return last, seen, err
			}
		}
		return last, seen, nil
	})
	if err != nil {
		return err
	}
	return c.s.view(ctx, func(t *tx) error {
		n, err := t.Int64(`SELECT count(*) FROM field`)
		if err == nil && n != c.fields {
			c.add(ProblemMetadata, t.path, remedyRepair, "filters look at %d values of metadata, and there are %d", n, c.fields)
		}
		return err
	})
}

// typedRows finds typed rows that a metadata object should have.
func (c *checker) typedRows(t *tx, meta int64, object metadata.Object) error {
	if _, err := object.Members(); err != nil {
		c.add(ProblemMetadata, t.path, remedyDamaged, "metadata %d is not a JSON object", meta)
		return nil
	}
	return eachField(object, func(key string, value any, kind metadata.Kind) error {
		c.fields++
		found, err := t.Int64(`SELECT count(*) FROM field WHERE key = ? AND value = ? AND kind = ? AND meta = ?`, key, value, int64(kind), meta)
		if err == nil && found == 0 {
			c.add(ProblemMetadata, t.path, remedyRepair, "filters do not see %q of metadata %d", key, meta)
		}
		return err
	})
}
