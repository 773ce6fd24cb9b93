//go:build cgo

package faiss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"runtime"
	"slices"

	"sheaf/internal/kernel"
	"sheaf/internal/vector"
)

// Flat is a read-only view of the first rows of an IndexFlat file. It holds no memory that
// grows with the file and reads by pread only, so a file that is cut or replaced while it
// is searched is an error, never a crash. Any number of goroutines may use it at once.
type Flat struct {
	file *os.File
	rows int64
	math arithmetic
}

// NewFlat returns a view of the first rows rows of f, which must hold a header and at least
// rows*d floats: the size of f is checked, the header is not. The caller closes f.
func NewFlat(f *os.File, d int, rows int64, m Metric) (*Flat, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("index %q: %w", f.Name(), err)
	}
	if d < 1 || d > math.MaxInt32 || rows < 0 || rows > maxRows(d) {
		return nil, fmt.Errorf("index %q: %d rows of dim %d", f.Name(), rows, d)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if need := HeaderSize + vector.Size*int64(d)*rows; info.Size() < need {
		return nil, fmt.Errorf("index %q: %d bytes, need %d for %d rows of dim %d: %w",
			f.Name(), info.Size(), need, rows, d, io.ErrUnexpectedEOF)
	}
	return &Flat{file: f, rows: rows, math: arithmetic{level: kernel.Chosen(), metric: m, d: d}}, nil
}

// Search holds the arguments of [Flat.Search].
type Search struct {
	K       int      // hits for each query, at least 1
	Skip    []uint64 // bit r set: row r is passed over; rows past its end are not
	Threads int      // goroutines at most; 0 means GOMAXPROCS
}

// Hit is a row and its score: the squared L2 distance or the inner product.
type Hit struct {
	Row   int64
	Score float32
}

// Search returns for each of the n queries (len(queries) is n*d, all finite) its s.K best
// rows, best first: the lowest distance or the highest product, equal scores by lower row.
// There are fewer where fewer rows qualify. A row whose score is NaN never qualifies. The
// answer is exact: no row that is left out is better than one that is in it.
//
// For a given [kernel.Level] a score has the same bits whatever the row's place, the number of
// queries, k and threads, and so hits are the same too.
func (f *Flat) Search(ctx context.Context, queries []float32, s Search) ([][]Hit, error) {
	n, err := f.checkSearch(queries, s)
	if err != nil {
		return nil, fmt.Errorf("searching index %q: %w", f.file.Name(), err)
	}
	p := f.plan(s)
	hits := make([][]Hit, 0, n)
	for group := range slices.Chunk(queries, MaxQueries*f.math.d) {
		found, err := f.searchGroup(ctx, group, p)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
	}
	return hits, nil
}

func (f *Flat) checkSearch(queries []float32, s Search) (int, error) {
	if s.K < 1 {
		return 0, fmt.Errorf("k is %d", s.K)
	}
	if s.Threads < 0 {
		return 0, fmt.Errorf("threads is %d", s.Threads)
	}
	return vector.CheckRows(queries, f.math.d)
}

// pass says how the rows are read for a search.
type pass struct {
	k       int // at most the number of rows
	threads int
	skip    []uint64
	list    []int64 // when not nil, only these rows are read, one by one
	first   int64   // rows before it are not read
}

// Where at most one row in gatherRatio is wanted, reading each by itself takes less time
// than reading all.
const gatherRatio = 16

// Few reports whether skip leaves so few rows that Search reads each by itself.
func (f *Flat) Few(skip []uint64) bool {
	return len(skip) > 0 && f.rows-skippedRows(skip, f.rows) <= f.rows/gatherRatio
}

// plan chooses how to read the rows for s.
func (f *Flat) plan(s Search) pass {
	p := pass{threads: s.Threads, skip: s.Skip}
	if p.threads == 0 {
		p.threads = runtime.GOMAXPROCS(0)
	}
	wanted := f.rows - skippedRows(s.Skip, f.rows)
	if f.Few(s.Skip) {
		p.list, p.skip = f.listRows(s.Skip, wanted), nil
	}
	p.k = int(min(int64(s.K), wanted))
	return p
}

// skippedRows returns how many of the first rows rows are skipped.
func skippedRows(skip []uint64, rows int64) (n int64) {
	for i, word := range skip {
		left := rows - 64*int64(i)
		if left <= 0 {
			break
		}
		if left < 64 {
			word &= 1<<left - 1
		}
		n += int64(bits.OnesCount64(word))
	}
	return n
}

// listRows returns the n rows that are not skipped, rising. It is never nil.
func (f *Flat) listRows(skip []uint64, n int64) []int64 {
	list := make([]int64, 0, n)
	for first := int64(0); first < f.rows; first += 64 {
		word := ^uint64(0)
		if i := first / 64; i < int64(len(skip)) {
			word = ^skip[i]
		}
		for ; word != 0; word &= word - 1 {
			if row := first + int64(bits.TrailingZeros64(word)); row < f.rows {
				list = append(list, row)
			}
		}
	}
	return list
}

func (f *Flat) checkRow(row int64) error {
	if row < 0 || row >= f.rows {
		return fmt.Errorf("row %d of %d", row, f.rows)
	}
	return nil
}

// ReadRows reads the given rows, in any order, into dst (len(rows)*d floats).
func (f *Flat) ReadRows(rows []int64, dst []float32) error {
	if len(dst) != len(rows)*f.math.d {
		return fmt.Errorf("reading index %q: %d floats for %d rows of dim %d",
			f.file.Name(), len(dst), len(rows), f.math.d)
	}
	for _, row := range rows {
		if err := f.checkRow(row); err != nil {
			return fmt.Errorf("reading index %q: %w", f.file.Name(), err)
		}
	}
	b, size := vector.Bytes(dst), f.math.rowBytes()
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n] == rows[n-1]+1 {
			n++
		}
		if err := f.read(rows[0], b[:n*size]); err != nil {
			return err
		}
		rows, b = rows[n:], b[n*size:]
	}
	return nil
}

// read fills b with whole rows from row first on.
func (f *Flat) read(first int64, b []byte) error {
	off := HeaderSize + first*int64(f.math.rowBytes())
	n, err := f.file.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("index %q: ends at byte %d: %w", f.file.Name(), off+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}
