//go:build !cgo

package rowsum

var _ = sheaf_needs_cgo_and_a_C_compiler__see_README
