package lists

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/faiss"
)

const (
	// SampleRows is how many rows for each list Train should be given: with more the
	// centroids hardly move.
	SampleRows = 64
	// rounds is how often the centroids move.
	rounds = 8
)

// Train returns the centroids of n lists for rows of dim numbers like those of sample, which
// should be in a random order: Lloyd's algorithm for k-means. The same sample gives the same
// centroids.
func Train(ctx context.Context, sample []float32, dim, n int) ([]float32, error) {
	rows := len(sample) / dim
	n = min(n, rows)
	centroids := make([]float32, 0, n*dim)
	for i := range n {
		centroids = append(centroids, row(sample, dim, i*rows/n)...)
	}
	random := rand.New(rand.NewPCG(uint64(rows), uint64(n)))
	for range rounds {
		nearest, err := Nearest(ctx, sample, centroids, dim)
		if err != nil {
			return nil, err
		}
		move(centroids, sample, nearest, dim, random)
	}
	return centroids, nil
}

// move sets each centroid to the mean of the rows that are nearest to it, and one without
// rows to a row of the list that has most.
func move(centroids, sample []float32, nearest []int32, dim int, random *rand.Rand) {
	sums, counts := make([]float64, len(centroids)), make([]int, len(centroids)/dim)
	for i, list := range nearest {
		counts[list]++
		sum := sums[int(list)*dim:][:dim]
		for j, x := range row(sample, dim, i) {
			sum[j] += float64(x)
		}
	}
	most := int32(slices.Index(counts, slices.Max(counts)))
	var large []int // rows of the list that has most
	for i, list := range nearest {
		if list == most {
			large = append(large, i)
		}
	}
	for list, count := range counts {
		centroid := row(centroids, dim, list)
		if count == 0 {
			copy(centroid, row(sample, dim, large[random.IntN(len(large))]))
			continue
		}
		for j := range centroid {
			centroid[j] = float32(sums[list*dim+j] / float64(count))
		}
	}
}

// nearestRows is how many rows are compared with all centroids at once.
const nearestRows = 512

// Nearest returns the list whose centroid is nearest to each of some rows. It computes on all
// processors.
func Nearest(ctx context.Context, rows, centroids []float32, dim int) ([]int32, error) {
	nearest := make([]int32, len(rows)/dim)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() (err error) {
			defer crash.Catch(&err)
			for {
				first := int(next.Add(nearestRows)) - nearestRows
				switch {
				case first >= len(nearest):
					return nil
				case ctx.Err() != nil:
					return context.Cause(ctx)
				}
				end := min(first+nearestRows, len(nearest))
				copy(nearest[first:end], faiss.Nearest(rows[first*dim:end*dim], centroids, dim))
			}
		})
	}
	return nearest, g.Wait()
}

func row(rows []float32, dim, i int) []float32 { return rows[i*dim:][:dim] }
