package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"

	"sheaf/internal/engine"
)

// state is the one row of table store: what the last commit says. Bitmaps are
// never changed in place once a state that shows them is committed.
type state struct {
	id               [16]byte
	created, updated time.Time
	facts            engine.Facts
	unit             bool   // every vector so far has length 1 or 0
	settings         string // the settings of the first source, opaque here
	indexFile        int64  // n of index.<n>.faiss
	count            int64  // documents numbered below it are committed
	rows             int64  // rows of the index file that are committed
	documents        int64  // of them alive
	generation       int64  // grows with every commit that takes something away
	words            wordState

	present *roaring.Bitmap // document numbers that have a row in the index file
	dead    *roaring.Bitmap // those of them that are deleted
}

// alive reports whether document n can be seen.
func (st *state) alive(n int64) bool {
	return n >= 0 && n < st.count && st.present.Contains(uint32(n)) && !st.dead.Contains(uint32(n))
}

// row is the position of document n in the index file: its rank in present.
func (st *state) row(n int64) int64 { return int64(st.present.Rank(uint32(n))) - 1 }

// document is the number of the document at a row of the index file.
func (st *state) document(row int64) (int64, error) {
	n, err := st.present.Select(uint32(row))
	return int64(n), err
}

// aliveBefore is how many documents can be seen of the first rows, of which there is one at
// least.
func (st *state) aliveBefore(rows int64) (int64, error) {
	last, err := st.document(rows - 1)
	return rows - int64(st.dead.Rank(uint32(last))), err
}

// skip is the bitmap of rows that a scan passes over; nil when there are none.
func (st *state) skip() []uint64 {
	if st.dead.IsEmpty() {
		return nil
	}
	bits := make([]uint64, (st.rows+63)/64)
	for it := st.dead.Iterator(); it.HasNext(); {
		row := st.row(int64(it.Next()))
		bits[row/64] |= 1 << (row % 64)
	}
	return bits
}

