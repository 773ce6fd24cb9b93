package store

import (
	"context"
	"fmt"
	"io"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// What is read of a store in one transaction: so many documents, or so many
// bytes of their texts, metadata and vectors.
const (
	transferPage  = 1000
	transferBytes = 8 << 20
)

// Snapshot takes the state of the store as it is now, whatever is written while its
// documents are read. It is valid until the store is closed. Damaged vectors are a
// *FormatError: a copy of them would look sound.
func (s *Store) Snapshot(ctx context.Context) (snap engine.Snapshot, err error) {
	var r transferReader
	if r.home, err = Home(s.dir); err == nil {
		err = s.verifyVectors(ctx)
	}
	if err == nil {
		err = s.view(ctx, func(t *tx) (err error) {
			if r.vectors, err = openVectors(s.dir, t.state); err != nil {
				return err
			}
			s.keep(r.vectors)
			frozen, err := s.freeze(ctx, t)
			if err != nil {
				return err
			}
			s.keep(frozen)
			r.from = &Store{dir: s.dir, session: frozen}
			snap = engine.Snapshot{Name: s.dir, Facts: t.facts, Documents: t.state.documents}
			return nil
		})
	}
	if err != nil {
		return snap, fmt.Errorf("reading store %q: %w", s.dir, err)
	}
	snap.Transfers = func(yield func(engine.Transfer, error) bool) { r.transfers(ctx, yield) }
	return snap, nil
}

// keep closes c with the store.
func (s *Store) keep(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, c)
}

// transferReader reads the documents of a snapshot.
type transferReader struct {
	from    *Store // reads the state of the snapshot
	home    engine.Home
	vectors vectors
	numbers roaring.IntPeekable // of the documents that were not read yet; nil before the first page
	source  engine.Source       // of the last document
}

// transfers yields all documents. r is a copy, so that they can be read again.
func (r transferReader) transfers(ctx context.Context, yield func(engine.Transfer, error) bool) {
	for t, err := range whole(ctx, r.from, r.page) {
		if err != nil {
			err = fmt.Errorf("reading store %q: %w", r.from.dir, err)
		}
		if !yield(t, err) {
			return
		}
	}
}

func (r *transferReader) page(t *tx) (page []engine.Transfer, more bool, err error) {
	if r.numbers == nil {
		r.numbers = roaring.AndNot(t.present, t.dead).Iterator()
	}
	numbers := take(r.numbers, transferPage)
	if len(numbers) == 0 {
		return nil, false, nil
	}
	size := 0
	for row, err := range t.Query(selectDocument+`WHERE d.n BETWEEN ? AND ? ORDER BY d.n`, numbers[0], numbers[len(numbers)-1]) {
		if err != nil {
			return nil, false, err
		}
		if size >= transferBytes || len(page) == len(numbers) {
			break
		}
		if row.Int64(0) != numbers[len(page)] {
			continue
		}
		_, d, err := scanDocument(row, t.path)
		if err != nil {
			return nil, false, err
		}
		size += len(d.Text) + len(d.Metadata.JSON()) + 4*t.facts.Dim
		page = append(page, engine.Transfer{Document: d, Origin: engine.Origin(row.Int(8))})
	}
	if size < transferBytes && len(page) < len(numbers) {
		return nil, false, damaged(t.path, "document %d is missing", numbers[len(page)])
	}
	if len(page) < len(numbers) { // the others are read again
		r.numbers = roaring.AndNot(t.present, t.dead).Iterator()
		r.numbers.AdvanceIfNeeded(uint32(numbers[len(page)]))
		numbers = numbers[:len(page)]
	}
	for i := range page {
		if page[i].From, err = r.sourceOf(t, page[i].Document.Source); err != nil {
			return nil, false, err
		}
	}
	x, err := r.vectors.of(t.state, numbers)
	for i := range page {
		page[i].Vector = x[i*t.facts.Dim:][:t.facts.Dim]
	}
	return page, r.numbers.HasNext(), err
}

// sourceOf returns the source with a name, with the path of its file for a key.
// Documents that follow one another most often share it.
func (r *transferReader) sourceOf(t *tx, name string) (engine.Source, error) {
	if r.source.Name == name && r.source.Number != 0 {
		return r.source, nil
	}
	src, found, err := t.source(`name`, name)
	if err != nil {
		return src, err
	}
	if !found {
		return src, damaged(t.path, "source %q is missing", name)
	}
	src.Key = r.home.Path(src.Key)
	r.source = src
	return src, nil
}
