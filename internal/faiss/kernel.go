package faiss

// #include "kernel.h"
import "C"

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// level is an instruction set that the kernels were compiled for; the numbers are
// kernel.h's.
type level int

const (
	levelGeneric level = C.SHEAF_GENERIC
	levelAVX2    level = C.SHEAF_AVX2
	levelAVX512  level = C.SHEAF_AVX512
)

// Kernel names the instruction set of the exact search: "avx512", "avx2", "neon" or
// "generic". It is the best that CPU and operating system support, or less by the
// variables that Python's Faiss and LangChain know: FAISS_OPT_LEVEL=generic|avx2|avx512,
// and FAISS_NO_AVX2, which when not empty means generic.
func Kernel() string { return chosenLevel().String() }

func (l level) String() string {
	switch {
	case l == levelAVX512:
		return "avx512"
	case l == levelAVX2:
		return "avx2"
	case runtime.GOARCH == "arm64":
		return "neon"
	}
	return "generic"
}

var chosenLevel = sync.OnceValue(func() level {
	return chooseLevel(bestLevel(), os.Getenv("FAISS_OPT_LEVEL"), os.Getenv("FAISS_NO_AVX2"))
})

func bestLevel() level { return level(C.sheaf_best_level()) }

// chooseLevel reads the two variables as faiss/loader.py and LangChain's
// dependable_faiss_import do: any AVX-512 flavour is avx512, an unknown name is generic.
func chooseLevel(best level, optLevel, noAVX2 string) level {
	name := strings.ToLower(optLevel)
	switch {
	case noAVX2 != "":
		return levelGeneric
	case name == "":
		return best
	case strings.Contains(name, "avx512"):
		return min(best, levelAVX512)
	case name == "avx2":
		return min(best, levelAVX2)
	}
	return levelGeneric
}

// arithmetic is the kernels for one file: an instruction set, a metric and a dim. The rows
// that its methods take are the bytes of whole rows, of any alignment.
//
// A key orders rows by both metrics alike, the lower the better: it is the squared L2
// distance or the negated inner product.
type arithmetic struct {
	level  level
	metric Metric
	d      int
}

func (a arithmetic) rowBytes() int { return a.d * floatSize }

// score is the score of a key, and the key of a score.
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

// keysAt sets out[i] to the key of row at[i] for one query. It trusts at.
func (a arithmetic) keysAt(rows []byte, at []int32, query, out []float32) {
	out = out[:len(at)]
	C.sheaf_keys_at(C.int(a.level), C.int(a.metric), unsafe.Pointer(unsafe.SliceData(rows)),
		ints(at), C.size_t(len(at)), C.size_t(a.d), floats(query), floats(out))
}

// norms sets out[i] to the squared norm of row i of n.
func (a arithmetic) norms(rows []byte, n int, out []float32) {
	rows, out = rows[:n*a.rowBytes()], out[:n]
	C.sheaf_norms(C.int(a.level), unsafe.Pointer(unsafe.SliceData(rows)),
		C.size_t(n), C.size_t(a.d), floats(out))
}

// products sets out[j*n+i] to scale times the inner product of row i of n and query j, as
// OpenBLAS's sgemm computes it: quickly, and not bit for bit as keys would.
func (a arithmetic) products(rows []byte, n int, queries []float32, scale float32, out []float32) {
	nq := len(queries) / a.d
	rows, out = rows[:n*a.rowBytes()], out[:n*nq]
	oneThread()
	C.sheaf_products(unsafe.Pointer(unsafe.SliceData(rows)), C.size_t(n), C.size_t(a.d),
		floats(queries), C.size_t(nq), C.float(scale), floats(out))
}

// below returns, in the memory of at, every i for which v[i] + w[i]*scale >= bound does
// not hold; NaN on either side lets i through.
func (a arithmetic) below(v, w []float32, scale, bound float32, at []int32) []int32 {
	w, at = w[:len(v)], at[:len(v)]
	n := C.sheaf_below(C.int(a.level), floats(v), floats(w), C.size_t(len(v)),
		C.float(scale), C.float(bound), ints(at))
	return at[:n]
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }

func ints(x []int32) *C.int32_t { return (*C.int32_t)(unsafe.SliceData(x)) }
