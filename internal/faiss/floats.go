package faiss

import "unsafe"

const floatSize = 4

// AppendFloats appends the little-endian bytes of x to dst, as an IndexFlat file holds
// them.
func AppendFloats(dst []byte, x []float32) []byte {
	return append(dst, bytesOf(x)...)
}

// Floats is the inverse: the numbers in bytes that AppendFloats wrote.
func Floats(src []byte) []float32 {
	x := make([]float32, len(src)/floatSize)
	copy(bytesOf(x), src)
	return x
}

// bytesOf is x's own memory; the machine is little-endian, or kernel.c did not compile.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*floatSize)
}
