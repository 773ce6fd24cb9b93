package pickle

import (
	"math/bits"
	"strings"

	"sheaf/internal/dense"
)

// bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) set(n int64) {
	for int64(len(*b)) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

// memo holds the values of the memo slots that the pickle reads; it drops all
// others. Values are stored by rank, which is the number of such slots before
// their own. The first ranks are what all documents share. Most of the others
// are the documents' ids: short texts, stored as bytes to save memory.
type memo struct {
	read    bitset
	before  []uint32 // rank of the first slot of each word of read
	values  map[uint32]Value
	handles []dense.Handle // of short texts, by rank; 0: none
	texts   dense.Texts
	memory  int64 // bytes, about, that the memo itself takes
}

const (
	// firstRanks is the number of ranks whose short texts are not copied.
	firstRanks = 1 << 10
	// shortText is the longest text that is stored as bytes.
	shortText = 128
	// mapWeight is about what an entry of a map takes.
	mapWeight = 64
)

func newMemo(read bitset) *memo {
	m := &memo{read: read, values: map[uint32]Value{}}
	n := 0
	for _, word := range m.read {
		m.before = append(m.before, uint32(n))
		n += bits.OnesCount64(word)
	}
	m.handles = make([]dense.Handle, n)
	return m
}

// rank returns the rank of a slot, and false for a slot that is never read.
func (m *memo) rank(slot int64) (uint32, bool) {
	word := slot / 64
	if word >= int64(len(m.read)) || m.read[word]>>(slot%64)&1 == 0 {
		return 0, false
	}
	below := m.read[word] & (1<<(slot%64) - 1)
	return m.before[word] + uint32(bits.OnesCount64(below)), true
}

// set stores the value of a rank.
func (m *memo) set(rank uint32, v Value) {
	if weight := copyWeight(v); weight > 0 && rank >= firstRanks {
		m.handles[rank] = m.texts.Add(v.(string))
		m.memory += weight
		return
	}
	if s, ok := v.(string); ok {
		v = strings.Clone(s) // it must not hold a block of texts
	}
	m.handles[rank], m.values[rank] = 0, v
	m.memory += mapWeight
}

// get returns the value of a rank; nil if it was never set.
func (m *memo) get(rank uint32) Value {
	if m.handles[rank] == 0 {
		return m.values[rank]
	}
	return m.texts.At(m.handles[rank])
}

// copyWeight is the weight of a short text, which get copies; 0 for any other
// value, which get shares.
func copyWeight(v Value) int64 {
	if s, ok := v.(string); ok && len(s) <= shortText {
		return weigh(s)
	}
	return 0
}
