//go:build cgo

package codes

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/vector"
)

// ErrLoose says that the bounds exclude too few rows, so that a scan of the vectors takes
// less time.
var ErrLoose = errors.New("the codes exclude too few rows")

// Search holds the arguments of [File.Candidates].
type Search struct {
	L2      bool     // keys are squared distances, else negated inner products
	K       int      // how many rows the answer to a query has
	Skip    []uint64 // bit r set: row r is passed over; rows past its end are not
	Threads int      // goroutines at most; 0 means GOMAXPROCS
	Most    int64    // candidates of a query, on average; 0 means one row in looseShare; see [File.Candidates]

	// Blocks are, for each query, the numbers of the blocks where its candidates are looked
	// for; those in which the nearest are likely come first. nil: all. Then signs are
	// enough for most rows of a file with an order of its own, each of whose bounds holds
	// but for one row in 740, see [Deviations].
	Blocks [][]int64

	// Limits are, for each query, keys above which no row is looked for. nil: there are none.
	Limits []float32
}

// To read more than one row in looseShare, scattered, takes as long as to read all.
const looseShare = 16

// minTile is from how many queries on they are compared in tiles.
const minTile = 4

// Candidates returns for each of the n queries (len(queries) is n*dim, all finite) its
// candidates among the file's rows: those that can be among the s.K that have the lowest
// keys, or the same key as one of them. They come by rising lower bounds of their keys,
// once: as soon as a bound is above the key of the K-th best row, no later one can be
// better. Where the codes of 4 bits leave more than s.Most, the rest of the blocks is read with
// all 8 bits. ErrLoose says that there are more than twice as many even so.
func (f *File) Candidates(ctx context.Context, queries []float32, s Search) ([]iter.Seq2[int64, float32], error) {
	if s.Threads == 0 {
		s.Threads = runtime.GOMAXPROCS(0)
	}
	p, err := f.plan(queries, s)
	if err != nil {
		return nil, err
	}
	workers := make([]*worker, max(1, min(int64(s.Threads), p.blocks)))
	g, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		workers[i] = p.worker()
		g.Go(func() error { return workers[i].scan(ctx) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	found := make([]iter.Seq2[int64, float32], len(p.queries))
	for i := range found {
		var all []collector
		for _, w := range workers {
			all = append(all, w.best[i])
		}
		found[i] = join(all).rising()
	}
	return found, nil
}

// pass is one pass over the blocks, for all queries.
type pass struct {
	*File
	queries []*query
	rough   []*roughQuery // nil: rows are not compared by their signs
	packed  []int8        // the numbers of the queries in tiles; nil where they are compared one by one
	k       int
	skip    []uint64
	limits  []float32
	order   []int64    // the blocks that are looked at, in turn; nil: all
	within  [][]uint64 // bit b stands for block b where a query looks at it; nil: at all
	blocks  int64      // how many are looked at
	next    atomic.Int64
	loose   int64 // how many candidates are too many for codes of 4 bits, and half of what is too many for all
	found   atomic.Int64
}

func (f *File) plan(queries []float32, s Search) (*pass, error) {
	p := &pass{File: f, k: s.K, skip: s.Skip, limits: s.Limits, blocks: f.rows / f.BlockRows(), loose: s.Most}
	p.choose(s.Blocks)
	if p.loose == 0 {
		p.loose = f.rows / looseShare
	}
	if int64(s.K) > p.loose {
		return nil, ErrLoose
	}
	if err := p.prepare(queries, s); err != nil {
		return nil, err
	}
	p.loose *= int64(len(p.queries))
	if bytes := f.level.queryBytes(); len(p.queries) >= minTile && bytes > 0 && p.within == nil {
		p.packed = pack(p.queries, bytes)
	} else if p.within != nil || !f.Ordered() {
		readWithGaps(f.File.File)
	}
	if p.within != nil && f.Ordered() && len(f.frame.mean) <= roughDim {
		for _, q := range p.queries {
			p.rough = append(p.rough, q.rough())
		}
	}
	return p, nil
}

// choose notes the blocks that queries look at, of each query the next in turn.
func (p *pass) choose(blocks [][]int64) {
	if blocks == nil {
		return
	}
	words, longest := (p.blocks+63)/64, 0
	for _, b := range blocks {
		p.within = append(p.within, make([]uint64, words))
		longest = max(longest, len(b))
	}
	seen := make([]uint64, words)
	for i := range longest {
		for q, b := range blocks {
			if i >= len(b) {
				continue
			}
			word, bit := b[i]/64, uint64(1)<<(b[i]%64)
			if p.within[q][word] |= bit; seen[word]&bit == 0 {
				seen[word] |= bit
				p.order = append(p.order, b[i])
			}
		}
	}
	p.blocks = int64(len(p.order))
}

// prepare makes the queries, each goroutine a share of them.
func (p *pass) prepare(queries []float32, s Search) error {
	dim := len(p.frame.mean)
	p.queries = make([]*query, len(queries)/dim)
	share := (len(p.queries) + s.Threads - 1) / s.Threads
	var g errgroup.Group
	for first := 0; first < len(p.queries); first += share {
		g.Go(func() (err error) {
			defer crash.Catch(&err)
			for i := first; i < min(first+share, len(p.queries)); i++ {
				ok := false
				if p.queries[i], ok = p.frame.prepare(queries[i*dim:][:dim], s.L2); !ok {
					return ErrLoose
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// worker is what one goroutine needs for a pass.
type worker struct {
	*pass
	best     []collector // one a query
	asked    []int       // the queries that look at a block
	buf      []float32
	unpacked []byte
	hits     []hit
	bounds   tileBounds
	fine     bool // read the codes of 8 bits
	seen     int  // blocks
	crowded  int  // rows of the last blocks in each of which too many passed
}

func (p *pass) worker() *worker {
	w := &worker{pass: p, best: make([]collector, len(p.queries)), buf: make([]float32, p.layout.bytes()/vector.Size), hits: make([]hit, p.layout.rows*tile)}
	for i := range w.best {
		w.best[i].k, w.best[i].most = p.k, float32(math.Inf(1))
		if p.limits != nil {
			w.best[i].most = p.limits[i]
		}
	}
	if p.packed != nil {
		w.unpacked, w.fine = make([]byte, p.layout.rows*p.layout.octets*octet), true
	}
	return w
}

// scan takes the numbers of blocks from a counter until there are no more.
func (w *worker) scan(ctx context.Context) (err error) {
	defer crash.Catch(&err)
	for i := w.next.Add(1) - 1; i < w.blocks; i = w.next.Add(1) - 1 {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		block := i
		if w.order != nil {
			block = w.order[i]
		}
		w.ask(block)
		first := block * w.BlockRows()
		if err := w.screen(first); err != nil {
			return err
		}
		if len(w.asked) == 0 {
			continue
		}
		b, err := w.read(first, highPart)
		if err != nil {
			return err
		}
		w.count(w.sift(b, first))
		switch found := w.found.Load(); {
		case found > 2*w.loose:
			return ErrLoose
		case found > w.loose:
			w.fine = true
		}
	}
	return nil
}

// count takes note of how many rows of a block passed.
func (w *worker) count(passed int) {
	w.seen++
	if passed*fineShare <= w.layout.rows*len(w.asked) {
		w.crowded = 0
		return
	}
	w.crowded += w.layout.rows
	patience := firstRows
	if w.Ordered() {
		patience = nearRows
	}
	w.fine = w.fine || w.crowded > patience
}

// ask notes which queries look at a block.
func (w *worker) ask(block int64) {
	w.asked = w.asked[:0]
	for i := range w.queries {
		if w.within == nil || w.within[i][block/64]>>(block%64)&1 != 0 {
			w.asked = append(w.asked, i)
		}
	}
}

const (
	// Where more than one row in fineShare passes by the codes of 4 bits, those of 8 are read
	// from then on, which takes less time than to look at so many. Of vectors of text it is
	// one in ten after the first block, whose limit is still far off, and soon one in a
	// hundred; of random directions nearly all.
	fineShare = 4
	// firstRows is in how many rows, one behind the other, so many may pass. The limit is far
	// off before the first.
	firstRows = 1024
	// nearRows is that where rows that are near to one another lie together: of a list that is
	// nearer than all before it nearly all pass.
	nearRows = 16 << 10

	// signShare is that of which more than one row passes by signs: the codes of the block are
	// read then, which takes less time than to look at so many vectors.
	signShare = 16
)

// read reads a part of the block at place first: of the high nibbles, the low ones too
// where these are used.
func (w *worker) read(first int64, p part) (block, error) {
	end := p + 1
	if p == highPart && w.fine {
		end = parts
	}
	if err := w.File.read(first, vector.Bytes(w.buf), p, end); err != nil {
		return block{}, fmt.Errorf("reading %q: %w", w.Name(), err)
	}
	return w.layout.block(w.buf), nil
}

// screen offers the rows of the block at place first by their signs, where there are such,
// and leaves in asked the queries that these leave too many rows for.
func (w *worker) screen(first int64) error {
	if w.rough == nil {
		return nil
	}
	b, err := w.read(first, signPart)
	if err != nil {
		return err
	}
	asked := w.asked
	w.asked = w.asked[:0]
	for _, i := range asked {
		q, c := w.rough[i], &w.best[i]
		hits := b.siftSigns(w.level, w.layout.rows/group, q, c.limit(), w.hits)
		if len(hits) > w.layout.rows/signShare {
			w.asked = append(w.asked, i)
			continue
		}
		for _, h := range hits {
			if row := int64(b.rough.numbers[h.row]); !skipped(w.skip, row) {
				low, high := q.interval(b.rough.length[h.row], b.rough.spread[h.row], h.product)
				c.offer(row, low, high)
			}
		}
	}
	return nil
}

// sift offers the rows of a block to the collectors, and returns how many passed the
// kernels. In the first block most pass until there are limits, so it begins with few.
func (w *worker) sift(b block, first int64) (passed int) {
	if w.packed != nil {
		b.unpack(w.unpacked)
	}
	groups := w.layout.rows / group
	step := groups
	if w.seen == 0 {
		step = min(2, groups)
	}
	for from := 0; from < groups; from, step = from+step, 4*step {
		end := min(from+step, groups)
		if w.packed != nil {
			passed += w.siftTiles(b, first, from, end)
			continue
		}
		for _, i := range w.asked {
			hits := b.sift(w.level, from, end, w.fine, w.queries[i], w.best[i].limit(), w.hits)
			w.offer(b, first, i, hits)
			passed += len(hits)
		}
	}
	return passed
}

// offer offers rows of a block to the collectors of the queries from number query on.
func (w *worker) offer(b block, first int64, query int, hits []hit) {
	lengths, residuals := b.head(w.fine)
	for _, h := range hits {
		row := b.row(first, h.row)
		if skipped(w.skip, row) {
			continue
		}
		i := query + int(h.query)
		low, high := w.queries[i].interval(lengths[h.row], residuals[h.row], h.product)
		c := &w.best[i]
		before := len(c.found)
		c.offer(row, low, high)
		w.found.Add(int64(len(c.found) - before))
	}
}

func skipped(skip []uint64, row int64) bool {
	word := row / 64
	return word < int64(len(skip)) && skip[word]>>(row%64)&1 != 0
}
