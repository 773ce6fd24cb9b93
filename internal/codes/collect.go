package codes

import (
	"cmp"
	"container/heap"
	"iter"
	"slices"
)

// candidate is a row that can be among the nearest, with the lower bound of its key.
type candidate struct {
	low float32
	row uint32
}

// candidates are a heap whose root has the lowest bound.
type candidates []candidate

func (c candidates) Len() int           { return len(c) }
func (c candidates) Less(i, j int) bool { return c[i].low < c[j].low }
func (c candidates) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)        { *c = append(*c, x.(candidate)) }

func (c *candidates) Pop() any {
	last := len(*c) - 1
	popped := (*c)[last]
	*c = (*c)[:last]
	return popped
}

// rising yields the candidates by rising lower bounds, once: it empties the heap.
func (c candidates) rising() iter.Seq2[int64, float32] {
	heap.Init(&c)
	return func(yield func(int64, float32) bool) {
		for len(c) > 0 {
			first := c[0]
			last := len(c) - 1
			c[0] = c[last]
			c = c[:last]
			if heap.Fix(&c, 0); !yield(int64(first.row), first.low) {
				return
			}
		}
	}
}

// highest is a heap whose root is the highest bound.
type highest []float32

func (h highest) Len() int           { return len(h) }
func (h highest) Less(i, j int) bool { return h[i] > h[j] }
func (h highest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *highest) Push(x any)        { *h = append(*h, x.(float32)) }
func (h *highest) Pop() any          { return nil }

// collector collects the candidates for one query.
type collector struct {
	k     int
	most  float32 // what the key of a candidate may be at most
	highs highest // the k lowest upper bounds
	found candidates
	room  int // how many candidates there may be before those are dropped that are none any more
}

// limit is what the lower bound of a candidate may be at most. Where it is not below the
// k-th lowest upper bound, k rows are nearer.
func (c *collector) limit() float32 {
	if len(c.highs) < c.k {
		return c.most
	}
	return min(c.highs[0], c.most)
}

// leastRoom is how many candidates are kept before the first are dropped.
const leastRoom = 256

// offer takes a row that may be found. Only such rows may be offered: the upper bound of
// another would exclude candidates.
func (c *collector) offer(row int64, low, high float32) {
	if low > c.limit() {
		return
	}
	switch {
	case len(c.highs) < c.k:
		heap.Push(&c.highs, high)
	case high < c.highs[0]:
		c.highs[0] = high
		heap.Fix(&c.highs, 0)
	}
	if len(c.found) >= max(c.room, leastRoom) {
		c.drop(c.limit())
		c.room = 2 * len(c.found)
	}
	c.found = append(c.found, candidate{low, uint32(row)})
}

// drop drops the candidates whose lower bound is above a limit.
func (c *collector) drop(limit float32) {
	c.found = slices.DeleteFunc(c.found, func(x candidate) bool { return x.low > limit })
}

// join returns the candidates of several collectors for the same query.
func join(all []collector) candidates {
	var highs []float32
	for i := range all {
		highs = append(highs, all[i].highs...)
	}
	limit := all[0].most
	if k := all[0].k; len(highs) >= k {
		slices.SortFunc(highs, cmp.Compare)
		limit = min(limit, highs[k-1])
	}
	var found candidates
	for i := range all {
		all[i].drop(limit)
		found = append(found, all[i].found...)
	}
	return found
}
