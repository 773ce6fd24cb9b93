package lists

import (
	"cmp"
	"slices"

	"sheaf/internal/faiss"
)

// Lists are the lists in which the first rows of an order lie, one behind the other. Rows
// behind these are in no list, and always looked at.
type Lists struct {
	Centroids []float32
	Ends      []int64 // the place behind the last row of each list, rising
}

// Group returns the order of the rows whose lists are given, those of a list together and in
// their own order, and where the lists end. n is how many lists there are.
func Group(list []int32, n int) (order []uint32, ends []int64) {
	ends = make([]int64, n)
	for _, l := range list {
		ends[l]++
	}
	next, end := make([]int64, n), int64(0)
	for l, count := range ends {
		next[l] = end
		end += count
		ends[l] = end
	}
	order = make([]uint32, len(list))
	for row, l := range list {
		order[next[l]] = uint32(row)
		next[l]++
	}
	return order, ends
}

// Rows is how many rows are in lists.
func (l *Lists) Rows() int64 {
	if len(l.Ends) == 0 {
		return 0
	}
	return l.Ends[len(l.Ends)-1]
}

// Near returns the lists in the order in which a query looks at them: the one with the
// nearest centroid first.
func (l *Lists) Near(query []float32, m faiss.Metric) []int32 {
	scores := faiss.Scores(m, query, l.Centroids)
	if m == faiss.InnerProduct {
		for i := range scores {
			scores[i] = -scores[i]
		}
	}
	near := make([]int32, len(scores))
	for i := range near {
		near[i] = int32(i)
	}
	slices.SortFunc(near, func(a, b int32) int { return cmp.Or(cmp.Compare(scores[a], scores[b]), cmp.Compare(a, b)) })
	return near
}

// Needs returns for each of the blocks of so many rows how many lists a query looks at
// before it has looked at the block: it reads all blocks that have a row of a list. Blocks
// that have rows of no list are always read.
func (l *Lists) Needs(near []int32, blockRows, blocks int64) []int32 {
	needs := make([]int32, blocks)
	for i := l.Rows() / blockRows; i < blocks; i++ {
		needs[i] = -1
	}
	for i, list := range near {
		first, end := l.span(list)
		for b := first / blockRows; first < end && b*blockRows < end; b++ {
			if needs[b] == 0 {
				needs[b] = int32(i + 1)
			}
		}
	}
	for i := range needs {
		needs[i] = max(needs[i], 0)
	}
	return needs
}

// span is where a list begins and ends.
func (l *Lists) span(list int32) (first, end int64) {
	if list > 0 {
		first = l.Ends[list-1]
	}
	return first, l.Ends[list]
}

// Blocks returns the blocks that a query reads which looks at so many of the lists near it: those
// of the nearest list, then those of the next, and at last those that have rows of no list.
func (l *Lists) Blocks(near []int32, lists int, blockRows, blocks int64) []int64 {
	var read []int64
	taken := make([]bool, blocks)
	take := func(first, end int64) {
		for b := first / blockRows; b < blocks && b*blockRows < end; b++ {
			if !taken[b] {
				taken[b] = true
				read = append(read, b)
			}
		}
	}
	for _, list := range near[:lists] {
		if first, end := l.span(list); first < end {
			take(first, end)
		}
	}
	take(l.Rows(), blocks*blockRows)
	return read
}
