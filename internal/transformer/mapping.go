package transformer

import (
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
)

// mapping is a whole file in memory, read as it is used.
type mapping struct{ data []byte }

// openMapping maps a file, which must not be cut short while it is mapped.
func openMapping(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // a mapping stays without it
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
	return &mapping{data}, nil
}

func (m *mapping) close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	return syscall.Munmap(data)
}
