//go:build linux

package faiss

import (
	"math"
	"testing"

	"sheaf/internal/faiss/faisstest"
	"sheaf/internal/kernel"
)

// Products of every shape around the tiles, of matrices as they are and transposed, are those
// in float64. The kernel is one for the whole process, so the test runs alone.
func TestProduct(t *testing.T) {
	defer chooseBLAS(kernel.Generic)
	for level := kernel.Generic; level <= kernel.Best(); level++ {
		chooseBLAS(level)
		for _, m := range []int{1, 7, 8, 9, 31, 32, 33, 70} {
			for _, n := range []int{1, 5, 6, 11, 12, 13, 25} {
				for turn := range 4 {
					product(t, matrix(m, 19, turn&1 > 0), matrix(19, n, turn&2 > 0), float32(turn-1))
				}
			}
		}
		product(t, matrix(3, 0, false), matrix(0, 2, false), 0)
	}
}

// matrix returns a random matrix that means rows*columns.
func matrix(rows, columns int, turned bool) faisstest.Matrix {
	if turned {
		rows, columns = columns, rows
	}
	x := faisstest.Matrix{Rows: rows, Columns: columns, Stride: rows + 2, Turned: turned}
	x.X = randomVectors(uint64(rows*100+columns), columns+1, x.Stride)
	return x
}

func product(t *testing.T, a, b faisstest.Matrix, beta float32) {
	t.Helper()
	at := func(x faisstest.Matrix, i, j int) float64 {
		if x.Turned {
			i, j = j, i
		}
		return float64(x.X[i+j*x.Stride])
	}
	m, k, n := a.Rows, a.Columns, b.Columns
	if a.Turned {
		m, k = k, m
	}
	if b.Turned {
		n = b.Rows
	}
	c := matrix(m, n, false)
	if beta == 0 {
		c.X[0] = float32(math.NaN()) // is overwritten
	}
	before := append([]float32(nil), c.X...)
	faisstest.Multiply(a, b, beta, c)
	for i := range c.X {
		row, column := i%c.Stride, i/c.Stride
		want := float64(before[i])
		if row < m && column < n {
			if want *= float64(beta); beta == 0 {
				want = 0
			}
			for l := range k {
				want += at(a, row, l) * at(b, l, column)
			}
		}
		if got := float64(c.X[i]); !(math.Abs(got-want) <= 1e-4) {
			t.Fatalf("%d*%d*%d, %v %v, beta %v: number %d is %v, want %v", m, k, n, a.Turned, b.Turned, beta, i, got, want)
		}
	}
}
