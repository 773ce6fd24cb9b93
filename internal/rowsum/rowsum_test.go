package rowsum

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sheaf/internal/kernel"
)

// Every kernel makes the same sums, at the ends of what weights and numbers can be too, for any
// number of rows and columns.
func TestAdd(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	const height = 50
	for _, dim := range []int{1, 3, 31, 32, 63, 64, 65, 255, 256, 257, 300, 512} {
		for _, n := range []int{0, 1, 15, 16, 17, 33, 100} {
			matrix := make([]byte, height*dim)
			rows, weights, want := make([]int32, n), make([]int32, n), make([]int64, dim)
			extreme := rng.IntN(2) == 0
			for i := range matrix {
				if matrix[i] = byte(rng.Uint32()); extreme {
					matrix[i] = 0x80 // -128
				}
			}
			for i := range want {
				want[i] = int64(i)
			}
			for i := range rows {
				rows[i], weights[i] = rng.Int32N(height), rng.Int32N(MaxWeight+1)
				if extreme {
					weights[i] = MaxWeight
				}
				for j := range want {
					want[j] += int64(weights[i]) * int64(int8(matrix[int(rows[i])*dim+j]))
				}
			}
			for l := kernel.Generic; l <= kernel.Best(); l++ {
				sum := make([]int64, dim)
				for i := range sum {
					sum[i] = int64(i)
				}
				if Add(l, sum, matrix, rows, weights); !slices.Equal(sum, want) {
					t.Errorf("%v, %d rows of %d: %v, want %v", l, n, dim, sum, want)
				}
			}
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	const dim, height, n = 256, 30522, 230
	rng := rand.New(rand.NewPCG(1, 2))
	matrix, rows, weights, sum := make([]byte, height*dim), make([]int32, n), make([]int32, n), make([]int64, dim)
	for i := range matrix {
		matrix[i] = byte(rng.Uint32())
	}
	for i := range rows {
		rows[i], weights[i] = rng.Int32N(2000), rng.Int32N(MaxWeight)
	}
	for l := kernel.Generic; l <= kernel.Best(); l++ {
		b.Run(fmt.Sprint(l), func(b *testing.B) {
			for range b.N {
				Add(l, sum, matrix, rows, weights)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}
