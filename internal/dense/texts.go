package dense

import "encoding/binary"

// Texts holds texts, in their bytes and little more. Its zero value is empty.
type Texts struct {
	blocks [][]byte // texts one after another, each behind its length
}

// Handle stands for a text in a Texts: for its block and its place there. None is zero.
type Handle uint64

// blockSize is that of a block, but for one with a single longer text.
const blockSize = 256 << 10

// Add keeps a text of less than 4 GiB.
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

// At returns a text.
func (t *Texts) At(h Handle) string {
	b := t.blocks[h>>32-1][uint32(h):]
	size, n := binary.Uvarint(b)
	return string(b[n:][:size])
}
