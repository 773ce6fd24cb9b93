package codes

// #include "kernel.h"
import "C"

// pack writes the numbers of queries in tiles: for each 4 numbers those of all queries of
// the tile, with so many bytes each. The last tile is filled up with zeros.
func pack(queries []*query, bytes int) []int8 {
	n := len(queries[0].numbers)
	packed := make([]int8, (len(queries)+tile-1)/tile*tile*n*bytes)
	for i, q := range queries {
		of := packed[i/tile*tile*n*bytes:]
		for k, a := range q.numbers {
			at := ((k/4*tile+i%tile)*4 + k%4) * bytes
			if of[at] = a; bytes == 2 {
				of[at+1] = a >> 7
			}
		}
	}
	return packed
}

// tileBounds are what the kernels need of the queries of a tile.
type tileBounds [tile]C.codes_query

// siftTiles is sift for the groups of a block from one number up to another.
func (w *worker) siftTiles(b block, first int64, from, end int) (passed int) {
	size := tile * w.layout.octets * octet * w.level.queryBytes()
	for i := 0; i < len(w.queries); i += tile {
		used := min(tile, len(w.queries)-i)
		for j := range used {
			w.bounds[j] = w.queries[i+j].bound(true, w.best[i+j].limit())
		}
		hits := b.siftTile(w.level, w.unpacked, from, end, w.packed[i/tile*size:], w.bounds[:used], w.hits)
		w.offer(b, first, i, hits)
		passed += len(hits)
	}
	return passed
}
