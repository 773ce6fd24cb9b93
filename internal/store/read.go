package store

import (
	"context"
	"fmt"
	"iter"
	"os"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"sheaf/internal/faiss"
)

// Get returns the documents with the given ids, in their order, and the ids
// that the store does not have.
func (s *Store) Get(ctx context.Context, ids []string, withVectors bool) (docs []Document, missing []string, err error) {
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
	err := sqlitex.Execute(s.conn, `SELECT n FROM document WHERE id = ?`, &sqlitex.ExecOptions{
		Args: []any{id},
		ResultFunc: func(stmt *sqlite.Stmt) error {
			if n := stmt.ColumnInt64(0); s.state.alive(n) {
				found = n
			}
			return nil
		},
	})
	return found, err
}

// load reads documents by number. A number without a document is damage: the
// caller took it from the bitmaps of the same transaction.
func (s *Store) load(numbers []int64, withVectors bool) ([]Document, error) {
	docs := make([]Document, len(numbers))
	for i, n := range numbers {
		found := false
		err := sqlitex.Execute(s.conn, selectDocument+`WHERE d.n = ?`, &sqlitex.ExecOptions{
			Args: []any{n},
			ResultFunc: func(stmt *sqlite.Stmt) (err error) {
				found = true
				_, docs[i], err = scanDocument(stmt, s.path)
				return err
			},
		})
		if err != nil {
			return nil, err
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
func (st *state) addVectors(flat *faiss.Flat, numbers []int64, docs []Document) error {
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
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, damaged(path, "%v", err)
	}
	if err := checkIndex(f, st); err != nil {
		f.Close()
		return nil, nil, err
	}
	flat, err := faiss.NewFlat(f, st.facts.Dim, st.rows, st.facts.Metric.faiss())
	if err != nil {
		f.Close()
		return nil, nil, damaged(path, "%v", err)
	}
	return flat, f, nil
}

// ListOptions choose what Documents yields.
type ListOptions struct {
	Limit       int // 0: all
	WithVectors bool
}

// listPage is how many documents are read in one transaction.
const listPage = 256

// Documents yields the documents in the order of insertion, page by page: no
// transaction is open while the caller works.
func (s *Store) Documents(ctx context.Context, o ListOptions) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		next, left := int64(0), o.Limit
		for {
			var docs []Document
			err := s.transaction(ctx, func() (err error) {
				var numbers []int64
				numbers, next = s.state.aliveFrom(next, listPage)
				docs, err = s.load(numbers, o.WithVectors)
				return err
			})
			if err != nil {
				yield(Document{}, err)
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
			if len(docs) < listPage {
				return
			}
		}
	}
}

// aliveFrom returns up to limit numbers of visible documents from first on,
// and the number to go on with.
func (st *state) aliveFrom(first int64, limit int) ([]int64, int64) {
	var numbers []int64
	it := st.present.Iterator()
	it.AdvanceIfNeeded(uint32(first))
	for len(numbers) < limit && it.HasNext() {
		n := it.Next()
		if first = int64(n) + 1; !st.dead.Contains(n) {
			numbers = append(numbers, int64(n))
		}
	}
	return numbers, first
}

// SourceInfo is a source and how many documents it has.
type SourceInfo struct {
	Name      string
	Documents int64
}

// Sources yields the sources in the order of their first ingest.
func (s *Store) Sources(ctx context.Context) iter.Seq2[SourceInfo, error] {
	const query = `SELECT source, name, documents FROM source WHERE source > ? ORDER BY source LIMIT ?`
	return func(yield func(SourceInfo, error) bool) {
		for last := int64(0); ; {
			var page []SourceInfo
			err := s.transaction(ctx, func() error {
				return sqlitex.Execute(s.conn, query, &sqlitex.ExecOptions{
					Args: []any{last, listPage},
					ResultFunc: func(stmt *sqlite.Stmt) error {
						last = stmt.ColumnInt64(0)
						page = append(page, SourceInfo{stmt.ColumnText(1), stmt.ColumnInt64(2)})
						return nil
					},
				})
			})
			if err != nil {
				yield(SourceInfo{}, err)
				return
			}
			for _, info := range page {
				if !yield(info, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// Info tells what a store holds.
type Info struct {
	Facts
	FormatVersion        int
	Normalized           bool // every vector has length 1 (or is zero)
	Documents, Sources   int64
	DeadRows             int64 // rows of the index file that compact would drop
	Bytes                int64 // of all files of the store
	IndexType, IndexFile string
	CreatedAt, UpdatedAt time.Time
}

// Info reads counts and sizes.
func (s *Store) Info(ctx context.Context) (info Info, err error) {
	err = s.transaction(ctx, func() error {
		st := s.state
		info = Info{
			Facts: st.facts, FormatVersion: formatVersion, Normalized: st.unit, Documents: st.documents, DeadRows: st.rows - st.documents,
			IndexType: "IndexFlat", IndexFile: indexName(st.indexFile), CreatedAt: st.created, UpdatedAt: st.updated,
		}
		return sqlitex.Execute(s.conn, `SELECT count(*) FROM source`, &sqlitex.ExecOptions{
			ResultFunc: func(stmt *sqlite.Stmt) error { info.Sources = stmt.ColumnInt64(0); return nil },
		})
	})
	if err != nil {
		return info, fmt.Errorf("reading store %q: %w", s.dir, err)
	}
	info.Bytes, err = s.size()
	return info, err
}
