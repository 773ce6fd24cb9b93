package dense

import "iter"

// Table holds numbers under 64-bit hashes, in 12 bytes each and the room to
// grow. What lies under a hash is only likely to be what is looked for: the
// caller compares. Its zero value is empty.
//
// It is a hash table with open addressing and linear probing.
type Table struct {
	keys    []uint64 // 0: free
	numbers []uint32
	n       int
}

// firstSize is that of a table with one number; every size is a power of two.
const firstSize = 1 << 10

// Len is how many numbers there are.
func (t *Table) Len() int { return t.n }

// At yields the numbers under a hash, those first that came first.
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

// Add puts a number under a hash.
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
	// From behind a free place on, so that no run of equal hashes is begun in its middle.
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
