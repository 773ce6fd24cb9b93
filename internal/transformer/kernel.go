package transformer

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lm
#include "kernel.h"
*/
import "C"

import (
	"unsafe"

	"sheaf/internal/kernel"
)

// activation is the function that a linear layer applies to its sums.
type activation int

const (
	identity activation = C.BERT_LINEAR
	gelu     activation = C.BERT_GELU
)

// rows is a matrix of m rows, which begin stride floats apart.
type rows struct {
	x      []float32
	stride int
	m      int
}

// from returns the rows without their first columns.
func (r rows) from(column int) rows { return rows{r.x[column:], r.stride, r.m} }

// cut returns m rows, from the given one on.
func (r rows) cut(first, m int) rows { return rows{r.x[first*r.stride:], r.stride, m} }

// first returns the address of the matrix, which must have cols columns.
func (r rows) first(cols int) *C.float {
	if r.m == 0 {
		return nil
	}
	return floats(r.x[:(r.m-1)*r.stride+cols])
}

// linear is a linear layer, or several that have the same input.
type linear interface {
	// apply sets the first columns of out to f of the layer's output for the rows of x.
	apply(l kernel.Level, f activation, x, out rows, scratch []float32)
}

// dense are layers in float32 side by side.
type dense []weights

// weights are those of one layer: out rows of in columns.
type weights struct {
	weight, bias []float32
	in, out      int
}

func (d dense) apply(l kernel.Level, f activation, x, out rows, scratch []float32) {
	for _, w := range d {
		// f(x·weightᵀ + bias)
		C.bert_linear(C.int(l), C.int(f), x.first(w.in), C.size_t(x.stride), C.size_t(x.m), C.size_t(w.in),
			floats(w.weight[:w.in*w.out]), floats(w.bias[:w.out]), C.size_t(w.out),
			out.first(w.out), C.size_t(out.stride), floats(scratch))
		out = out.from(w.out)
	}
}

// attend sets the first columns of out to the attention of one text, whose queries, keys
// and values are the first columns of qkv.
func attend(l kernel.Level, qkv rows, heads, dim int, out rows, scratch []float32) {
	C.bert_attention(C.int(l), qkv.first(3*heads*dim), C.size_t(qkv.stride), C.size_t(qkv.m),
		C.size_t(heads), C.size_t(dim), out.first(heads*dim), C.size_t(out.stride), floats(scratch))
}

// norm holds the weights of a layer norm.
type norm struct {
	gamma, beta []float32
	epsilon     float32
}

// apply sets x to the layer norm of x + y. A y without rows counts as zeros. The stride of
// both is the number of their columns.
func (w norm) apply(l kernel.Level, x, y rows) {
	n := len(w.gamma)
	C.bert_norm(C.int(l), x.first(n), y.first(n), C.size_t(x.m), C.size_t(n),
		floats(w.gamma), floats(w.beta[:n]), C.float(w.epsilon))
}

// scratchSize returns the number of floats of scratch memory that dense.apply and attend need
// for sums over at most k columns, texts of at most tokens tokens and heads of dim columns.
func scratchSize(k, tokens, dim int) int {
	return int(C.bert_scratch(C.size_t(k), C.size_t(tokens), C.size_t(dim)))
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }
