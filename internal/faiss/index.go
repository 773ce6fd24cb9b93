package faiss

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lfaiss -lopenblas -lm
#cgo linux LDFLAGS: -lgomp
#cgo darwin,arm64 CPPFLAGS: -I/opt/homebrew/include -I/opt/homebrew/opt/libomp/include
#cgo darwin,arm64 LDFLAGS: -L/opt/homebrew/lib -L/opt/homebrew/opt/openblas/lib -L/opt/homebrew/opt/libomp/lib -lomp
#cgo darwin,amd64 CPPFLAGS: -I/usr/local/include -I/usr/local/opt/libomp/include
#cgo darwin,amd64 LDFLAGS: -L/usr/local/lib -L/usr/local/opt/openblas/lib -L/usr/local/opt/libomp/lib -lomp
#include <stdlib.h>
#include "kernel.h"
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"sheaf/internal/vector"
)

// ErrClosed is the error of every method of an [Index] after Close.
var ErrClosed = errors.New("faiss index is closed")

// Index is an index of the Faiss library, of any type. Any number of goroutines may search
// and read it at once; Add and Close wait for them and keep others out. Each call computes
// on one thread.
type Index struct {
	mu      sync.RWMutex
	ptr     *C.sheaf_index // nil once closed
	cleanup runtime.Cleanup

	d      int
	metric Metric
	class  string
}

// NewIndexFlat returns an empty IndexFlatL2 or IndexFlatIP for vectors of dim d.
func NewIndexFlat(d int, m Metric) (*Index, error) {
	if d < 1 || d > math.MaxInt32 {
		return nil, fmt.Errorf("flat index: dim %d", d)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("flat index: %w", err)
	}
	return open("flat index", func(ptr **C.sheaf_index, msg **C.char) C.int {
		return C.sheaf_index_flat(C.int(d), C.int(m), ptr, msg)
	})
}

// ReadIndex reads an index of any type from a file that Faiss wrote. The library trusts
// what it reads: give it no file from a stranger.
func ReadIndex(path string) (*Index, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, fmt.Errorf("reading index %q: path holds a NUL byte", path)
	}
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	return open(fmt.Sprintf("reading index %q", path), func(ptr **C.sheaf_index, msg **C.char) C.int {
		return C.sheaf_index_read(cpath, ptr, msg)
	})
}

// ReadIndexBytes is [ReadIndex] for the content of such a file. It keeps nothing of b.
func ReadIndexBytes(b []byte) (*Index, error) {
	return open("reading index", func(ptr **C.sheaf_index, msg **C.char) C.int {
		return C.sheaf_index_parse(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b)), ptr, msg)
	})
}

func open(op string, call func(**C.sheaf_index, **C.char) C.int) (*Index, error) {
	oneThread()
	var ptr *C.sheaf_index
	var msg *C.char
	if call(&ptr, &msg) != C.SHEAF_OK {
		return nil, takeError(op, msg)
	}
	class := C.sheaf_index_type(ptr)
	defer C.free(unsafe.Pointer(class))
	idx := &Index{
		ptr:    ptr,
		d:      int(C.sheaf_index_d(ptr)),
		metric: Metric(C.sheaf_index_metric(ptr)),
		class:  C.GoString(class),
	}
	idx.cleanup = runtime.AddCleanup(idx, func(ptr *C.sheaf_index) { C.sheaf_index_free(ptr) }, ptr)
	return idx, nil
}

// oneThread stops OpenBLAS's own threads: beside ours they were measured to make a search
// twenty times slower.
var oneThread = sync.OnceFunc(func() { C.sheaf_one_thread() })

// takeError makes an error of a shim function's message, which it frees.
func takeError(op string, msg *C.char) error {
	defer C.free(unsafe.Pointer(msg))
	return fmt.Errorf("%s: %s", op, C.GoString(msg))
}

// Close frees the index. It may be called again; methods that need the vectors then return
// [ErrClosed], and Ntotal zero.
func (idx *Index) Close() error {
	idx.mu.Lock()
	defer idx.mu.Unlock()
	if idx.ptr != nil {
		idx.cleanup.Stop()
		C.sheaf_index_free(idx.ptr)
		idx.ptr = nil
	}
	return nil
}

// D is the dim of the vectors.
func (idx *Index) D() int { return idx.d }

// MetricType is the index's metric, which in a file of another's making may be neither
// [L2] nor [InnerProduct].
func (idx *Index) MetricType() Metric { return idx.metric }

// Type is the name of the index's C++ class, such as "IndexFlatL2".
func (idx *Index) Type() string { return idx.class }

// Ntotal is the number of vectors.
func (idx *Index) Ntotal() int64 {
	idx.mu.RLock()
	defer idx.mu.RUnlock()
	if idx.ptr == nil {
		return 0
	}
	return int64(C.sheaf_index_ntotal(idx.ptr))
}

