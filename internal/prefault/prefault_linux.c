#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14; an older one refuses it
#endif

enum { huge = 2 << 20 };

// The variables that have a value from the start, and that a short run touches, lie in so many
// bytes: the Go linker sorts them by size, and long tables come last.
enum { variables = 256 << 10, page = 4096 };

extern char __data_start[];

__attribute__((constructor)) static void populate_variables(void) {
	madvise((void *)((uintptr_t)__data_start & -(uintptr_t)page), variables, MADV_POPULATE_WRITE);
}

void *__real_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);

// Stands in for mmap. The heap alone is made of large mappings that have to lie at one address,
// can be written, and hold no file; the runtime makes them under a lock.
void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset) {
	static int left = 4; // mappings of 4 MB; the first one begins at a random place, maybe at its end
	void *p = __real_mmap(addr, length, prot, flags, fd, offset);
	const int heap = MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE;
	if (left > 0 && p == addr && length >= huge && (uintptr_t)p % huge == 0 && prot == (PROT_READ | PROT_WRITE) && flags == heap) {
		left--;
		madvise(p, length, MADV_HUGEPAGE); // what a kernel without huge pages refuses
	}
	return p;
}
