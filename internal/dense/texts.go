package dense

import "encoding/binary"

// Texts stores texts in little more than their bytes. The zero value is empty.
type Texts struct {
	blocks [][]byte // each text after its length
}

// Handle refers to a text in a Texts, by its block and its offset there. It is never 0.
type Handle uint64

// blockSize is the size of a block, except one with a single longer text.
const blockSize = 256 << 10

// Add stores a text of less than 4 GiB.
func (t *Texts) Add(s string) Handle {
	room := binary.MaxVarintLen32 + len(s)
	last := len(t.blocks) - 1
	if last < 0 || room > cap(t.blocks[last])-len(t.blocks[last]) {
		t.blocks = append(t.blocks, make([]byte, 0, max(blockSize, room)))
		last++
	}
	b := t.blocks[last]
	t.blocks[last] = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	return Handle(last+1)<<32 | Handle(len(b))
}

// At returns the text of a handle.
func (t *Texts) At(h Handle) string {
	b := t.blocks[h>>32-1][uint32(h):]
	size, n := binary.Uvarint(b)
	return string(b[n:][:size])
}
