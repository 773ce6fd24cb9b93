//go:build unix

package cmd

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// limitProcess gives this process memory bytes more than it has, a processor
// time, no file that it has not opened yet, and no room in any file.
func limitProcess(memory int64, processor time.Duration) error {
	limits := map[int]uint64{
		syscall.RLIMIT_CPU:    uint64(processor / time.Second),
		syscall.RLIMIT_FSIZE:  0,
		syscall.RLIMIT_CORE:   0,
		syscall.RLIMIT_NOFILE: 0,
	}
	if now, ok := addressSpace(); ok {
		limits[syscall.RLIMIT_AS] = now + uint64(memory)
	}
	for resource, limit := range limits {
		if err := syscall.Setrlimit(resource, rlimit(limit)); err != nil {
			return fmt.Errorf("limiting resource %d: %w", resource, err)
		}
	}
	return nil
}

func rlimit(n uint64) *syscall.Rlimit { return &syscall.Rlimit{Cur: n, Max: n} }

// addressSpace is how many bytes of it this process has; only Linux tells.
func addressSpace() (uint64, bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	var pages uint64
	_, err = fmt.Sscan(string(b), &pages)
	return pages * uint64(os.Getpagesize()), err == nil
}
