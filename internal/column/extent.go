package column

import (
	"hash"
	"hash/crc32"
	"sync"
)

// castagnoli is made on first use: that takes as long as half of a small search.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func newSum() hash.Hash32 { return crc32.New(castagnoli()) }

// few is how many bytes are summed faster by themselves than with a table made for them.
const few = 4 << 10

// Checksum is the CRC-32C of some bytes.
func Checksum(b []byte) uint32 {
	if len(b) > few {
		return crc32.Checksum(b, castagnoli())
	}
	var table [16]uint32
	for i := range table {
		table[i] = shift(uint32(i))
	}
	sum := ^uint32(0)
	for _, c := range b {
		sum ^= uint32(c)
		sum = sum>>4 ^ table[sum&15]
		sum = sum>>4 ^ table[sum&15]
	}
	return ^sum
}

// shift divides four bits by the polynomial.
func shift(sum uint32) uint32 {
	for range 4 {
		sum = sum>>1 ^ crc32.Castagnoli*(sum&1)
	}
	return sum
}

// Extent is a run of rows and the CRC-32C of their bytes.
type Extent struct {
	First, Count int64
	Sum          uint32
}

// Extents are runs that follow one another from row 0 on.
type Extents []Extent

// extentRows is how many rows an extent has at least before the next one begins:
// one checksum an append would be too many for small ones.
const extentRows = 1 << 16

// Rows is how many rows the extents cover.
func (x Extents) Rows() int64 {
	if len(x) == 0 {
		return 0
	}
	return x[len(x)-1].First + x[len(x)-1].Count
}

// Extend covers the rows of block, which follow, by the last extent or, where that
// is full, by another one. Each row has width bytes.
func (x Extents) Extend(block []byte, width int64) Extents {
	if len(block) == 0 {
		return x
	}
	if len(x) == 0 || x[len(x)-1].Count >= extentRows {
		x = append(x, Extent{First: x.Rows()})
	}
	last := &x[len(x)-1]
	last.Count += int64(len(block)) / width
	last.Sum = crc32.Update(last.Sum, castagnoli(), block)
	return x
}
