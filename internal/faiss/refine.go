//go:build cgo

package faiss

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
)

// Refine returns what Search returns and reads few of the first known rows: for each query
// only those of its candidates that can still be among the best. candidates yields them
// with a lower bound of their keys each, by rising bounds; a key is the squared L2
// distance or the negated inner product, as float32 gives it. None of them is skipped,
// and every other row below known either is, or is not looked for, or has a key above
// those of s.K rows. The rows from known on are all read. Queries should be at most MaxQueries.
func (f *Flat) Refine(ctx context.Context, queries []float32, s Search, known int64, candidates []iter.Seq2[int64, float32]) ([][]Hit, error) {
	n, err := f.checkSearch(queries, s)
	switch {
	case err == nil && n != len(candidates):
		err = fmt.Errorf("candidates of %d queries for %d", len(candidates), n)
	case err == nil && (known < 0 || known > f.rows):
		err = f.checkRow(known)
	}
	if err != nil {
		return nil, fmt.Errorf("searching index %q: %w", f.file.Name(), err)
	}
	p := f.plan(s)
	p.list, p.skip, p.first = nil, s.Skip, known
	best, err := f.scanGroup(ctx, queries, p)
	if err != nil {
		return nil, err
	}
	// As in a scan, but it is the numbers of queries that are taken from a counter.
	hits := make([][]Hit, n)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	workers := min(p.threads, n)
	for range workers {
		r := &refiner{Flat: f, ctx: ctx, readers: max(1, p.threads/workers)}
		g.Go(func() (err error) {
			defer crash.Catch(&err)
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				t := topK{k: p.k}
				for _, c := range f.all(best, int(i)) {
					t.offer(c)
				}
				if err := r.refine(queries[int(i)*f.math.d:][:f.math.d], &t, candidates[i]); err != nil {
					return err
				}
				hits[i] = f.hits(t.heap, p.k)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return hits, nil
}

// refiner scores candidates, some at a time. Each goroutine has its own.
type refiner struct {
	*Flat
	ctx     context.Context
	readers int // goroutines that read rows
	rows    []int64
	buf     []byte
	keys    []float32
}

// How many candidates are scored at first before the next bound is looked at, and at
// most: each time twice as many, since who needs many needs more.
const (
	fewCandidates  = 16
	manyCandidates = 1024
)

// refine offers candidates to t until no later one can be kept.
func (r *refiner) refine(query []float32, t *topK, candidates iter.Seq2[int64, float32]) error {
	room := fewCandidates
	r.rows = r.rows[:0]
	for row, low := range candidates {
		if low > t.limit() {
			break
		}
		if r.rows = append(r.rows, row); len(r.rows) < room {
			continue
		}
		if err := r.score(query, t); err != nil {
			return err
		}
		room = min(2*room, manyCandidates)
	}
	return r.score(query, t)
}

// score offers the rows that wait to t.
func (r *refiner) score(query []float32, t *topK) error {
	if err := r.ctx.Err(); err != nil || len(r.rows) == 0 {
		return err
	}
	slices.SortFunc(r.rows, cmp.Compare)
	r.buf, r.keys = resize(r.buf, len(r.rows)*r.math.rowBytes()), resize(r.keys, len(r.rows))
	if err := r.read(query); err != nil {
		return err
	}
	for i, row := range r.rows {
		t.offer(candidate{r.keys[i], row})
	}
	r.rows = r.rows[:0]
	return nil
}

// fewRows is how many rows take no longer to read than a goroutine takes to be started and
// awaited.
const fewRows = 64

// read computes the keys of the rows that wait, each goroutine those of a share of them.
func (r *refiner) read(query []float32) error {
	share := max(fewRows, (len(r.rows)+r.readers-1)/r.readers)
	size := r.math.rowBytes()
	part := func(first int) error {
		rows := r.rows[first:min(first+share, len(r.rows))]
		buf, keys := r.buf[first*size:][:len(rows)*size], r.keys[first:][:len(rows)]
		if err := r.gather(rows, buf); err != nil {
			return err
		}
		r.math.keys(buf, len(rows), query, keys)
		return nil
	}
	if len(r.rows) <= share {
		return part(0)
	}
	var g errgroup.Group
	for first := 0; first < len(r.rows); first += share {
		g.Go(func() (err error) {
			defer crash.Catch(&err)
			return part(first)
		})
	}
	return g.Wait()
}
