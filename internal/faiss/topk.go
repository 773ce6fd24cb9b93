package faiss

import (
	"cmp"
	"math"
)

// candidate is a row with its key. The lower key is better, of equal keys the lower row.
type candidate struct {
	key float32
	row int64
}

func (c candidate) compare(o candidate) int {
	return cmp.Or(cmp.Compare(c.key, o.key), cmp.Compare(c.row, o.row))
}

// topK keeps the k best of the candidates that it is offered, in a heap whose root is the
// worst. Keys that are NaN are never kept.
type topK struct {
	k    int
	heap []candidate
}

// limit returns the key that a later row must be below to be kept; NaN while every row is.
func (t *topK) limit() float32 {
	if len(t.heap) < t.k {
		return float32(math.NaN())
	}
	return t.heap[0].key
}

func (t *topK) offer(c candidate) {
	switch {
	case c.key != c.key:
	case len(t.heap) < t.k:
		t.heap = append(t.heap, c)
		t.up(len(t.heap) - 1)
	case c.compare(t.heap[0]) < 0:
		t.heap[0] = c
		t.down()
	}
}

func (t *topK) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[i].compare(t.heap[parent]) <= 0 {
			return
		}
		t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
		i = parent
	}
}

func (t *topK) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(t.heap) {
			return
		}
		if right := child + 1; right < len(t.heap) && t.heap[right].compare(t.heap[child]) > 0 {
			child = right
		}
		if t.heap[child].compare(t.heap[i]) <= 0 {
			return
		}
		t.heap[i], t.heap[child] = t.heap[child], t.heap[i]
		i = child
	}
}
