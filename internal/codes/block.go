//go:build cgo

package codes

import "sheaf/internal/vector"

// layout tells where the parts of a block lie.
type layout struct {
	rows, octets int
	ordered      bool // a block has the signs of its rows, and their numbers
}

func layoutOf(dim, rows int, ordered bool) layout {
	return layout{rows, (dim + octet - 1) / octet, ordered}
}

// part is a part of a block: what a pass reads of it lies together.
type part int

const (
	// signPart has for each row its number, its length, and the scale and the spread of its
	// signs; and the signs. Only files with an order of their own have it.
	signPart part = iota
	// highPart has for each row its length, and the scale and the residual of 4 bits; in a
	// file with an order of its own, its number; and the high nibbles.
	highPart
	// lowPart has for each row the scale and the residual of 8 bits; the low nibbles; the
	// checksum of the floats that the codes were made of, and that of all of the block
	// before it.
	lowPart
	parts
)

func (l layout) plane() int { return l.rows * l.octets * octet / 2 }

// signs is how many bytes the signs have: octets are read in pairs.
func (l layout) signs() int { return l.rows * (l.octets + l.octets%2) }

// begin is where a part of a block begins, counted from the begin of the block.
func (l layout) begin(p part) int {
	column, numbers, signs := l.rows*vector.Size, 0, 0
	if l.ordered {
		numbers, signs = column, 4*column+l.signs()
	}
	switch p {
	case signPart:
		return 0
	case highPart:
		return signs
	case lowPart:
		return signs + 3*column + numbers + l.plane()
	default:
		return l.begin(lowPart) + 2*column + l.plane() + checksums
	}
}

func (l layout) bytes() int { return l.begin(parts) }

// checksums is how many bytes the checksums at the end of a block have.
const checksums = 2 * vector.Size

// block is the parts of a block, in the memory of a buffer.
type block struct {
	octets            int
	rough             rough
	length            []float32
	scale4, residual4 []float32
	numbers           []uint32 // nil: the rows follow one another
	scale8, residual8 []float32
	high, low         []byte
}

// rough is the part of a block with the signs of its rows.
type rough struct {
	numbers               []uint32
	length, scale, spread []float32
	signs                 []byte // nil: there is none
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
	if l.ordered {
		b.rough = rough{uints(take(l.rows)), take(l.rows), take(l.rows), take(l.rows), vector.Bytes(take(l.signs() / vector.Size))}
	}
	b.length, b.scale4, b.residual4 = take(l.rows), take(l.rows), take(l.rows)
	if l.ordered {
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
