package postgres

import (
	"cmp"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// Many queries are answered by one scan: the vectors come here once, some at a time, and are
// compared with all queries by the kernels of package faiss. The server compares a vector
// with one query at a time, and takes 1.3 µs for 384 numbers.

// scanned is from how many queries on that is faster.
const scanned = 8

// scanRows is how many vectors are compared at once.
const scanRows = 512

// near finds the k documents nearest to query i that match: those that scan has found, where
// it found as many and there is no other condition, or those that the index leads to.
func (x *index) near(ctx context.Context, query []float32, c *condition, k, i int) ([]engine.Candidate, error) {
	if x.nearby != nil && c.sql == x.scannedFor && k <= x.scannedK {
		return x.nearby[i][:min(k, len(x.nearby[i]))], nil
	}
	if x.looked == nil {
		return x.nearest(ctx, query, c, k)
	}
	x.looked[i] = 0
	if !c.free() {
		narrow, err := x.narrow(ctx, c)
		if err != nil {
			return nil, err
		}
		if narrow != nil {
			return x.nearest(ctx, query, narrow, k)
		}
	}
	if k <= mostByIndex {
		found, looked, err := x.byIndex(ctx, query, c, k)
		if err != nil || found != nil {
			x.looked[i] = int64(looked)
			return found, err
		}
	}
	return x.nearest(ctx, query, c, k)
}

// block is vectors that are compared with the queries.
type block struct {
	numbers []int64
	vectors []float32
}

// scan finds the documents nearest to each query.
func (x *index) scan(ctx context.Context, queries [][]float32, o engine.SearchOptions) error {
	k, f := x.first(o)
	if o.Mode == engine.Hybrid {
		k = engine.FirstFused(k)
	}
	c := compile(f, nil)
	s := scan{metric: faiss.MetricFor(x.state.Metric == engine.L2), queries: queries, threads: o.Threads}
	for range queries {
		s.best = append(s.best, engine.Nearest{K: k, Metric: x.state.Metric})
	}
	if s.threads == 0 {
		s.threads = runtime.GOMAXPROCS(0)
	}
	if k > 0 {
		if err := s.run(ctx, x.view, c); err != nil {
			return err
		}
	}
	x.nearby, x.scannedFor, x.scannedK = make([][]engine.Candidate, len(queries)), c.sql, k
	for i := range s.best {
		x.nearby[i] = s.best[i].Best()
	}
	return nil
}

// scan is one on its way.
type scan struct {
	metric  faiss.Metric
	queries [][]float32
	best    []engine.Nearest // of each query
	threads int
}

// run compares the queries with the documents that match, a block while the next one is read.
func (s *scan) run(ctx context.Context, v *view, c *condition) error {
	var reading, comparing block
	done := crash.Go(func() error { return nil })
	turn := func() error {
		if err := <-done; err != nil {
			return err
		}
		reading, comparing = block{comparing.numbers[:0], comparing.vectors[:0]}, reading
		done = crash.Go(func() error { return s.compare(ctx, comparing) })
		return nil
	}
	var vector []float32
	for r, err := range v.query(ctx, c.columns()+` `+c.from()) {
		ok := false
		if err == nil {
			ok, err = c.lets(r)
		}
		if err == nil && ok {
			vector = r.vector(columnX, vector)
			reading.numbers, reading.vectors = append(reading.numbers, r.int(0)), append(reading.vectors, vector...)
			if len(reading.numbers) == scanRows {
				err = turn()
			}
		}
		if err != nil {
			return cmp.Or(err, <-done)
		}
	}
	if err := turn(); err != nil {
		return err
	}
	return <-done
}

// compare offers a block to each query.
func (s *scan) compare(ctx context.Context, b block) error {
	if len(b.numbers) == 0 {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for thread := range s.threads {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			for q := thread; q < len(s.queries) && ctx.Err() == nil; q += s.threads {
				for i, score := range faiss.Scores(s.metric, s.queries[q], b.vectors) {
					s.best[q].Offer(b.numbers[i], score)
				}
			}
			return context.Cause(ctx)
		})
	}
	return group.Wait()
}
