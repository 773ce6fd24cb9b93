//go:build cgo

package codes

import "sheaf/internal/vector"

// layout tells where the parts of a block lie.
type layout struct {
	rows, octets int
	numbered     bool // a block has the numbers of its rows
}

func layoutOf(dim, rows int, numbered bool) layout {
	return layout{rows, (dim + octet - 1) / octet, numbered}
}

// The parts of a block follow one another: for each row its length, and the scale and the
// residual of 4 bits; in a file with an order of its own, its number; the high nibbles; the
// scale and the residual of 8 bits; the low nibbles; the checksum of the floats that the
// codes were made of, and that of all before it. A pass by 4 bits reads no further than the
// high nibbles.
func (l layout) plane() int { return l.rows * l.octets * octet / 2 }
func (l layout) coarse() int {
	columns := 3
	if l.numbered {
		columns++
	}
	return columns*l.rows*vector.Size + l.plane()
}
func (l layout) fine() int  { return l.coarse() + 2*l.rows*vector.Size + l.plane() }
func (l layout) bytes() int { return l.fine() + 2*vector.Size }

// block is the parts of a block, in the memory of a buffer.
type block struct {
	octets            int
	length            []float32
	scale4, residual4 []float32
	numbers           []uint32 // nil: the rows follow one another
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
	if l.numbered {
		b.numbers = uints(take(l.rows))
	}
	b.high = vector.Bytes(take(plane))
	b.scale8, b.residual8 = take(l.rows), take(l.rows)
	b.low = vector.Bytes(take(plane))
	return b
}

// row returns the number of the row at place i of the block that begins at place first of
// its file.
func (b block) row(first int64, i int32) int64 {
	if b.numbers == nil {
		return first + int64(i)
	}
	return int64(b.numbers[i])
}

// head returns the lengths and the residuals that belong to codes of 8 or of 4 bits.
func (b block) head(fine bool) (length, residual []float32) {
	if fine {
		return b.length, b.residual8
	}
	return b.length, b.residual4
}
