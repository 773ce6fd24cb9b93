package transformer

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// mapping is a file that is mapped into memory.
type mapping struct {
	data    []byte
	loading sync.WaitGroup
}

// openMapping maps a file, which must not be truncated while it is mapped.
func openMapping(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping remains
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > math.MaxInt:
		return nil, fmt.Errorf("%q is not a regular file", path)
	case info.Size() == 0:
		return nil, fmt.Errorf("%q: %w", path, io.ErrUnexpectedEOF)
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %q: %w", path, err)
	}
	return &mapping{data: data}, nil
}

// load asks the system to load a part of the file in the background, which is faster than
// page by page at first use.
func (m *mapping) load(begin, end uint64) {
	page := uint64(os.Getpagesize())
	begin = begin / page * page
	m.loading.Go(func() { _ = unix.Madvise(m.data[begin:end], adviseLoad) }) // only advice: a failure does no harm
}

func (m *mapping) close() error {
	m.loading.Wait()
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	return syscall.Munmap(data)
}
