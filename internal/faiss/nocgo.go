//go:build !cgo

package faiss

var _ = sheaf_needs_cgo_a_C_compiler_and_libfaiss__see_README
