//go:build !cgo

package codes

var _ = sheaf_needs_cgo_and_a_C_compiler__see_README
