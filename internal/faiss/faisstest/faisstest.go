// Package faisstest asks the Faiss library itself, which tests compare sheaf's
// own reading, writing and searching of index files with.
package faisstest

/*
#cgo LDFLAGS: -lfaiss
#cgo linux LDFLAGS: -llapack -lblas -lgomp
#cgo darwin,arm64 CPPFLAGS: -I/opt/homebrew/include -I/opt/homebrew/opt/libomp/include
#cgo darwin,arm64 LDFLAGS: -L/opt/homebrew/lib -L/opt/homebrew/opt/libomp/lib -lomp
#cgo darwin,amd64 CPPFLAGS: -I/usr/local/include -I/usr/local/opt/libomp/include
#cgo darwin,amd64 LDFLAGS: -L/usr/local/lib -L/usr/local/opt/libomp/lib -lomp
#include <stdlib.h>
#include "oracle.h"
*/
import "C"

import (
	"slices"
	"unsafe"
)

// TB is what the package needs of a *testing.T, and of a *rapid.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Index is an index of Faiss. A failure of Faiss ends the test.
type Index struct {
	D, Ntotal int
	Metric    int // Faiss's number

	t TB
	c *C.oracle
}

// NewFlat returns an IndexFlat of the vectors in x (n*d numbers).
func NewFlat(t TB, d, metric int, x []float32) *Index {
	t.Helper()
	return open(t, func(out *C.oracle) *C.char {
		return C.oracle_flat(C.int(d), C.int(metric), C.int64_t(len(x)/d), floats(x), out)
	})
}

// Parse reads the content of an index file.
func Parse(t TB, b []byte) *Index {
	t.Helper()
	return open(t, func(out *C.oracle) *C.char {
		return C.oracle_parse(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b)), out)
	})
}

func open(t TB, call func(*C.oracle) *C.char) *Index {
	t.Helper()
	x := &Index{t: t, c: new(C.oracle)}
	check(t, call(x.c))
	t.Cleanup(func() { C.oracle_free(x.c) })
	x.D, x.Ntotal, x.Metric = int(x.c.d), int(x.c.ntotal), int(x.c.metric)
	return x
}

// Search returns the scores and labels of the k nearest to each query (n*k of
// both). Labels that are left over are -1.
func (x *Index) Search(queries []float32, k int) (scores []float32, labels []int64) {
	x.t.Helper()
	n := len(queries) / x.D
	scores, labels = make([]float32, n*k), slices.Repeat([]int64{-1}, n*k)
	if x.Ntotal > 0 { // Faiss 1.7.3 would find row 0 in an empty index
		check(x.t, C.oracle_search(x.c, C.int64_t(n), floats(queries), C.int64_t(k), floats(scores), (*C.int64_t)(unsafe.SliceData(labels))))
	}
	return scores, labels
}

// Vectors returns all vectors (Ntotal*D numbers).
func (x *Index) Vectors() []float32 {
	x.t.Helper()
	v := make([]float32, x.Ntotal*x.D)
	if x.Ntotal > 0 {
		check(x.t, C.oracle_vectors(x.c, floats(v)))
	}
	return v
}

// Matrix is one of columns of Stride numbers, the first Rows of which count.
type Matrix struct {
	Rows, Columns, Stride int
	Turned                bool // what is meant is its transpose
	X                     []float32
}

// Multiply sets c to a*b + beta*c by the BLAS that the Faiss library gets.
func Multiply(a, b Matrix, beta float32, c Matrix) {
	k := a.Columns
	if a.Turned {
		k = a.Rows
	}
	C.oracle_product(truth(a.Turned), truth(b.Turned), C.int(c.Rows), C.int(c.Columns), C.int(k), floats(a.X), C.int(a.Stride),
		floats(b.X), C.int(b.Stride), C.float(beta), floats(c.X), C.int(c.Stride))
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func check(t TB, message *C.char) {
	t.Helper()
	if message != nil {
		defer C.free(unsafe.Pointer(message))
		t.Fatalf("Faiss: %s", C.GoString(message))
	}
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }
