package faiss

// #include "kernel.h"
import "C"

import (
	"unsafe"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// arithmetic selects the kernels: an instruction set, a metric and a dim. Its methods take
// rows as bytes of any alignment, and compute keys, which order rows alike under both
// metrics, the lower the better: squared L2 distances or negated inner products.
type arithmetic struct {
	level  kernel.Level
	metric Metric
	d      int
}

func (a arithmetic) rowBytes() int { return a.d * vector.Size }

// score returns the score of a key, and the key of a score.
func (a arithmetic) score(key float32) float32 {
	if a.metric == InnerProduct {
		return -key
	}
	return key
}

// keys sets out[j*n+i] to the key of row i of n for query j.
func (a arithmetic) keys(rows []byte, n int, queries, out []float32) {
	nq := len(queries) / a.d
	rows, out = rows[:n*a.rowBytes()], out[:n*nq]
	C.sheaf_keys(C.int(a.level), C.int(a.metric), unsafe.Pointer(unsafe.SliceData(rows)),
		C.size_t(n), C.size_t(a.d), floats(queries), C.size_t(nq), floats(out))
}

// pair is a row of a block and a query; its layout is that of C's sheaf_pair.
type pair struct{ row, query int32 }

// keysOf sets out[i] to the key of pairs[i], whose numbers are not checked.
func (a arithmetic) keysOf(rows []byte, queries []float32, pairs []pair, out []float32) {
	out = out[:len(pairs)]
	C.sheaf_keys_of(C.int(a.level), C.int(a.metric), unsafe.Pointer(unsafe.SliceData(rows)), C.size_t(a.d),
		floats(queries), (*C.sheaf_pair)(unsafe.Pointer(unsafe.SliceData(pairs))), C.size_t(len(pairs)), floats(out))
}

// norms sets out[i] to the squared norm of row i of n.
func (a arithmetic) norms(rows []byte, n int, out []float32) {
	rows, out = rows[:n*a.rowBytes()], out[:n]
	C.sheaf_norms(C.int(a.level), unsafe.Pointer(unsafe.SliceData(rows)),
		C.size_t(n), C.size_t(a.d), floats(out))
}

// panel returns how many rows are packed together, and group how many queries.
func (a arithmetic) panel() int { return int(C.sheaf_panel(C.int(a.level))) }
func (a arithmetic) group() int { return int(C.sheaf_group(C.int(a.level))) }

// pack writes n rows in panels of width rows to out, the last one padded with zeros.
func (a arithmetic) pack(rows []byte, n, width int, out []float32) {
	rows, out = rows[:n*a.rowBytes()], out[:roundUp(n, width)*a.d]
	C.sheaf_pack(unsafe.Pointer(unsafe.SliceData(rows)), C.size_t(n), C.size_t(a.d), C.size_t(width), floats(out))
}

// sift returns, in the memory of out, the pairs of n packed rows and the queries of a packed
// group for which
//
//	alpha*product + weights[row]*scale[query] >= limit[query]
//
// does not hold, so that NaN on either side keeps a pair. scale and limit have one number
// for each query; the group may have room for more.
func (a arithmetic) sift(panels []float32, n int, group, weights, scale, limit []float32, out []pair) []pair {
	padded, width := roundUp(n, a.panel()), a.group()
	panels, weights, out = panels[:padded*a.d], weights[:padded], out[:n*width]
	used := len(limit)
	group, scale, limit = group[:width*a.d], scale[:width], limit[:width]
	found := C.sheaf_sift(C.int(a.level), floats(panels), C.size_t(n), C.size_t(a.d), floats(group),
		floats(weights), C.float(a.alpha()), floats(scale), floats(limit), C.int(used), (*C.sheaf_pair)(unsafe.Pointer(unsafe.SliceData(out))))
	return out[:found]
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

func floats(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }
