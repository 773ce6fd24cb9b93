package store

import (
	"crypto/sha256"
	"encoding/binary"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// hashSize is how much of a SHA-256 is kept.
const hashSize = 16

// documentHash covers a document's number, id, text, metadata, source and place, so
// that a row that was damaged or belongs to another number is never shown.
func documentHash(d *engine.Document, n int64, origin engine.Origin) []byte {
	b := make([]byte, 0, 9*8+len(d.ID)+len(d.Metadata)+len(d.Source)+len(d.Text))
	for _, v := range []int64{n, int64(origin), int64(d.StartIndex), int64(d.StartLine), int64(d.EndLine)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	b = append(binary.LittleEndian.AppendUint64(b, uint64(len(d.ID))), d.ID...)
	b = append(binary.LittleEndian.AppendUint64(b, uint64(len(d.Metadata))), d.Metadata...)
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

// selectDocument reads whole documents; conditions on d.n are appended.
const selectDocument = `SELECT d.n, d.id, d.text, m.json, s.name, d.start_index, d.start_line, d.end_line, d.origin, d.hash
  FROM document d JOIN meta m ON m.meta = d.meta JOIN source s ON s.source = d.source `

// scanDocument reads a row of selectDocument and holds it against its hash.
func scanDocument(row *sqlite.Row, path string) (n int64, d engine.Document, err error) {
	n = row.Int64(0)
	d = engine.Document{
		ID: row.Text(1), Text: row.Text(2), Metadata: row.Bytes(3), Source: row.Text(4),
		StartIndex: row.Int(5), StartLine: row.Int(6), EndLine: row.Int(7),
	}
	if string(documentHash(&d, n, engine.Origin(row.Int(8)))) != row.Text(9) {
		return n, d, damaged(path, "document %d (id %q) fails its checksum", n, d.ID)
	}
	return n, d, nil
}
