package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/engine"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// What a one-shot search may take: an absolute limit where set, else factor
// times the pread loop plus a constant for start-up and texts.
const (
	smallLimit  = 15 * time.Millisecond
	middleLimit = 40 * time.Millisecond
	largeFactor = 1.3
	largeExtra  = 25 * time.Millisecond
	peakLimit   = 60_000_000 // bytes, at the large size
)

// readBlock is the unit of the pread loop: that of sheaf's own scan, and on
// the machines at hand faster than larger ones.
const readBlock = 256 << 10

// search compares one-shot and in-process searches with reading the bytes.
func (b *bench) search(ctx context.Context) error {
	rows := [][]string{{"documents", "`sheaf search-vector`", "÷ its limit", "peak memory", "in process", "`pread` loop", "one-shot ÷ loop", "in process ÷ loop"}}
	for _, n := range []int{small, middle, large} {
		row, err := b.searchSize(ctx, n)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	b.table("Search, one query, k = 4:", rows)
	return nil
}

func (b *bench) searchSize(ctx context.Context, n int) ([]string, error) {
	dir, err := b.store(ctx, n)
	if err != nil {
		return nil, err
	}
	index, err := indexFile(dir)
	if err != nil {
		return nil, err
	}
	query := queries(1)
	file := filepath.Join(b.data, "query.f32")
	if err := os.WriteFile(file, vector.Bytes(query), 0o666); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, dir, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	took, err := interleave(ctx, b.rounds,
		b.command("search-vector", "--store", dir, "--json", "--binary", "f32", "@"+file),
		timed(func(ctx context.Context) error {
			_, err := s.Search(ctx, [][]float32{query}, engine.SearchOptions{K: 4})
			return err
		}),
		timed(func(context.Context) error { return readAll(index, runtime.GOMAXPROCS(0)) }),
	)
	if err != nil {
		return nil, err
	}
	shot, inside, loop := took[0], took[1], took[2]
	memory := megabytes(shot.peak())
	if n == large {
		memory += " (" + verdict(float64(shot.peak())/peakLimit) + ")"
	}
	return []string{
		strconv.Itoa(n), shot.String(), within(shot.median(), searchLimit(n, loop.median())), memory, inside.String(), loop.String(),
		ratio(shot.median(), loop.median()), ratio(inside.median(), loop.median()),
	}, nil
}

func searchLimit(n int, loop time.Duration) time.Duration {
	switch n {
	case small:
		return smallLimit
	case middle:
		return middleLimit
	}
	return time.Duration(largeFactor*float64(loop)) + largeExtra
}

// readAll reads a file once, with the given number of goroutines that each
// have one buffer. Nobody who looks at every byte can be much faster.
func readAll(path string, threads int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var next atomic.Int64
	var g errgroup.Group
	for range threads {
		g.Go(func() error {
			buf := make([]byte, readBlock)
			for {
				_, err := f.ReadAt(buf, (next.Add(1)-1)*readBlock)
				switch {
				case errors.Is(err, io.EOF):
					return nil
				case err != nil:
					return fmt.Errorf("reading %q: %w", path, err)
				}
			}
		})
	}
	return g.Wait()
}