// Add appends the vectors of x (n*d floats, all finite).
func (idx *Index) Add(x []float32) error {
	idx.mu.Lock()
	defer idx.mu.Unlock()
	if idx.ptr == nil {
		return ErrClosed
	}
	n, err := vector.CheckRows(x, idx.d)
	if err != nil || n == 0 {
		return wrap("adding", err)
	}
	var msg *C.char
	if C.sheaf_index_add(idx.ptr, C.int64_t(n), floats(x), &msg) != C.SHEAF_OK {
		return takeError("adding", msg)
	}
	return nil
}

// Search returns for each of the n vectors of x (n*d floats, all finite) its k nearest:
// distances and labels hold n*k values, nearest first. Where there are fewer than k, the
// labels left over are -1 and their distances say nothing.
func (idx *Index) Search(x []float32, k int) (distances []float32, labels []int64, err error) {
	idx.mu.RLock()
	defer idx.mu.RUnlock()
	if idx.ptr == nil {
		return nil, nil, ErrClosed
	}
	n, err := vector.CheckRows(x, idx.d)
	if err == nil && (k < 1 || k > maxAnswer/max(n, 1)) {
		err = fmt.Errorf("k is %d with %d queries", k, n)
	}
	if err != nil || n == 0 {
		return nil, nil, wrap("searching", err)
	}
	distances = make([]float32, n*k)
	labels = slices.Repeat([]int64{-1}, n*k)
	if C.sheaf_index_ntotal(idx.ptr) == 0 {
		return distances, labels, nil // Faiss 1.7.3 would find row 0
	}
	var msg *C.char
	code := C.sheaf_index_search(idx.ptr, C.int64_t(n), floats(x), C.int64_t(k),
		floats(distances), (*C.int64_t)(unsafe.SliceData(labels)), &msg)
	if code != C.SHEAF_OK {
		return nil, nil, takeError("searching", msg)
	}
	return distances, labels, nil
}

// maxAnswer bounds the n*k labels of one search to 8 GiB, far beyond any use, so that a
// wrong k is an error and not the end of the process.
const maxAnswer = 1 << 30

// Reconstruct returns the vector at position key, as the index holds it.
func (idx *Index) Reconstruct(key int64) ([]float32, error) {
	return idx.ReconstructN(key, 1)
}

// ReconstructN returns the n vectors from position first on (n*d floats).
func (idx *Index) ReconstructN(first, n int64) ([]float32, error) {
	idx.mu.RLock()
	defer idx.mu.RUnlock()
	if idx.ptr == nil {
		return nil, ErrClosed
	}
	ntotal := int64(C.sheaf_index_ntotal(idx.ptr))
	if first < 0 || n < 0 || n > ntotal || first > ntotal-n {
		return nil, fmt.Errorf("reconstructing %d vectors from %d on: index holds %d", n, first, ntotal)
	}
	x := make([]float32, n*int64(idx.d))
	if n == 0 {
		return x, nil
	}
	var msg *C.char
	if C.sheaf_index_reconstruct(idx.ptr, C.int64_t(first), C.int64_t(n), floats(x), &msg) != C.SHEAF_OK {
		return nil, takeError("reconstructing", msg)
	}
	return x, nil
}

// WriteIndex writes the index to a file, in place and unsynced: the caller renames.
func (idx *Index) WriteIndex(path string) error {
	op := fmt.Sprintf("writing index %q", path)
	if strings.IndexByte(path, 0) >= 0 {
		return fmt.Errorf("%s: path holds a NUL byte", op)
	}
	idx.mu.RLock()
	defer idx.mu.RUnlock()
	if idx.ptr == nil {
		return ErrClosed
	}
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	var msg *C.char
	if C.sheaf_index_write(idx.ptr, cpath, &msg) != C.SHEAF_OK {
		return takeError(op, msg)
	}
	return nil
}

// Bytes is what WriteIndex would put into a file.
func (idx *Index) Bytes() ([]byte, error) {
	idx.mu.RLock()
	defer idx.mu.RUnlock()
	if idx.ptr == nil {
		return nil, ErrClosed
	}
	var data unsafe.Pointer
	var size C.size_t
	var msg *C.char
	if C.sheaf_index_bytes(idx.ptr, &data, &size, &msg) != C.SHEAF_OK {
		return nil, takeError("writing index", msg)
	}
	defer C.free(data)
	return append([]byte(nil), unsafe.Slice((*byte)(data), size)...), nil
}

// Version is the version of the linked library, such as "1.7.3".
func Version() string { return C.GoString(C.sheaf_faiss_version()) }

func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}
