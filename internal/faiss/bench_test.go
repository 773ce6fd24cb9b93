package faiss

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"sheaf/internal/vector"
)

func BenchmarkScan(b *testing.B) {
	for _, rows := range []int64{10_000, 100_000, 1_000_000} {
		f := benchFlat(b, 384, rows)
		queries := randomVectors(2, 1, 384)
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			b.SetBytes(rows * 384 * vector.Size)
			for b.Loop() {
				if _, err := f.Search(context.Background(), queries, Search{K: 10}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("pread/rows=%d", rows), func(b *testing.B) {
			b.SetBytes(rows * 384 * vector.Size)
			for b.Loop() {
				preadAll(b, f.file)
			}
		})
	}
}

// preadAll reads the whole file with as many goroutines as a search has: the time that a
// search cannot beat.
func preadAll(b *testing.B, file *os.File) {
	info, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			buf := make([]byte, directBlock)
			for off := next.Add(directBlock) - directBlock; off < info.Size(); off = next.Add(directBlock) - directBlock {
				if n, err := file.ReadAt(buf, off); n == 0 {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkBatch(b *testing.B) {
	f := benchFlat(b, 384, 100_000)
	for _, n := range []int{1, 2, 4, 6, 8, 16, 64, 1000} {
		queries := randomVectors(2, n, 384)
		b.Run(fmt.Sprintf("queries=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Search(context.Background(), queries, Search{K: 10}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/query")
		})
	}
}

func benchFlat(b *testing.B, d int, rows int64) *Flat {
	b.Helper()
	file, err := os.Create(b.TempDir() + "/index.faiss")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { file.Close() })
	if _, err := file.Write(Header{D: d, Ntotal: rows, Metric: L2}.Append(nil)); err != nil {
		b.Fatal(err)
	}
	const chunk = 10_000
	for first := int64(0); first < rows; first += chunk {
		if _, err := file.Write(vector.Bytes(randomVectors(uint64(first), chunk, d))); err != nil {
			b.Fatal(err)
		}
	}
	f, err := NewFlat(file, d, rows, L2)
	if err != nil {
		b.Fatal(err)
	}
	return f
}
