//go:build cgo

package codes

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
)

// frame are the coordinates in which rows are quantized: their difference from a mean,
// rotated. Differences from the mean are shorter than the rows, and a rotation at random
// makes all numbers of a row about alike in size: both make what a code leaves of a row
// small, and the bounds tight. They hold in any frame.
//
// The rotation does three times: multiply each number by its sign, then a run of numbers
// by the normalized Hadamard matrix. The run is the longest whose length is a power of
// two; it begins the row the first and the third time, and ends it the second.
type frame struct {
	mean  []float32
	signs []float32 // 1 or -1: those of the first time, then of the others
}

const rounds = 3

// newFrame makes the frame for rows of which some are given: none, or rows that are not
// representative, only make codes worse. Equal ids give equal frames.
func newFrame(dim int, sample []float32, id [16]byte) *frame {
	f := &frame{make([]float32, dim), make([]float32, rounds*dim)}
	sums, n := make([]float64, dim), 0.0
	for row := sample; len(row) > 0; row = row[dim:] {
		if size := length(row[:dim]); size <= longest {
			n++
			for i, x := range row[:dim] {
				sums[i] += float64(x)
			}
		}
	}
	for i, sum := range sums {
		f.mean[i] = float32(sum / max(n, 1))
	}
	random := rand.NewPCG(binary.LittleEndian.Uint64(id[:]), binary.LittleEndian.Uint64(id[8:]))
	for i := range f.signs {
		f.signs[i] = 1 - 2*float32(random.Uint64()>>63)
	}
	return f
}

func length(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// rotate rotates x.
func (f *frame) rotate(x []float64) {
	n := 1 << (bits.Len(uint(len(x))) - 1)
	for round := range rounds {
		for i := range x {
			x[i] *= float64(f.signs[round*len(x)+i])
		}
		run := x[:n]
		if round == 1 {
			run = x[len(x)-n:]
		}
		hadamard(run)
	}
}

// hadamard multiplies x by the normalized Hadamard matrix.
func hadamard(x []float64) {
	for h := 1; h < len(x); h *= 2 {
		for i := 0; i < len(x); i += 2 * h {
			for j := i; j < i+h; j++ {
				x[j], x[j+h] = x[j]+x[j+h], x[j]-x[j+h]
			}
		}
	}
	scale := 1 / math.Sqrt(float64(len(x)))
	for i := range x {
		x[i] *= scale
	}
}
