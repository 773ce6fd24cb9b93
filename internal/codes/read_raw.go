//go:build linux && (amd64 || arm64)

package codes

import (
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// readAt is f.ReadAt for parts that are in the page cache as a rule, by a call of the
// system that Go's scheduler is not told of. From one that lasts longer than 20 µs, as it
// takes to copy a part, the scheduler takes the processor away and gives it back: some
// thousand times a search, a fifth of its time. A call that has to wait for the disk keeps
// the processor instead. Nothing may close the file meanwhile.
func readAt(f *os.File, b []byte, at int64) error {
	defer runtime.KeepAlive(f)
	for fd := f.Fd(); len(b) > 0; {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_PREAD64, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(at), 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return &fs.PathError{Op: "read", Path: f.Name(), Err: errno}
		case n == 0:
			return io.ErrUnexpectedEOF
		default:
			b, at = b[n:], at+int64(n)
		}
	}
	return nil
}
