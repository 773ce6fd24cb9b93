//go:build cgo

package codes

import "sheaf/internal/vector"

// layout tells where the parts of a block lie.
type layout struct{ rows, octets int }

func layoutOf(dim, rows int) layout { return layout{rows, (dim + octet - 1) / octet} }

// The parts of a block follow one another: for each row its length, and the scale and the
// residual of 4 bits; the high nibbles; the scale and the residual of 8 bits; the low
// nibbles; the checksum of the floats that the codes were made of, and that of all before
// it. A pass by 4 bits reads no further than the high nibbles.
func (l layout) plane() int  { return l.rows * l.octets * octet / 2 }
func (l layout) coarse() int { return 3*l.rows*vector.Size + l.plane() }
func (l layout) fine() int   { return l.coarse() + 2*l.rows*vector.Size + l.plane() }
func (l layout) bytes() int  { return l.fine() + 2*vector.Size }

// block is the parts of a block, in the memory of a buffer.
type block struct {
	octets            int
	length            []float32
	scale4, residual4 []float32
	scale8, residual8 []float32
	high, low         []byte
}

// block returns the parts of the block in buf, which has l.bytes()/vector.Size numbers.
func (l layout) block(buf []float32) block {
	plane := l.plane() / vector.Size
	take := func(n int) []float32 {
		part := buf[:n:n]
		buf = buf[n:]
		return part
	}
	b := block{octets: l.octets}
	b.length, b.scale4, b.residual4 = take(l.rows), take(l.rows), take(l.rows)
	b.high = vector.Bytes(take(plane))
	b.scale8, b.residual8 = take(l.rows), take(l.rows)
	b.low = vector.Bytes(take(plane))
	return b
}

// head returns the lengths and the residuals that belong to codes of 8 or of 4 bits.
func (b block) head(fine bool) (length, residual []float32) {
	if fine {
		return b.length, b.residual8
	}
	return b.length, b.residual4
}
