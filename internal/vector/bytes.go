package vector

import "unsafe"

// Size is the number of bytes of one number.
const Size = 4

// Bytes returns the memory of x: little-endian float32, as index files and raw
// vectors hold them. It shares x's memory. The kernels of the faiss package do
// not compile for a big-endian machine.
func Bytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*Size)
}

// FromBytes returns a copy of the numbers in b, which Bytes wrote.
func FromBytes(b []byte) []float32 {
	x := make([]float32, len(b)/Size)
	copy(Bytes(x), b)
	return x
}
