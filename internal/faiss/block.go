//go:build cgo

package faiss

// block holds rows that were read together, one behind the other.
type block struct {
	data  []byte
	n     int
	first int64   // number of the first row, the others follow it,
	rows  []int64 // unless their numbers are here
}

func (b block) row(i int) int64 {
	if b.rows != nil {
		return b.rows[i]
	}
	return b.first + int64(i)
}

// part returns the rows of b from first up to end.
func (b block) part(first, end int, a arithmetic) block {
	p := block{data: b.data[first*a.rowBytes() : end*a.rowBytes()], n: end - first, first: b.first + int64(first)}
	if b.rows != nil {
		p.rows = b.rows[first:end]
	}
	return p
}

// reader divides the rows of one pass into blocks: ranges of all rows, or parts of a list.
type reader struct {
	flat *Flat
	list []int64 // nil: all rows from first on
	rows int64   // all there are to read
	per  int64   // rows in a block

	first int64
}

// maxBlockRows bounds the memory that a batch needs for each row of a block.
const maxBlockRows = 4096

func newReader(f *Flat, p pass, blockBytes int) *reader {
	r := &reader{flat: f, list: p.list, rows: f.rows - p.first, first: p.first}
	r.per = int64(min(max(1, blockBytes/f.math.rowBytes()), maxBlockRows))
	if p.list != nil {
		// Scattered rows take a system call each: even a short list is divided among threads.
		r.rows = int64(len(p.list))
		r.per = max(1, min(r.per, r.rows/int64(p.threads)))
	}
	return r
}

func (r *reader) blocks() int64 { return (r.rows + r.per - 1) / r.per }

func (r *reader) bufferSize() int64 { return min(r.per, r.rows) * int64(r.flat.math.rowBytes()) }

// read reads block i into buf, which has bufferSize bytes.
func (r *reader) read(i int64, buf []byte) (block, error) {
	first := i * r.per
	n := min(r.per, r.rows-first)
	if r.list != nil {
		rows := r.list[first : first+n]
		return block{data: buf, n: len(rows), rows: rows}, r.flat.gather(rows, buf)
	}
	buf = buf[:n*int64(r.flat.math.rowBytes())]
	first += r.first
	return block{data: buf, n: int(n), first: first}, r.flat.read(first, buf)
}

// gather reads the rising rows into buf, without gaps. Rows that lie close together are read
// by one call, and moved to close the gaps between them.
func (f *Flat) gather(rows []int64, buf []byte) error {
	size := f.math.rowBytes()
	for len(rows) > 0 {
		n := f.together(rows, int64(len(buf)/size))
		span := rows[n-1] - rows[0] + 1
		if err := f.read(rows[0], buf[:span*int64(size)]); err != nil {
			return err
		}
		for i, row := range rows[:n] {
			copy(buf[i*size:(i+1)*size], buf[(row-rows[0])*int64(size):])
		}
		rows, buf = rows[n:], buf[n*size:]
	}
	return nil
}

// maxGap is up to how many unwanted bytes cost less to read than another call of pread.
const maxGap = 4 << 10

// together returns how many of the first rows one call should read, so that no gap is larger
// than maxGap and the span is at most room rows.
func (f *Flat) together(rows []int64, room int64) int {
	gap := 1 + int64(maxGap/f.math.rowBytes())
	for i := 1; i < len(rows); i++ {
		if rows[i]-rows[i-1] > gap || rows[i]-rows[0] >= room {
			return i
		}
	}
	return len(rows)
}
