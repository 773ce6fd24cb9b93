package embed

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// Dim is the length of an embedder's vectors, which may not be known before the
// first answers. Two answers in a row must agree on it, because a store is bound
// to it for life. It is safe for concurrent use.
type Dim struct{ known, last atomic.Int64 }

// Set makes n the length. 0 means that it is not known.
func (d *Dim) Set(n int) { d.known.Store(int64(n)) }

// Get returns the length, or 0 while it is not known.
func (d *Dim) Get() int { return int(d.known.Load()) }

// Learn takes note of the length of the vectors of one answer.
func (d *Dim) Learn(n int) {
	if d.known.Load() == 0 && d.last.Swap(int64(n)) == int64(n) {
		d.known.Store(int64(n))
	}
}

// askedDim begins the fingerprint of an embedder that is asked for vectors of another
// length than the model's own. Questions must ask for it too.
const askedDim = "dimensions=%d"

// WithDim returns the fingerprint of an embedder that is asked for vectors of dim numbers;
// 0: of the model's own length.
func WithDim(fingerprint string, dim int) string {
	if dim == 0 {
		return fingerprint
	}
	return strings.TrimRight(fmt.Sprintf(askedDim, dim)+" "+fingerprint, " ")
}

// AsksForDim reports whether the embedder with the fingerprint is asked for vectors of dim
// numbers.
func AsksForDim(fingerprint string, dim int) bool {
	first, _, _ := strings.Cut(fingerprint, " ")
	return first == fmt.Sprintf(askedDim, dim)
}
