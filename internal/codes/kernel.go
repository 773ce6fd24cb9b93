package codes

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lm
#include "kernel.h"
*/
import "C"

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"sheaf/internal/kernel"
)

// level is an instruction set of the kernels. kernel.h has the same numbers.
type level int

const (
	generic level = iota // NEON on arm64
	avx2
	avx512
	vnni // AVX-512 with the products of bytes
	dot  // NEON with the products of bytes
)

// chosen returns the level to compute with, of those up to the one of kernel.Chosen.
func chosen() level {
	all := below(kernel.Chosen())
	return all[len(all)-1]
}

// below returns the levels of this processor up to one, in rising order.
func below(best kernel.Level) []level {
	all := []level{generic, avx2, avx512}[:best+1]
	if best == kernel.AVX512 && cpu.X86.HasAVX512VNNI {
		all = append(all, vnni)
	}
	if cpu.ARM64.HasASIMDDP {
		all = append(all, dot)
	}
	return all
}

// queryBytes is how many bytes a number of a query takes in a tile; 0 where the level has no tiles.
func (l level) queryBytes() int { return int(C.codes_query_bytes(C.int(l))) }

// group is how many rows lie together in a block, octet how many numbers of a row.
const (
	group = C.CODES_GROUP
	octet = C.CODES_OCTET
	tile  = C.CODES_TILE // queries that are compared together
)

// hit is a row of a block and a query, with their product; its layout is that of C's codes_hit.
type hit struct {
	row, query int32
	product    float32
}

// planes are the parts of a block in C's sight.
func (b block) planes() C.codes_planes {
	return C.codes_planes{
		length: floats(b.length), scale4: floats(b.scale4), residual4: floats(b.residual4),
		scale8: floats(b.scale8), residual8: floats(b.residual8),
		high: bytes(b.high), low: bytes(b.low),
		rows: C.size_t(len(b.length)), octets: C.size_t(b.octets),
	}
}

// encode writes the codes of all rows, whose numbers are x.
func (b block) encode(l level, f *frame, x []float32, work []float32) {
	d := len(f.mean)
	x, work = x[:len(b.length)*d], work[:2*(b.octets*octet+group)]
	C.codes_encode(C.int(l), floats(x), C.size_t(d), floats(f.mean), floats(f.signs[:3*d]), floats(work), b.planes(), b.rough.planes())
}

// sift returns, in the memory of hits, the rows of the groups from first up to end whose lower
// bound for a query is not above its limit.
func (b block) sift(l level, first, end int, fine bool, q *query, limit float32, hits []hit) []hit {
	bound := q.bound(fine, limit)
	numbers, hits := q.numbers[:b.octets*octet], hits[:(end-first)*group]
	found := C.codes_sift(C.int(l), b.planes(), C.size_t(first), C.size_t(end), number(fine), (*C.int8_t)(unsafe.SliceData(numbers)),
		&bound, (*C.codes_hit)(unsafe.Pointer(unsafe.SliceData(hits))))
	return hits[:found]
}

// planes are the parts of a block's signs in C's sight.
func (r rough) planes() C.codes_rough {
	return C.codes_rough{length: floats(r.length), scale: floats(r.scale), spread: floats(r.spread), signs: bytes(r.signs)}
}

// siftSigns is sift by the signs of a block.
func (b block) siftSigns(l level, end int, q *roughQuery, limit float32, hits []hit) []hit {
	bound := q.bound(limit)
	table, hits := q.table[:(b.octets+1)/2*pairSums], hits[:end*group]
	found := C.codes_sift_signs(C.int(l), b.rough.planes(), C.size_t(b.octets), 0, C.size_t(end), bytes(table), &bound, (*C.codes_hit)(unsafe.Pointer(unsafe.SliceData(hits))))
	return hits[:found]
}

// unpack writes the 8 bits of each code to out as a byte.
func (b block) unpack(out []byte) {
	out = out[:len(b.length)*b.octets*octet]
	C.codes_unpack(b.planes(), bytes(out))
}

// siftTile is sift for the queries of a tile, of which packed has the numbers and unpacked those
// of the block. It needs a level that has tiles.
func (b block) siftTile(l level, unpacked []byte, first, end int, packed []int8, bounds []C.codes_query, hits []hit) []hit {
	unpacked, packed, hits = unpacked[:len(b.length)*b.octets*octet], packed[:tile*b.octets*octet*l.queryBytes()], hits[:(end-first)*group*len(bounds)]
	found := C.codes_sift_tile(C.int(l), b.planes(), bytes(unpacked), C.size_t(first), C.size_t(end), (*C.int8_t)(unsafe.SliceData(packed)),
		unsafe.SliceData(bounds), C.int(len(bounds)), (*C.codes_hit)(unsafe.Pointer(unsafe.SliceData(hits))))
	return hits[:found]
}

// bound returns what the kernels need of a query.
func (q *query) bound(fine bool, limit float32) C.codes_query {
	offset := 15 * q.sum
	if fine {
		offset = 255 * q.sum
	}
	return C.codes_query{
		base: C.float(q.base), square: C.float(q.shrunk), slack: C.float(q.slack), reach: C.float(q.reach),
		factor: C.float(q.factor), limit: C.float(limit), offset: C.int32_t(offset),
	}
}

func number(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// uints is the same memory as other numbers.
func uints(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }
func bytes(b []byte) *C.uint8_t   { return (*C.uint8_t)(unsafe.SliceData(b)) }
