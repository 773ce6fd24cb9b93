package hugepage

// #cgo LDFLAGS: -Wl,--wrap=mmap
import "C"
