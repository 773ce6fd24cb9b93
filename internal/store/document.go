package store

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
)

// hashSize is how much of a SHA-256 is kept.
const hashSize = 16

// documentHash covers a document's number, id, text, metadata, source and place, so
// that a row that was damaged or belongs to another number is never shown.
func documentHash(d *engine.Document, n int64, origin engine.Origin) []byte {
	object := d.Metadata.JSON()
	b := make([]byte, 0, 9*8+len(d.ID)+len(object)+len(d.Source)+len(d.Text))
	for _, v := range []int64{n, int64(origin), int64(d.StartIndex), int64(d.StartLine), int64(d.EndLine)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	b = append(binary.LittleEndian.AppendUint64(b, uint64(len(d.ID))), d.ID...)
	b = append(binary.LittleEndian.AppendUint64(b, uint64(len(object))), object...)
	b = append(binary.LittleEndian.AppendUint64(b, uint64(len(d.Source))), d.Source...)
	b = append(binary.LittleEndian.AppendUint64(b, uint64(len(d.Text))), d.Text...)
	sum := sha256.Sum256(b)
	return sum[:hashSize]
}

// textHash is the key under which a text's vector is found again.
func textHash(text string) int64 {
	sum := sha256.Sum256([]byte(text))
	return int64(binary.LittleEndian.Uint64(sum[:8]))
}

// insertDocument writes document n of a source, whose name d has too.
func (t *tx) insertDocument(n int64, d *engine.Document, source, meta int64, origin engine.Origin) error {
	return t.Exec(`INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n, d.ID, source, meta, int64(origin), d.StartIndex, d.StartLine, d.EndLine, textHash(d.Text), documentHash(d, n, origin), d.Text)
}

// moveDocument gives document n, which stays, other lines and metadata.
func (t *tx) moveDocument(n int64, d *engine.Document) error {
	meta, err := t.intern(d.Metadata)
	if err != nil {
		return err
	}
	origin, err := t.Int64(`SELECT origin FROM document WHERE n = ?`, n)
	if err != nil {
		return err
	}
	return t.Exec(`UPDATE document SET meta = ?, start_index = ?, start_line = ?, end_line = ?, hash = ? WHERE n = ?`,
		meta, d.StartIndex, d.StartLine, d.EndLine, documentHash(d, n, engine.Origin(origin)), n)
}

// selectDocument reads whole documents; conditions on d.n are appended.
const selectDocument = `SELECT d.n, d.id, d.text, m.json, s.name, d.start_index, d.start_line, d.end_line, d.origin, d.hash, s.key
  FROM document d JOIN meta m ON m.meta = d.meta JOIN source s ON s.source = d.source `

// scanDocument reads a row of selectDocument and holds it against its hash.
func scanDocument(row *sqlite.Row, path string) (n int64, d engine.Document, err error) {
	n = row.Int64(0)
	d = engine.Document{
		ID: row.Text(1), Text: row.Text(2), Metadata: metadata.Raw(row.Bytes(3)), Source: row.Text(4),
		StartIndex: row.Int(5), StartLine: row.Int(6), EndLine: row.Int(7),
	}
	if string(documentHash(&d, n, engine.Origin(row.Int(8)))) != row.Text(9) {
		return n, d, damaged(path, "document %d (id %q) fails its checksum", n, d.ID)
	}
	return n, d, nil
}

// find returns the number of the visible document with an id, -1 for none.
func (t *tx) find(id string) (int64, error) {
	for row, err := range t.Query(`SELECT n FROM document WHERE id = ?`, id) {
		if err != nil {
			return -1, err
		}
		if n := row.Int64(0); t.alive(n) {
			return n, nil
		}
	}
	return -1, nil
}

// documents reads documents by number. A number without a document is damage: the
// caller took it from the bitmaps of the same transaction.
func (t *tx) documents(numbers []int64) ([]engine.Document, error) {
	docs := make([]engine.Document, len(numbers))
	for i, n := range numbers {
		found := false
		for row, err := range t.Query(selectDocument+`WHERE d.n = ?`, n) {
			if err == nil {
				_, docs[i], err = scanDocument(row, t.path)
				docs[i].Key = row.Text(10)
			}
			if err != nil {
				return nil, err
			}
			found = true
		}
		if !found {
			return nil, damaged(t.path, "document %d is missing", n)
		}
	}
	return docs, nil
}

// maxGap is how many rows are passed over rather than begin another statement.
const maxGap = 32

// places reads where documents are, by ascending numbers: without what their checksums
// cover. A number without a document is damage.
func (t *tx) places(numbers []int64) ([]engine.Document, error) {
	docs := make([]engine.Document, 0, len(numbers))
	for from := 0; from < len(numbers); from = len(docs) {
		to := from + 1
		for to < len(numbers) && numbers[to]-numbers[to-1] <= maxGap {
			to++
		}
		const query = `SELECT d.n, d.id, s.name, d.start_line, d.end_line FROM document d JOIN source s ON s.source = d.source
  WHERE d.n BETWEEN ? AND ? ORDER BY d.n`
		for row, err := range t.Query(query, numbers[from], numbers[to-1]) {
			if err != nil {
				return nil, err
			}
			if n := row.Int64(0); len(docs) < to && n == numbers[len(docs)] {
				docs = append(docs, engine.Document{ID: row.Text(1), Source: row.Text(2), StartLine: row.Int(3), EndLine: row.Int(4)})
			}
		}
		if len(docs) != to {
			return nil, damaged(t.path, "document %d is missing", numbers[len(docs)])
		}
	}
	return docs, nil
}

// ofSource adds to a bitmap those documents of a source that are wanted.
func (t *tx) ofSource(source int64, wanted func(n int64) bool, to *roaring.Bitmap) error {
	for row, err := range t.Query(`SELECT n FROM document WHERE source = ?`, source) {
		if err != nil {
			return err
		}
		if n := row.Int64(0); wanted(n) {
			to.Add(uint32(n))
		}
	}
	return nil
}

// embedded finds the first usable document with this text and a vector that this
// store's embedder made from all of it; -1 for none.
func (t *tx) embedded(text string, usable func(n int64) bool) (int64, error) {
	const query = `SELECT n FROM document WHERE text_hash = ? AND origin = ? AND text = ? ORDER BY n`
	for row, err := range t.Query(query, textHash(text), int64(engine.Embedded), text) {
		if err != nil {
			return -1, err
		}
		if n := row.Int64(0); usable(n) {
			return n, nil
		}
	}
	return -1, nil
}
