package store

import (
	"context"
	"crypto/sha256"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/sqlite"
)

// checkPage is how many rows are looked at in one transaction.
const checkPage = 2000

// pages calls look with transactions open until it has seen fewer rows than a
// page has. look is given the number after which to go on, and returns the last
// one that it saw.
func (c *checker) pages(ctx context.Context, look func(after int64) (last int64, seen int, err error)) error {
	for after, more := int64(math.MinInt64), true; more; {
		err := c.s.transaction(ctx, func() error {
			last, seen, err := look(after)
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
	var unswept *roaring.Bitmap
	err := c.s.transaction(ctx, func() (err error) {
		unswept, err = loadBitmap(c.s.conn, c.s.path, kindUnswept)
		return err
	})
	if err != nil {
		return err
	}
	c.perSource = map[int64]int64{}
	expected := c.s.state.present.Iterator()
	err = c.pages(ctx, func(after int64) (last int64, seen int, err error) {
		last = after
		for row, err := range c.s.conn.Query(checkDocument, after, checkPage) {
			if err != nil {
				return last, seen, err
			}
			last = row.Int64(0)
			seen++
			c.missing(expected, last)
			c.document(row, unswept)
		}
		return last, seen, nil
	})
	c.missing(expected, math.MaxInt64)
	return err
}

const checkDocument = `SELECT d.n, d.id, d.text, m.json, s.name, d.start_index, d.start_line, d.end_line, d.origin, d.hash, d.text_hash, d.source
  FROM document d LEFT JOIN meta m ON m.meta = d.meta LEFT JOIN source s ON s.source = d.source WHERE d.n > ? ORDER BY d.n LIMIT ?`

// missing reports the visible documents numbered below n that had no row, and
// passes over n.
func (c *checker) missing(expected roaring.IntPeekable, n int64) {
	for expected.HasNext() && int64(expected.PeekNext()) <= n {
		if number := int64(expected.Next()); number < n && c.s.state.alive(number) {
			c.add(ProblemDocument, c.s.path, remedyDamaged, "document %d is missing", number)
		}
	}
}

// document looks at one row of checkDocument.
func (c *checker) document(row *sqlite.Row, unswept *roaring.Bitmap) {
	st, n := c.s.state, row.Int64(0)
	switch {
	case n >= st.count:
		c.add(ProblemLeftover, c.s.path, remedyRepair, "document %d was never committed", n)
		return
	case !st.alive(n):
		if n < 0 || !unswept.Contains(uint32(n)) {
			c.add(ProblemLeftover, c.s.path, remedyRepair, "document %d is deleted and still has a row", n)
		}
		return
	}
	c.perSource[row.Int64(11)]++
	id, text := row.Text(1), row.Text(2)
	switch {
	case row.Type(3) == sqlite.Null:
		c.add(ProblemDocument, c.s.path, remedyAgain, "document %d (id %q) has no metadata", n, id)
	case row.Type(4) == sqlite.Null:
		c.add(ProblemDocument, c.s.path, remedyAgain, "document %d (id %q) has no source", n, id)
	case textHash(text) != row.Int64(10):
		c.add(ProblemDocument, c.s.path, remedyAgain, "document %d (id %q) has another text's hash", n, id)
	default:
		if _, _, err := scanDocument(row, c.s.path); err != nil {
			c.add(ProblemDocument, c.s.path, remedyAgain, "document %d (id %q) fails its checksum", n, id)
		}
	}
}

// metadata holds every metadata object against its hash and its typed rows.
func (c *checker) metadata(ctx context.Context) error {
	err := c.pages(ctx, func(after int64) (last int64, seen int, err error) {
		last = after
		var objects []string
		var numbers []int64
		for row, err := range c.s.conn.Query(`SELECT meta, hash, json FROM meta WHERE meta > ? ORDER BY meta LIMIT ?`, after, checkPage) {
			if err != nil {
				return last, seen, err
			}
			last = row.Int64(0)
			seen++
			object := row.Text(2)
			if sum := sha256.Sum256([]byte(object)); string(sum[:hashSize]) != row.Text(1) {
				c.add(ProblemMetadata, c.s.path, remedyDamaged, "metadata %d fails its checksum", last)
				continue
			}
			objects, numbers = append(objects, object), append(numbers, last)
		}
		for i := range objects {
			if err := c.typedRows(numbers[i], objects[i]); err != nil {
				return last, seen, err
			}
		}
		return last, seen, nil
	})
	if err != nil {
		return err
	}
	return c.s.transaction(ctx, func() error {
		n, err := c.s.conn.Int64(`SELECT count(*) FROM field`)
		if err == nil && n != c.fields {
			c.add(ProblemMetadata, c.s.path, remedyRepair, "filters look at %d values of metadata, and there are %d", n, c.fields)
		}
		return err
	})
}

// typedRows finds typed rows that a metadata object should have.
func (c *checker) typedRows(meta int64, object string) error {
	fields, err := fieldsOf([]byte(object))
	if err != nil {
		c.add(ProblemMetadata, c.s.path, remedyDamaged, "metadata %d is not a JSON object", meta)
		return nil
	}
	c.fields += int64(len(fields))
	for _, f := range fields {
		found, err := c.s.conn.Int64(`SELECT 1 FROM field WHERE key = ? AND value = ? AND kind = ? AND meta = ?`, f.key, f.value, f.kind, meta)
		if err != nil {
			return err
		}
		if found == 0 {
			c.add(ProblemMetadata, c.s.path, remedyRepair, "filters do not see %q of metadata %d", f.key, meta)
		}
	}
	return nil
}
