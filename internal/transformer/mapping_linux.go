package transformer

import "golang.org/x/sys/unix"

// adviseLoad needs Linux 5.14; an older one loads page by page.
const adviseLoad = unix.MADV_POPULATE_READ

// adviseLarge asks for large pages.
func adviseLarge(data []byte) { _ = unix.Madvise(data, unix.MADV_HUGEPAGE) } // only advice: a failure does no harm
