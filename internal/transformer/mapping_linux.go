package transformer

import "golang.org/x/sys/unix"

// adviseLoad needs Linux 5.14; an older one loads page by page.
const adviseLoad = unix.MADV_POPULATE_READ
