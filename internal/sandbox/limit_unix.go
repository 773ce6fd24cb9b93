//go:build unix

package sandbox

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// limit limits this process to memory bytes beside those that it has, to a
// processor time, and to the files that are open, to which it cannot write.
func limit(memory int64, processor time.Duration) error {
	limits := map[int]uint64{
		syscall.RLIMIT_CPU:    uint64(processor / time.Second),
		syscall.RLIMIT_FSIZE:  0,
		syscall.RLIMIT_CORE:   0,
		syscall.RLIMIT_NOFILE: 0,
	}
	if now, ok := addressSpace(); ok {
		limits[syscall.RLIMIT_AS] = now + uint64(memory)
	}
	for resource, n := range limits {
		if err := syscall.Setrlimit(resource, rlimit(n)); err != nil {
			return fmt.Errorf("limiting resource %d: %w", resource, err)
		}
	}
	return nil
}

func rlimit(n uint64) *syscall.Rlimit { return &syscall.Rlimit{Cur: n, Max: n} }

// addressSpace returns the size of the address space of this process, which only Linux tells.
func addressSpace() (uint64, bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	var pages uint64
	_, err = fmt.Sscan(string(b), &pages)
	return pages * uint64(os.Getpagesize()), err == nil
}
