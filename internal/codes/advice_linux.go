package codes

import (
	"os"

	"golang.org/x/sys/unix"
)

// readWithGaps has the system read nothing of a file ahead: what is between the parts that are
// read is as large as these. It is only advice.
func readWithGaps(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM) }
