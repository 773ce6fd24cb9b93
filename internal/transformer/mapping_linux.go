package transformer

import "golang.org/x/sys/unix"

// adviseLoad is a Linux of 5.14 or newer; an older one loads page by page.
const adviseLoad = unix.MADV_POPULATE_READ