// checksum covers every column of the row, so that a damaged page is noticed.
func (st *state) checksum() int64 {
	var b bytes.Buffer
	b.Write(st.id[:])
	for _, s := range []string{st.facts.Embedder, st.facts.Fingerprint, string(st.facts.Metric), st.settings} {
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		b.WriteString(s)
	}
	for _, n := range []int64{
		st.created.UnixNano(), st.updated.UnixNano(), int64(st.facts.Dim), number(st.facts.Normalize), number(st.unit),
		st.indexFile, st.count, st.rows, st.documents, st.generation,
	} {
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
	return int64(column.Checksum(b.Bytes()))
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const selectState = `SELECT id, created, updated, embedder, fingerprint, dim, metric, normalize, unit,
  settings, index_file, count, rows, documents, generation, crc`

// loadState reads the row and, where old does not show them already, the bitmaps.
func (t *tx) loadState(old *state) error {
	st := &state{}
	var crc int64
	rows := 0
	query := selectState + ` FROM store`
	if t.version >= 3 {
		query = selectState + `, (SELECT tokenizer FROM words), (SELECT count FROM words) FROM store`
	}
	for row, err := range t.Query(query) {
		if err != nil {
			return err
		}
		rows++
		copy(st.id[:], row.Bytes(0))
		st.created, st.updated = time.Unix(0, row.Int64(1)), time.Unix(0, row.Int64(2))
		st.facts = engine.Facts{
			Embedder: row.Text(3), Fingerprint: row.Text(4), Dim: row.Int(5),
			Metric: engine.Metric(row.Text(6)), Normalize: row.Bool(7),
		}
		st.unit, st.settings, st.indexFile, st.count = row.Bool(8), row.Text(9), row.Int64(10), row.Int64(11)
		st.rows, st.documents, st.generation, crc = row.Int64(12), row.Int64(13), row.Int64(14), row.Int64(15)
		if t.version >= 3 {
			st.words = wordState{row.Int64(16), row.Int64(17)}
			st.facts.NoWords = st.words.tokenizer == noTokenizer
		}
	}
	switch {
	case rows == 0:
		return damaged(t.path, "its row of facts is missing")
	case crc != st.checksum() || st.facts.Validate() != nil:
		return damaged(t.path, "its row of facts fails its checksum")
	}
	t.state = st
	if old != nil && old.count == st.count && old.generation == st.generation && old.indexFile == st.indexFile {
		st.present, st.dead = old.present, old.dead
		return nil
	}
	return t.loadBitmaps()
}

func (t *tx) loadBitmaps() (err error) {
	st := t.state
	if st.present, err = t.bitmap(kindPresent); err != nil {
		return err
	}
	if st.dead, err = t.bitmap(kindDead); err != nil {
		return err
	}
	if int64(st.present.GetCardinality()) != st.rows || !st.present.IsEmpty() && int64(st.present.Maximum()) >= st.count {
		return damaged(t.path, "its bitmap of present documents does not fit its counts")
	}
	if st.documents != st.rows-int64(st.dead.GetCardinality()) || st.dead.AndCardinality(st.present) != st.dead.GetCardinality() {
		return damaged(t.path, "its bitmap of dead documents does not fit its counts")
	}
	return nil
}

// saveState writes the row, not the bitmaps.
func (t *tx) saveState(st *state) error {
	f := st.facts
	return t.Exec(`REPLACE INTO store VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		st.id[:], st.created.UnixNano(), st.updated.UnixNano(), f.Embedder, f.Fingerprint, f.Dim, string(f.Metric), f.Normalize,
		st.unit, st.settings, st.indexFile, st.count, st.rows, st.documents, st.generation, st.checksum())
}

// The bitmaps of a store. Each is kept in pages of 65,536 document numbers, so
// that a commit writes only the pages that it changes.
const (
	kindPresent = 0
	kindDead    = 1
	kindUnswept = 2 // dead ones whose rows are still in table document
	pageBits    = 16
)

func (t *tx) bitmap(kind int) (*roaring.Bitmap, error) {
	all := roaring.New()
	for row, err := range t.Query(`SELECT page, bits, crc FROM bitmap WHERE kind = ? ORDER BY page`, kind) {
		if err != nil {
			return nil, err
		}
		bits := row.Bytes(1)
		if int64(column.Checksum(bits)) != row.Int64(2) {
			return nil, damaged(t.path, "page %d of a bitmap fails its checksum", row.Int64(0))
		}
		page := roaring.New()
		if err := page.UnmarshalBinary(bits); err != nil {
			return nil, damaged(t.path, "page %d of a bitmap: %v", row.Int64(0), err)
		}
		all.Or(page)
	}
	return all, nil
}

// savePages writes those pages of a bitmap that hold one of the changed numbers.
func (t *tx) savePages(kind int, all, changed *roaring.Bitmap) error {
	pages := map[uint32]bool{}
	for it := changed.Iterator(); it.HasNext(); {
		page := it.PeekNext() >> pageBits
		pages[page] = true
		if page == 1<<pageBits-1 {
			break
		}
		it.AdvanceIfNeeded((page + 1) << pageBits)
	}
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		part := roaring.New()
		part.AddRange(uint64(page)<<pageBits, uint64(page+1)<<pageBits)
		part.And(all)
		part.RunOptimize()
		bits, err := part.ToBytes()
		if err != nil {
			return err
		}
		if err := t.Exec(`REPLACE INTO bitmap VALUES (?, ?, ?, ?)`, kind, int64(page), bits, int64(column.Checksum(bits))); err != nil {
			return err
		}
	}
	return nil
}

// A sidecar is a column beside the vectors that is derived from them: what it holds
// can be made anew, and so its file may be missing, or be behind, at any time. Table
// sidecar says of each kind which file it is and how many rows it covers. Compact,
// which gives rows other numbers, forgets them.

// sidecarSuffix ends the names of their files: KIND.<n>.sidecar.
const sidecarSuffix = ".sidecar"

// files are the names of the files that the database names.
func (t *tx) files() (map[string]bool, error) {
	named := map[string]bool{indexName(t.indexFile): true}
	if t.version < 2 {
		return named, nil
	}
	for row, err := range t.Query(`SELECT kind, file FROM sidecar`) {
		if err != nil {
			return nil, err
		}
		named[sidecarName(row.Text(0), row.Int64(1))] = true
	}
	return named, nil
}

func sidecarName(kind string, number int64) string {
	return fmt.Sprint(kind, ".", number, sidecarSuffix)
}

// sidecar returns the file of a kind, 0 where there is none, and the rows that it covers.
func (t *tx) sidecar(kind string) (number, rows int64, err error) {
	if t.version < 2 {
		return 0, 0, nil
	}
	for row, err := range t.Query(`SELECT file, rows FROM sidecar WHERE kind = ?`, kind) {
		if err != nil {
			return 0, 0, err
		}
		number, rows = row.Int64(0), row.Int64(1)
	}
	return number, rows, nil
}

func (t *tx) saveSidecar(kind string, number, rows int64) error {
	return t.Exec(`REPLACE INTO sidecar VALUES (?, ?, ?)`, kind, number, rows)
}

// extents are the checksums of the vectors.
func (t *tx) extents() (x column.Extents, err error) {
	for row, err := range t.Query(`SELECT first, count, crc FROM extent ORDER BY first`) {
		if err != nil {
			return nil, err
		}
		x = append(x, column.Extent{First: row.Int64(0), Count: row.Int64(1), Sum: uint32(row.Int64(2))})
	}
	return x, nil
}

// lastExtent is the one that the next rows extend; nothing in an empty store.
func (t *tx) lastExtent() (x column.Extents, err error) {
	for row, err := range t.Query(`SELECT first, count, crc FROM extent ORDER BY first DESC LIMIT 1`) {
		if err != nil {
			return nil, err
		}
		x = column.Extents{{First: row.Int64(0), Count: row.Int64(1), Sum: uint32(row.Int64(2))}}
	}
	return x, nil
}

func (t *tx) saveExtents(x column.Extents) error {
	for _, e := range x {
		if err := t.Exec(`REPLACE INTO extent VALUES (?, ?, ?)`, e.First, e.Count, int64(e.Sum)); err != nil {
			return err
		}
	}
	return nil
}

func indexName(n int64) string { return "index." + strconv.FormatInt(n, 10) + ".faiss" }
