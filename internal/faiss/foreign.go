package faiss

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lfaiss -lm
#cgo linux LDFLAGS: -lgomp
#cgo darwin,arm64 CPPFLAGS: -I/opt/homebrew/include -I/opt/homebrew/opt/libomp/include
#cgo darwin,arm64 LDFLAGS: -L/opt/homebrew/lib -L/opt/homebrew/opt/libomp/lib -lomp
#cgo darwin,amd64 CPPFLAGS: -I/usr/local/include -I/usr/local/opt/libomp/include
#cgo darwin,amd64 LDFLAGS: -L/usr/local/lib -L/usr/local/opt/libomp/lib -lomp
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unsafe"

	"sheaf/internal/kernel"
)

// Foreign is an index of any type that anybody may have written, opened with the
// Faiss library to get the vectors out of it. A crafted file can make the library
// do anything: use it in a process of its own, with limits on memory and time, and
// from one goroutine.
type Foreign struct {
	D         int
	Ntotal    int64
	Metric    Metric // maybe neither L2 nor InnerProduct
	Transform Transform
	Exact     bool    // the vectors come back as they were added or normalized, bit by bit
	Labels    []int64 // the ids of the vectors, rising; 0, 1, 2 and so on where nobody gave ids

	ptr    *C.sheaf_index // nil once closed
	class  string         // of C++, such as "IndexIVFFlat"
	places []int64        // where the vector of each label is
}

// Transform is what an index does to vectors and questions before it compares them.
type Transform int

const (
	AsTheyAre  Transform = C.SHEAF_AS_THEY_ARE // nothing, or what hardly changes a distance, such as a rotation
	Normalized Transform = C.SHEAF_NORMALIZED  // brings them to length 1
	Shortened  Transform = C.SHEAF_SHORTENED   // makes them of fewer numbers, such as a PCA
)

// OpenForeign reads the index in size bytes of f from offset on, and checks that
// its parts fit each other.
func OpenForeign(f *os.File, offset, size int64) (*Foreign, error) {
	chooseBLAS(kernel.Chosen())
	x := new(Foreign)
	var msg *C.char
	if C.sheaf_index_read(C.int(f.Fd()), C.int64_t(offset), C.int64_t(size), &x.ptr, &msg) != C.SHEAF_OK {
		return nil, shorten(takeError("reading it", msg))
	}
	if err := x.verify(); err != nil {
		x.Close()
		return nil, shorten(err)
	}
	return x, nil
}

// chooseBLAS chooses the kernel of the products of matrices that the library asks for.
func chooseBLAS(l kernel.Level) { C.sheaf_blas_level(C.int(l)) }

// takeError returns the message of a C function as an error and frees it.
func takeError(op string, msg *C.char) error {
	defer C.free(unsafe.Pointer(msg))
	return fmt.Errorf("%s: %s", op, C.GoString(msg))
}

func (x *Foreign) verify() error {
	class := C.sheaf_index_type(x.ptr)
	defer C.free(unsafe.Pointer(class))
	x.class = C.GoString(class)
	var msg *C.char
	if C.sheaf_index_verify(x.ptr, &msg) != C.SHEAF_OK {
		return takeError(x.class, msg)
	}
	x.D, x.Ntotal = int(C.sheaf_index_d(x.ptr)), int64(C.sheaf_index_ntotal(x.ptr))
	x.Metric, x.Transform, x.Exact = Metric(C.sheaf_index_metric(x.ptr)), Transform(C.sheaf_index_transform(x.ptr)), C.sheaf_index_exact(x.ptr) != 0
	return x.sortLabels()
}

// sortLabels sets Labels and places.
func (x *Foreign) sortLabels() error {
	labels := make([]int64, x.Ntotal+1) // one more, so that there is a first
	var msg *C.char
	if C.sheaf_index_labels(x.ptr, (*C.int64_t)(&labels[0]), &msg) != C.SHEAF_OK {
		return takeError(x.class, msg)
	}
	x.places = make([]int64, x.Ntotal)
	for i := range x.places {
		x.places[i] = int64(i)
	}
	slices.SortFunc(x.places, func(a, b int64) int { return cmp.Compare(labels[a], labels[b]) })
	x.Labels = make([]int64, x.Ntotal)
	for i, place := range x.places {
		x.Labels[i] = labels[place]
		if i > 0 && x.Labels[i] == x.Labels[i-1] {
			return fmt.Errorf("%s: damaged: two vectors have the id %d", x.class, x.Labels[i])
		}
	}
	return nil
}

// Decode returns the n vectors of the labels from index first on (n*D numbers).
func (x *Foreign) Decode(first, n int64) ([]float32, error) {
	switch {
	case x.ptr == nil:
		return nil, errors.New("the index is closed")
	case first < 0 || n < 0 || n > x.Ntotal-first:
		return nil, fmt.Errorf("decoding %d vectors from %d on: index holds %d", n, first, x.Ntotal)
	case n == 0:
		return nil, nil
	}
	out := make([]float32, n*int64(x.D))
	var msg *C.char
	if C.sheaf_index_decode(x.ptr, (*C.int64_t)(&x.places[first]), C.int64_t(n), floats(out), &msg) != C.SHEAF_OK {
		return nil, shorten(takeError(x.class, msg))
	}
	return out, nil
}

// Close frees the index. It may be called again.
func (x *Foreign) Close() {
	if x.ptr != nil {
		C.sheaf_index_free(x.ptr)
		x.ptr = nil
	}
}

// Version returns the version of the linked library, such as "1.7.3".
func Version() string { return C.GoString(C.sheaf_faiss_version()) }

// sourcePlace matches the place in the source of Faiss that its errors begin with.
const sourcePlace = `Error in .* at [^ ]*:\d+: (Error: )?`

// shorten removes from an error of Faiss what does not help the owner of the file.
func shorten(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "read error in"):
		return errors.New("it ends too early")
	case strings.Contains(text, "bad_alloc"), strings.Contains(text, "length_error"):
		return errors.New("it asks for more memory than its size explains")
	default:
		return errors.New(regexp.MustCompile(sourcePlace).ReplaceAllString(text, ""))
	}
}
