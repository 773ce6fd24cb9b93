package postgres

import (
	"bytes"
	"context"
	"encoding/binary"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
)

// rows are documents on their way to the server, in the binary format of COPY.
type rows struct {
	buf bytes.Buffer
	n   int
}

// copyBytes is how much is sent in one COPY.
const copyBytes = 4 << 20

// copyHeader begins a file of COPY in binary format: its signature, no flags, no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

const copyDocuments = `COPY {documents} (n, id, source, text, metadata, verbatim, origin, start_index, start_line, end_line, text_hash, vector, length, words) FROM STDIN (FORMAT binary)`

const copyColumns = 14

// add adds document n of a source with its vector as the store keeps it, and its terms in
// their order where the store keeps words.
func (r *rows) add(n, source int64, d *engine.Document, x []float32, origin engine.Origin, terms []uint64) {
	b := r.begin(copyColumns)
	object := d.Metadata.JSON()
	b = appendInt(b, n)
	b = appendText(b, d.ID)
	b = appendInt(b, source)
	b = appendText(b, d.Text)
	if jsonb(object) == nil {
		b = binary.BigEndian.AppendUint32(b, 1<<32-1) // NULL
	} else { // the version of the format, and text
		b = binary.BigEndian.AppendUint32(b, uint32(len(object)+1))
		b = append(append(b, 1), object...)
	}
	b = appendText(b, string(object))
	b = binary.BigEndian.AppendUint32(b, 2)
	b = binary.BigEndian.AppendUint16(b, uint16(origin))
	for _, v := range []int64{int64(d.StartIndex), int64(d.StartLine), int64(d.EndLine), textHash(d.Text)} {
		b = appendInt(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(4+4*len(x)))
	b = appendVector(b, x)
	r.end(appendTerms(b, terms))
}

// begin begins a row. It is of the rows once end was called.
func (r *rows) begin(columns uint16) []byte {
	if r.n == 0 {
		r.buf.WriteString(copyHeader)
	}
	r.n++
	return binary.BigEndian.AppendUint16(r.buf.AvailableBuffer(), columns)
}

func (r *rows) end(row []byte) { r.buf.Write(row) }

// appendTerms appends the columns length and words.
func appendTerms(b []byte, terms []uint64) []byte {
	b = binary.BigEndian.AppendUint32(b, 4)
	b = binary.BigEndian.AppendUint32(b, lengthOf(terms))
	if terms == nil {
		return binary.BigEndian.AppendUint32(b, 1<<32-1) // NULL
	}
	at := len(b)
	b = appendWords(append(b, 0, 0, 0, 0), terms)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendInt(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v))
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// send copies the rows by a statement and forgets them.
func (r *rows) send(ctx context.Context, c *conn, sql string) error {
	r.buf.Write([]byte{0xff, 0xff}) // the end
	_, err := c.CopyFrom(ctx, &r.buf, c.pool.names.Replace(sql))
	r.buf.Reset()
	r.n = 0
	if err != nil {
		return c.pool.place.failed(ctx, err)
	}
	return nil
}

// copying is rows that are sent while others are collected. Nobody else uses the connection
// until wait has returned.
type copying struct {
	rows rows
	done <-chan error // nil while nothing is sent
}

// start sends rows in the background, and leaves r with none. Nothing may be on its way.
func (s *copying) start(ctx context.Context, c *conn, r *rows) {
	s.rows, *r = *r, s.rows
	s.done = crash.Go(func() error { return s.rows.send(ctx, c, copyDocuments) })
}

// wait waits for what is on its way.
func (s *copying) wait() error {
	if s.done == nil {
		return nil
	}
	err := <-s.done
	s.done = nil
	return err
}
