// Package rowsum adds up rows of a matrix of small integers, each times a weight: the arithmetic of
// an embedding model that has one vector for each piece of a text. Sums are exact, so they do not
// depend on the order of additions, the processor or the compiler.
package rowsum

/*
#cgo CFLAGS: -O3
#cgo noescape rowsum_add
#cgo nocallback rowsum_add
#include "kernel.h"
*/
import "C"

import (
	"unsafe"

	"sheaf/internal/kernel"
)

// MaxWeight is the largest weight.
const MaxWeight = C.ROWSUM_MAX_WEIGHT

// Add adds the rows with these numbers to sum, each times its weight, which is from 0 to MaxWeight.
// Rows have as many numbers as sum, int8 each.
func Add(l kernel.Level, sum []int64, matrix []byte, rows, weights []int32) {
	if len(rows) == 0 {
		return
	}
	dim := len(sum)
	weights = weights[:len(rows)]
	for _, row := range rows {
		_ = matrix[int(row)*dim : (int(row)+1)*dim] // C does not check
	}
	C.rowsum_add(C.int(l), (*C.int8_t)(unsafe.Pointer(unsafe.SliceData(matrix))), C.size_t(dim), (*C.int32_t)(unsafe.SliceData(rows)),
		(*C.int32_t)(unsafe.SliceData(weights)), C.size_t(len(rows)), (*C.int64_t)(unsafe.SliceData(sum)))
}
