package dense

import "iter"

// Table is a hash table from 64-bit hashes to numbers, with open addressing and
// linear probing. An entry takes 12 bytes, beside the free space. Different keys can
// have the same hash, so the caller must compare the keys. The zero value is empty.
type Table struct {
	keys    []uint64 // 0: free
	numbers []uint32
	n       int
}

// firstSize is the size of the smallest table. All sizes are powers of two.
const firstSize = 1 << 10

// At yields the numbers of a hash in the order in which they were added.
func (t *Table) At(hash uint64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if t.n == 0 {
			return
		}
		hash = max(hash, 1)
		for i := t.home(hash); t.keys[i] != 0; i = t.next(i) {
			if t.keys[i] == hash && !yield(t.numbers[i]) {
				return
			}
		}
	}
}

// Add adds a number to a hash.
func (t *Table) Add(hash uint64, number uint32) {
	if 4*t.n >= 3*len(t.keys) {
		t.grow()
	}
	t.put(max(hash, 1), number)
	t.n++
}

func (t *Table) grow() {
	old := *t
	size := max(2*len(old.keys), firstSize)
	t.keys, t.numbers = make([]uint64, size), make([]uint32, size)
	if len(old.keys) == 0 {
		return
	}
	// Begin after a free slot, not within a run of equal hashes: their order stays.
	start := 0
	for old.keys[start] != 0 {
		start++
	}
	for i := old.next(start); i != start; i = old.next(i) {
		if old.keys[i] != 0 {
			t.put(old.keys[i], old.numbers[i])
		}
	}
}

func (t *Table) put(hash uint64, number uint32) {
	i := t.home(hash)
	for t.keys[i] != 0 {
		i = t.next(i)
	}
	t.keys[i], t.numbers[i] = hash, number
}

func (t *Table) home(hash uint64) int { return int(hash & uint64(len(t.keys)-1)) }

func (t *Table) next(i int) int { return (i + 1) & (len(t.keys) - 1) }
