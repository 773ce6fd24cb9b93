package store

import (
	"context"
	"fmt"
	"iter"
	"os"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/filter"
)

// Get returns the documents with the given ids, in their order, and the ids
// that the store does not have.
func (s *Store) Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error) {
	err = s.transaction(ctx, func() error {
		var numbers []int64
		for _, id := range ids {
			n, err := s.find(id)
			if err != nil {
				return err
			}
			if n < 0 {
				missing = append(missing, id)
				continue
			}
			numbers = append(numbers, n)
		}
		docs, err = s.load(numbers, withVectors)
		return err
	})
	return docs, missing, err
}

// find returns the number of the visible document with an id, -1 for none.
func (s *Store) find(id string) (int64, error) {
	found := int64(-1)
	for row, err := range s.conn.Query(`SELECT n FROM document WHERE id = ?`, id) {
		if err != nil {
			return -1, err
		}
		if n := row.Int64(0); s.state.alive(n) {
			found = n
		}
	}
	return found, nil
}

// load reads documents by number. A number without a document is damage: the
// caller took it from the bitmaps of the same transaction.
func (s *Store) load(numbers []int64, withVectors bool) ([]engine.Document, error) {
	docs := make([]engine.Document, len(numbers))
	for i, n := range numbers {
		found := false
		for row, err := range s.conn.Query(selectDocument+`WHERE d.n = ?`, n) {
			if err != nil {
				return nil, err
			}
			found = true
			if _, docs[i], err = scanDocument(row, s.path); err != nil {
				return nil, err
			}
		}
		if !found {
			return nil, damaged(s.path, "document %d is missing", n)
		}
	}
	if !withVectors || len(numbers) == 0 {
		return docs, nil
	}
	flat, file, err := s.openIndex()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return docs, s.state.addVectors(flat, numbers, docs)
}

// addVectors reads the vectors of documents from the index file.
func (st *state) addVectors(flat *faiss.Flat, numbers []int64, docs []engine.Document) error {
	x, err := st.vectors(flat, numbers)
	for i := range docs {
		docs[i].Vector = x[i*st.facts.Dim:][:st.facts.Dim:st.facts.Dim]
	}
	return err
}

// vectors reads len(numbers)*dim numbers from the index file.
func (st *state) vectors(flat *faiss.Flat, numbers []int64) ([]float32, error) {
	rows := make([]int64, len(numbers))
	for i, n := range numbers {
		rows[i] = st.row(n)
	}
	x := make([]float32, len(rows)*st.facts.Dim)
	return x, flat.ReadRows(rows, x)
}

