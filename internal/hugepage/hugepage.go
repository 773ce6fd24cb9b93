// Package hugepage has Linux back the beginning of Go's heap with huge pages, where the system
// gives these to those that ask (transparent_hugepage/enabled is madvise) or to all. A short
// run touches some 250 pages of its heap; clearing 2 MB at once takes a sixth of the time of as
// many page faults. Only the first 8 MB are asked for: what a long run adds can go back to the
// system page by page.
//
// A program that imports the package has it. Nothing is called: in a program with C, Go's
// runtime maps memory through mmap of the C library, and the linker puts the package's own in
// between. Elsewhere than on Linux, and without C, the package is empty.
package hugepage
