package store

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sheaf/internal/engine"
)

// Home returns the folder that holds the store in dir: the store's own, where dir
// is a symbolic link to it.
func Home(dir string) (engine.Home, error) {
	dir = filepath.Clean(dir)
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return "", err
		}
	}
	home, err := filepath.Abs(filepath.Dir(dir))
	return engine.Home(home), err
}

// What is read of a store in one transaction: so many documents, or so many
// bytes of their texts, metadata and vectors.
const (
	transferPage  = 1000
	transferBytes = 8 << 20
)

// Snapshot takes the state of the store as it is now. While its documents are
// read no transaction is open between pages; what is added meanwhile does not
// come.
func (s *Store) Snapshot(ctx context.Context) (snap engine.Snapshot, err error) {
	r := transferReader{from: s}
	if r.home, err = Home(s.dir); err == nil {
		err = s.transaction(ctx, func() error {
			snap = engine.Snapshot{Name: s.dir, Facts: s.state.facts, Documents: s.state.documents}
			r.generation, r.count = s.state.generation, s.state.count
			return nil
		})
	}
	if err != nil {
		return snap, fmt.Errorf("reading store %q: %w", s.dir, err)
	}
	snap.Transfers = func(yield func(engine.Transfer, error) bool) { r.transfers(ctx, yield) }
	return snap, nil
}

// transferReader reads the documents of a snapshot.
type transferReader struct {
	from              *Store
	home              engine.Home
	generation, count int64         // of the snapshot
	next              int64         // number of the next document
	source            engine.Source // of the last document
}

// transfers yields all documents. r is a copy, so that they can be read again.
func (r transferReader) transfers(ctx context.Context, yield func(engine.Transfer, error) bool) {
	for {
		page, err := r.page(ctx)
		if err != nil {
			yield(engine.Transfer{}, fmt.Errorf("reading store %q: %w", r.from.dir, err))
			return
		}
		for _, t := range page {
			if !yield(t, nil) {
				return
			}
		}
		if len(page) == 0 {
			return
		}
	}
}

func (r *transferReader) page(ctx context.Context) (page []engine.Transfer, err error) {
	s := r.from
	err = s.transaction(ctx, func() error {
		if r.generation != s.state.generation {
			return errChanged
		}
		numbers, _ := s.state.aliveFrom(r.next, transferPage)
		for len(numbers) > 0 && numbers[len(numbers)-1] >= r.count {
			numbers = numbers[:len(numbers)-1]
		}
		if page, err = r.documents(numbers); err != nil || len(page) == 0 {
			return err
		}
		numbers = numbers[:len(page)]
		r.next = numbers[len(page)-1] + 1
		flat, file, err := s.openIndex()
		if err != nil {
			return err
		}
		defer file.Close()
		x, err := s.state.vectors(flat, numbers)
		for i := range page {
			page[i].Vector = x[i*s.state.facts.Dim:][:s.state.facts.Dim]
		}
		return err
	})
	return page, err
}

// documents reads visible documents, given by rising numbers, in one pass over
// the table: as many of the first as make a page.
func (r *transferReader) documents(numbers []int64) (page []engine.Transfer, err error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	s, size := r.from, 0
	for row, err := range s.conn.Query(selectDocument+`WHERE d.n BETWEEN ? AND ? ORDER BY d.n`, numbers[0], numbers[len(numbers)-1]) {
		if err != nil {
			return nil, err
		}
		if n := row.Int64(0); size >= transferBytes || len(page) == len(numbers) || n != numbers[len(page)] {
			continue
		}
		_, d, err := scanDocument(row, s.path)
		if err != nil {
			return nil, err
		}
		size += len(d.Text) + len(d.Metadata) + 4*s.state.facts.Dim
		page = append(page, engine.Transfer{Document: d, Origin: engine.Origin(row.Int(8))})
	}
	if size < transferBytes && len(page) < len(numbers) {
		return nil, damaged(s.path, "document %d is missing", numbers[len(page)])
	}
	for i := range page {
		if page[i].From, err = r.sourceOf(page[i].Document.Source); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// sourceOf returns the source with a name, with the path of its file for a key.
// Documents that follow one another most often share it.
func (r *transferReader) sourceOf(name string) (engine.Source, error) {
	if r.source.Name == name && r.source.Number != 0 {
		return r.source, nil
	}
	src, found, err := r.from.readSource(`name`, name)
	if err != nil {
		return src, err
	}
	if !found {
		return src, damaged(r.from.path, "source %q is missing", name)
	}
	src.Key = r.home.Path(src.Key)
	r.source = src
	return src, nil
}