// openIndex opens and checks the index file that the current state names. The
// caller is inside a transaction and closes the file.
func (s *Store) openIndex() (*faiss.Flat, *os.File, error) {
	st, path := s.state, s.indexPath(s.state.indexFile)
	f, err := openIndexFile(path, os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	if err := checkIndex(f, st); err != nil {
		f.Close()
		return nil, nil, err
	}
	flat, err := faiss.NewFlat(f, st.facts.Dim, st.rows, faissMetric(st.facts.Metric))
	if err != nil {
		f.Close()
		return nil, nil, damaged(path, "%v", err)
	}
	return flat, f, nil
}

// listPage is how many documents are read in one transaction.
const listPage = 256

// Documents yields the documents in the order of insertion, page by page: no
// transaction is open while the caller works. With a filter they are those that
// match at the beginning and still do when their page is read.
func (s *Store) Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error] {
	return func(yield func(engine.Document, error) bool) {
		pages, left := pager{store: s, filter: o.Filter}, o.Limit
		for {
			var docs []engine.Document
			err := s.transaction(ctx, func() error {
				numbers, err := pages.next()
				if err != nil {
					return err
				}
				docs, err = s.load(numbers, o.WithVectors)
				return err
			})
			if err != nil {
				yield(engine.Document{}, err)
				return
			}
			for _, d := range docs {
				if !yield(d, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if pages.done {
				return
			}
		}
	}
}

// pager gives the numbers of documents page by page, each in a transaction of
// its own.
type pager struct {
	store      *Store
	filter     *filter.Filter
	first      int64           // where the next page begins
	matched    *roaring.Bitmap // what the filter matched in the first transaction
	generation int64           // of the store in that transaction
	done       bool            // there is no next page
}

func (p *pager) next() ([]int64, error) {
	st := p.store.state
	if p.filter == nil {
		return p.cut(st.present), nil
	}
	if p.matched == nil {
		matched, err := p.store.matching(p.filter, noLimit)
		if err != nil {
			return nil, err
		}
		p.matched, p.generation = matched, st.generation
	}
	numbers := p.cut(p.matched)
	if st.generation == p.generation {
		return numbers, nil
	}
	return p.store.stillMatching(p.filter, numbers)
}

// cut takes the next page out of a bitmap.
func (p *pager) cut(from *roaring.Bitmap) (numbers []int64) {
	numbers, p.first = p.store.state.aliveIn(from, p.first, listPage)
	p.done = len(numbers) < listPage
	return numbers
}

// aliveFrom returns up to limit numbers of visible documents from first on,
// and the number to go on with.
func (st *state) aliveFrom(first int64, limit int) ([]int64, int64) {
	return st.aliveIn(st.present, first, limit)
}

// aliveIn is aliveFrom among some numbers.
func (st *state) aliveIn(from *roaring.Bitmap, first int64, limit int) ([]int64, int64) {
	var numbers []int64
	it := from.Iterator()
	it.AdvanceIfNeeded(uint32(first))
	for len(numbers) < limit && it.HasNext() {
		n := int64(it.Next())
		if first = n + 1; st.alive(n) {
			numbers = append(numbers, n)
		}
	}
	return numbers, first
}

// Sources yields the sources in the order of their first ingest. With a filter
// they are those of which documents match, with the number of these.
func (s *Store) Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error] {
	return func(yield func(engine.SourceInfo, error) bool) {
		var matching map[int64]int64
		if f != nil {
			err := s.transaction(ctx, func() (err error) { matching, err = s.countBySource(f); return err })
			if err != nil {
				yield(engine.SourceInfo{}, err)
				return
			}
		}
		for last := int64(0); ; {
			var page []sourceRow
			err := s.transaction(ctx, func() (err error) { page, last, err = s.sourcePage(last); return err })
			if err != nil {
				yield(engine.SourceInfo{}, err)
				return
			}
			for _, row := range page {
				if f != nil {
					row.Documents = matching[row.number]
				}
				if (f == nil || row.Documents > 0) && !yield(row.SourceInfo, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

type sourceRow struct {
	engine.SourceInfo
	number int64
}

// sourcePage reads up to listPage sources after one, and the number of the last.
func (s *Store) sourcePage(after int64) (page []sourceRow, last int64, err error) {
	const query = `SELECT source, name, documents FROM source WHERE source > ? ORDER BY source LIMIT ?`
	for row, err := range s.conn.Query(query, after, listPage) {
		if err != nil {
			return nil, 0, err
		}
		last = row.Int64(0)
		page = append(page, sourceRow{engine.SourceInfo{Name: row.Text(1), Documents: row.Int64(2)}, last})
	}
	return page, last, nil
}

// Info reads counts and sizes.
func (s *Store) Info(ctx context.Context) (info engine.Info, err error) {
	err = s.transaction(ctx, func() error {
		st := s.state
		info = engine.Info{
			Facts: st.facts, FormatVersion: formatVersion, Normalized: st.unit, Documents: st.documents, DeadRows: st.rows - st.documents,
			IndexType: "IndexFlat", IndexFile: indexName(st.indexFile), CreatedAt: st.created, UpdatedAt: st.updated,
		}
		info.Sources, err = s.conn.Int64(`SELECT count(*) FROM source`)
		return err
	})
	if err != nil {
		return info, fmt.Errorf("reading store %q: %w", s.dir, err)
	}
	info.Bytes, err = s.size()
	return info, err
}
