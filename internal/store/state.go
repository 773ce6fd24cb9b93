package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// castagnoli is made on first use: a command that opens no store needs none.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

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

	present *roaring.Bitmap // document numbers that have a row in the index file
	dead    *roaring.Bitmap // those of them that are deleted
}

// alive tells whether document n can be seen.
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
	return int64(crc32.Checksum(b.Bytes(), castagnoli()))
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const selectState = `SELECT id, created, updated, embedder, fingerprint, dim, metric, normalize, unit,
  settings, index_file, count, rows, documents, generation, crc FROM store`

// loadState reads the row and, where old does not show them already, the bitmaps.
func loadState(conn *sqlite.Conn, path string, old *state) (*state, error) {
	var st *state
	var crc int64
	for row, err := range conn.Query(selectState) {
		if err != nil {
			return nil, err
		}
		st = &state{
			created: time.Unix(0, row.Int64(1)), updated: time.Unix(0, row.Int64(2)),
			facts: engine.Facts{
				Embedder: row.Text(3), Fingerprint: row.Text(4), Dim: row.Int(5),
				Metric: engine.Metric(row.Text(6)), Normalize: row.Bool(7),
			},
			unit: row.Bool(8), settings: row.Text(9), indexFile: row.Int64(10), count: row.Int64(11),
			rows: row.Int64(12), documents: row.Int64(13), generation: row.Int64(14),
		}
		copy(st.id[:], row.Bytes(0))
		crc = row.Int64(15)
	}
	switch {
	case st == nil:
		return nil, damaged(path, "its row of facts is missing")
	case crc != st.checksum() || st.facts.Validate() != nil:
		return nil, damaged(path, "its row of facts fails its checksum")
	case old != nil && old.count == st.count && old.generation == st.generation && old.indexFile == st.indexFile:
		st.present, st.dead = old.present, old.dead
		return st, nil
	}
	return st, st.loadBitmaps(conn, path)
}

func (st *state) loadBitmaps(conn *sqlite.Conn, path string) (err error) {
	if st.present, err = loadBitmap(conn, path, kindPresent); err != nil {
		return err
	}
	if st.dead, err = loadBitmap(conn, path, kindDead); err != nil {
		return err
	}
	if int64(st.present.GetCardinality()) != st.rows || !st.present.IsEmpty() && int64(st.present.Maximum()) >= st.count {
		return damaged(path, "its bitmap of present documents does not fit its counts")
	}
	if st.documents != st.rows-int64(st.dead.GetCardinality()) || st.dead.AndCardinality(st.present) != st.dead.GetCardinality() {
		return damaged(path, "its bitmap of dead documents does not fit its counts")
	}
	return nil
}

const saveStateSQL = `REPLACE INTO store VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// saveState writes the row, not the bitmaps.
func saveState(conn *sqlite.Conn, st *state) error {
	f := st.facts
	return conn.Exec(saveStateSQL,
		st.id[:], st.created.UnixNano(), st.updated.UnixNano(), f.Embedder, f.Fingerprint, f.Dim, string(f.Metric), number(f.Normalize),
		number(st.unit), st.settings, st.indexFile, st.count, st.rows, st.documents, st.generation, st.checksum())
}

// The bitmaps of a store. Each is kept in pages of 65,536 document numbers, so
// that a commit writes only the pages that it changes.
const (
	kindPresent = 0
	kindDead    = 1
	kindUnswept = 2 // dead ones whose rows are still in table document
	pageBits    = 16
)

func loadBitmap(conn *sqlite.Conn, path string, kind int) (*roaring.Bitmap, error) {
	all := roaring.New()
	for row, err := range conn.Query(`SELECT page, bits, crc FROM bitmap WHERE kind = ? ORDER BY page`, kind) {
		if err != nil {
			return nil, err
		}
		bits := row.Bytes(1)
		if int64(crc32.Checksum(bits, castagnoli())) != row.Int64(2) {
			return nil, damaged(path, "page %d of a bitmap fails its checksum", row.Int64(0))
		}
		page := roaring.New()
		if err := page.UnmarshalBinary(bits); err != nil {
			return nil, damaged(path, "page %d of a bitmap: %v", row.Int64(0), err)
		}
		all.Or(page)
	}
	return all, nil
}

// savePages writes those pages of a bitmap that hold one of the changed numbers.
func savePages(conn *sqlite.Conn, kind int, all, changed *roaring.Bitmap) error {
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
		err = conn.Exec(`REPLACE INTO bitmap VALUES (?, ?, ?, ?)`, kind, page, bits, int64(crc32.Checksum(bits, castagnoli())))
		if err != nil {
			return err
		}
	}
	return nil
}
