// Package prefault has Linux back at once, and not page by page, the memory that every run
// touches. A page fault costs half a microsecond, and several where it copies a page while
// another processor runs a thread of the process, which has to be told.
//
// The small variables are copied from the file before main. The beginning of Go's heap is backed
// with huge pages, where the system gives these to those that ask (transparent_hugepage/enabled
// is madvise) or to all: clearing 2 MB at once takes a sixth of the time of 250 page faults. Only
// the first 16 MB are asked for: what a long run adds can go back to the system page by page.
//
// A program that imports the package has it. Nothing is called: the C library runs a
// constructor, and in a program with C Go's runtime maps memory through mmap of the C library,
// where the linker puts the package's own in between. Elsewhere than on Linux, and without C, the
// package is empty.
package prefault
