package prefault

// #cgo LDFLAGS: -Wl,--wrap=mmap
import "C"
