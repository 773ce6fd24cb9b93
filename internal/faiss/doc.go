// Package faiss reads and searches index files of Faiss. It is the only package that calls
// the Faiss library.
//
// It holds three things:
//
//   - [Header]: the 45 bytes before the floats of an IndexFlat file, read and written
//     without the library;
//   - [Flat]: the exact search over such a file by pread, with kernels of its own, several
//     times as fast as the library's and with answers that do not depend on threads;
//   - [Foreign]: an index of any other type, which the Faiss library reads.
//
// Arguments are checked before C sees them: closed indexes, lengths, counts and numbers that
// are not finite are errors in Go, and no C++ exception, C type or C memory leaves the
// package. It does not build without cgo, nor on big-endian machines, where the floats of a
// file could not be used in place.
package faiss
