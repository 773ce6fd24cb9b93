package transformer

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// mapping is memory outside of Go's: a file, or zeros.
type mapping struct {
	data    []byte
	loading sync.WaitGroup
}

// openMapping maps a file, which must not be truncated while it is mapped.
func openMapping(path string) (*mapping, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping remains
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %q: %w", path, err)
	}
	return &mapping{data: data}, nil
}

// openRegular opens a regular file that has something in it, and returns its size.
func openRegular(path string) (f *os.File, size int, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular() || info.Size() > math.MaxInt:
		err = fmt.Errorf("%q is not a regular file", path)
	case info.Size() == 0:
		err = fmt.Errorf("%q: %w", path, io.ErrUnexpectedEOF)
	default:
		return f, int(info.Size()), nil
	}
	return nil, 0, errors.Join(err, f.Close())
}

// largePage is the size of a page that takes one step at first use instead of hundreds.
const largePage = 2 << 20

// newMapping returns n bytes of zeros or more, aligned to a page.
func newMapping(n int) (*mapping, error) {
	n = (n + largePage - 1) / largePage * largePage
	data, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of memory: %w", n, err)
	}
	adviseLarge(data)
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
