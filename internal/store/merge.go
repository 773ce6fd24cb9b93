package store

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// Same reports whether two folders are one store. It opens no database: doing so
// twice in one process would drop SQLite's locks.
func Same(a, b string) bool {
	x, err := os.Stat(filepath.Join(a, databaseName))
	if err != nil {
		return false
	}
	y, err := os.Stat(filepath.Join(b, databaseName))
	return err == nil && os.SameFile(x, y)
}

// Merge adds the documents of other stores or files, with their vectors, and
// commits: all of them or, on any error, none. Nothing else may be staged. Facts
// that are given must be the store's, and so must the length of each vector
// (*MismatchError). Where the facts say so, vectors are brought to length 1; those
// that have it stay as they are, bit by bit. Memory grows with the number of
// sources, not of documents. A store that never had a document is built anew, with
// some 40 bytes of memory for each one.
func (w *Writer) Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (engine.Merged, error) {
	empty, err := w.empty(ctx)
	if err != nil {
		return engine.Merged{}, err
	}
	if !empty {
		merged, err := w.merge(ctx, from, policy, func() error { return nil })
		if err != nil {
			err = errors.Join(err, w.drop())
		}
		return merged, err
	}
	b, err := w.newBuilder(ctx)
	if err != nil {
		return engine.Merged{}, err
	}
	merged, err := b.merge(ctx, from, policy, func() error { return b.makeIndexes(ctx) })
	if err == nil {
		err = b.gatherWords(ctx)
	}
	if err != nil {
		return engine.Merged{}, errors.Join(err, b.discard())
	}
	return merged, w.become(ctx, b)
}

// empty reports whether the store never had a document or a source.
func (w *Writer) empty(ctx context.Context) (empty bool, err error) {
	err = w.view(ctx, func(t *tx) error {
		sources, err := t.Int64(`SELECT count(*) FROM source`)
		empty = t.count == 0 && sources == 0
		return err
	})
	return empty, err
}

// merge stages and commits, with a last step before the commit.
func (w *Writer) merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict, last func() error) (merged engine.Merged, err error) {
	home, err := Home(w.dir)
	if err != nil {
		return merged, err
	}
	first := w.next
	given, err := engine.Merge(ctx, &merger{Writer: w, ended: map[string]*mergedSource{}}, home, from, policy, w.progress)
	if err != nil {
		return merged, err
	}
	if err := last(); err != nil {
		return merged, err
	}
	gone := int64(w.doomed.GetCardinality())
	if first > 0 {
		merged.Replaced = int64(w.doomed.Rank(uint32(first - 1)))
	}
	merged.Added = w.next - first - (gone - merged.Replaced)
	merged.Skipped = given - merged.Added
	return merged, w.Commit(ctx)
}

// merger is an engine.Merger.
type merger struct {
	*Writer
	arriving []uint64                 // the terms of the document that arrives
	ended    map[string]*mergedSource // by key: those of earlier phases
}

// mergedSource is a source as a phase left it.
type mergedSource struct {
	engine.Source
	documents *roaring.Bitmap
}

// Begin begins a phase, whose documents are read ahead.
func (m *merger) Begin(_ context.Context, docs iter.Seq2[engine.Transfer, error]) (int64, iter.Seq2[engine.Transfer, error]) {
	return m.next, func(yield func(engine.Transfer, error) bool) {
		for in, err := range ahead(docs, m.terms.finder()) {
			m.arriving = in.terms
			if !yield(in.Transfer, err) {
				return
			}
		}
	}
}

// Holder returns the document that has an id, staged or committed.
func (m *merger) Holder(ctx context.Context, d *engine.Document) (h engine.Holder, found bool, err error) {
	const query = `SELECT d.text, m.json FROM document d JOIN meta m ON m.meta = d.meta WHERE d.n = ?`
	err = m.view(ctx, func(t *tx) error {
		has, err := m.holder(t, d.ID, m.current)
		if err != nil || has.n < 0 {
			return err
		}
		for row, err := range t.Query(query, has.n) {
			if err != nil {
				return err
			}
			h, found = engine.Holder{Number: has.n, Source: has.source, Text: row.Text(0), Metadata: row.Text(1)}, true
		}
		return nil
	})
	return h, found, err
}

// SourceByKey returns a source as earlier phases left it.
func (m *merger) SourceByKey(ctx context.Context, key string) (engine.Source, bool, error) {
	if s := m.ended[key]; s != nil {
		return s.Source, true, nil
	}
	return m.Writer.SourceByKey(ctx, key)
}

// Arrive begins to replace what the store has of a source.
func (m *merger) Arrive(ctx context.Context, src engine.Source) (engine.Arrival, error) {
	if s := m.ended[src.Key]; s != nil {
		return &arrival{m.replace(src, roaring.AndNot(s.documents, m.doomed)), m}, nil
	}
	r, err := m.beginReplacement(ctx, src)
	return &arrival{r, m}, err
}

// End ends a phase.
func (m *merger) End(ctx context.Context, stolen *roaring.Bitmap, ended []int64) error {
	counted := make(map[int64]bool, len(ended))
	for _, number := range ended {
		counted[number] = true
	}
	return m.withdraw(ctx, stolen, counted)
}

// arrival is an engine.Arrival.
type arrival struct {
	*replacement
	merger *merger
}

// Source is the source as the store knows it.
func (a *arrival) Source() engine.Source {
	src := a.source
	src.Documents = int64(a.old.GetCardinality())
	return src
}

// Add stages a document. From now on none but it has the id.
func (a *arrival) Add(ctx context.Context, t *engine.Transfer, x []float32, old int64) error {
	if old >= 0 {
		a.w.doomed.Add(uint32(old))
	}
	return a.add(ctx, &reading{*t, a.merger.arriving}, x)
}

// End ends the source. One without documents is not kept.
func (a *arrival) End(src engine.Source, kept *roaring.Bitmap) {
	if a.kept = kept; kept == nil {
		a.kept = a.old
	}
	a.Done(src)
	last := &a.w.sources[len(a.w.sources)-1]
	last.gone = last.documents == 0
	a.merger.ended[a.source.Key] = &mergedSource{a.source, roaring.Or(a.kept, a.added)}
}
