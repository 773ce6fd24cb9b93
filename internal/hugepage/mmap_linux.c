#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

enum { huge = 2 << 20 };

void *__real_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);

// Stands in for mmap. The first mapping of its size that has to lie at one address, can be
// written, and holds no file is the beginning of the heap; the runtime makes it while there is
// one thread.
void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset) {
	static bool found;
	void *p = __real_mmap(addr, length, prot, flags, fd, offset);
	const int heap = MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE;
	if (!found && p == addr && length >= huge && (uintptr_t)p % huge == 0 && prot == (PROT_READ | PROT_WRITE) && flags == heap) {
		found = true;
		madvise(p, huge, MADV_HUGEPAGE); // what a kernel without huge pages refuses
	}
	return p;
}
