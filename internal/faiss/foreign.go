package faiss

/*
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
)

// Foreign is an index of any type that somebody else wrote, with what it takes
// to get the vectors out of it. The library can be led astray by a crafted
// file: use one in a process of its own, with limits on memory and time.
type Foreign struct {
	*Index
	labels []int64 // rising
	places []int64 // of the vectors with these labels
}

// OpenForeign reads the index in size bytes of f from offset on, and checks
// that its parts fit each other.
func OpenForeign(f *os.File, offset, size int64) (*Foreign, error) {
	idx, err := open("reading it", func(ptr **C.sheaf_index, msg **C.char) C.int {
		return C.sheaf_index_read_part(C.int(f.Fd()), C.int64_t(offset), C.int64_t(size), ptr, msg)
	})
	if err != nil {
		return nil, tidy(err)
	}
	x := &Foreign{Index: idx}
	if err := x.verify(); err != nil {
		idx.Close()
		return nil, tidy(err)
	}
	return x, nil
}

func (x *Foreign) verify() error {
	var msg *C.char
	if C.sheaf_index_verify(x.ptr, &msg) != C.SHEAF_OK {
		return takeError(x.class, msg)
	}
	n := x.Ntotal()
	labels := make([]int64, n+1) // never of no length
	if C.sheaf_index_labels(x.ptr, (*C.int64_t)(&labels[0]), &msg) != C.SHEAF_OK {
		return takeError(x.class, msg)
	}
	labels = labels[:n]
	x.places = make([]int64, n)
	for i := range x.places {
		x.places[i] = int64(i)
	}
	slices.SortFunc(x.places, func(a, b int64) int { return cmp.Compare(labels[a], labels[b]) })
	x.labels = make([]int64, n)
	for i, place := range x.places {
		x.labels[i] = labels[place]
		if i > 0 && x.labels[i] == x.labels[i-1] {
			return fmt.Errorf("%s: damaged: two vectors have the id %d", x.class, x.labels[i])
		}
	}
	return nil
}

// Exact tells whether the vectors come back as they were added, bit by bit.
func (x *Foreign) Exact() bool { return C.sheaf_index_exact(x.ptr) != 0 }

// Labels are the ids of the vectors, rising. Where nobody gave ids they are 0,
// 1, 2 and so on.
func (x *Foreign) Labels() []int64 { return x.labels }

// Decode returns n vectors, from the first-th label on (n*d floats).
func (x *Foreign) Decode(first, n int64) ([]float32, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	switch {
	case x.ptr == nil:
		return nil, ErrClosed
	case first < 0 || n < 0 || n > int64(len(x.places))-first:
		return nil, fmt.Errorf("decoding %d vectors from %d on: index holds %d", n, first, len(x.places))
	case n == 0:
		return nil, nil
	}
	out := make([]float32, n*int64(x.d))
	var msg *C.char
	if C.sheaf_index_decode(x.ptr, (*C.int64_t)(&x.places[first]), C.int64_t(n), floats(out), &msg) != C.SHEAF_OK {
		return nil, tidy(takeError(x.class, msg))
	}
	return out, nil
}

// place is where in its source Faiss found an error: of use to nobody here.
var place = regexp.MustCompile(`Error in .* at [^ ]*:\d+: (Error: )?`)

// tidy says in fewer words what Faiss found.
func tidy(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "read error in"):
		return errors.New("it ends too early")
	case strings.Contains(text, "bad_alloc"), strings.Contains(text, "length_error"):
		return errors.New("it asks for more memory than its size explains")
	default:
		return errors.New(place.ReplaceAllString(text, ""))
	}
}
