package weaviate

import (
	"context"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// Merge adds the documents of other stores or files, with their vectors, and commits: all
// of them or, on any error, none.
func (w *Writer) Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (merged engine.Merged, err error) {
	m := &merger{Writer: w}
	m.Holders = engine.Holders{LookUp: m.lookUpIDs, Free: &w.ids, Page: mergePage, Empty: w.next == firstNumber}
	defer func() {
		if err != nil {
			clear(w.open)
			w.rows, w.size = nil, 0
			w.reset()
		}
	}()
	given, err := engine.Merge(ctx, m, "", from, policy, w.progress)
	if err != nil {
		return merged, err
	}
	before := w.base.Load().Documents
	if err := w.Commit(ctx); err != nil {
		return merged, err
	}
	after := w.base.Load().Documents
	merged.Added = int64(after.GetCardinality() - after.AndCardinality(before.Bitmap))
	merged.Replaced = int64(before.GetCardinality() - after.AndCardinality(before.Bitmap))
	merged.Skipped = given - merged.Added
	return merged, nil
}

// merger is an engine.Merger.
type merger struct {
	*Writer
	engine.Holders
	byKey, byName map[string]int64 // the sources of earlier phases and of the store
}

// mergePage is how many documents are looked up together.
const mergePage = 1000

// Begin begins a phase.
func (m *merger) Begin(ctx context.Context, docs iter.Seq2[engine.Transfer, error]) (int64, iter.Seq2[engine.Transfer, error]) {
	m.byKey, m.byName = map[string]int64{}, map[string]int64{}
	for number, src := range m.draft {
		m.byKey[src.Key], m.byName[src.Name] = number, number
	}
	return int64(m.next), m.Ahead(ctx, docs)
}

// lookUpIDs finds the documents that have the ids. Of two with one id the newer one counts.
func (m *merger) lookUpIDs(ctx context.Context, ids []string) (map[string]engine.Holder, error) {
	if err := m.flush(ctx); err != nil {
		return nil, err
	}
	rows, err := m.lookUp(ctx, "docId", storable(ids), "docId text metadata source")
	found := map[string]engine.Holder{}
	for _, r := range rows {
		if m.has(&r) && found[r.properties.ID].Number < int64(r.number) {
			found[r.properties.ID] = engine.Holder{Number: int64(r.number), Source: r.Source, Text: r.Text, Metadata: r.Metadata}
		}
	}
	return found, err
}

// SourceByKey returns the source with a key, staged or committed.
func (m *merger) SourceByKey(_ context.Context, key string) (engine.Source, bool, error) {
	return m.sourceOf(m.byKey, key)
}

// SourceByName returns the source with a name, staged or committed.
func (m *merger) SourceByName(_ context.Context, name string) (engine.Source, bool, error) {
	return m.sourceOf(m.byName, name)
}

func (m *merger) sourceOf(numbers map[string]int64, value string) (engine.Source, bool, error) {
	number, found := numbers[value]
	if err := checkKey("source", value); err != nil || !found {
		return engine.Source{}, false, err
	}
	return m.draft[number].shown(), true, nil
}

// Arrive begins to replace what the store has of a source.
func (m *merger) Arrive(_ context.Context, src engine.Source) (engine.Arrival, error) {
	return arrival{m.replace(src), m}, nil
}

// End ends a phase.
func (m *merger) End(_ context.Context, stolen *roaring.Bitmap, ended []int64) error {
	m.delete(stolen)
	for _, number := range ended {
		if src := m.draft[number]; src != nil && src.Numbers.IsEmpty() {
			m.drop(number)
		}
	}
	return nil
}

// arrival is an engine.Arrival.
type arrival struct {
	*replacement
	merger *merger
}

// Source is the source as the store knows it.
func (a arrival) Source() engine.Source { return a.source }

// Add stages a document.
func (a arrival) Add(ctx context.Context, t *engine.Transfer, x []float32, _ int64) error {
	if err := check(&t.Document); err != nil {
		return err
	}
	a.merger.Added(&t.Document)
	return a.add(ctx, &t.Document, x, t.Origin)
}

// End ends the source.
func (a arrival) End(src engine.Source, kept *roaring.Bitmap) {
	if a.kept = kept; kept == nil {
		a.kept = a.before
	}
	a.Done(src)
}
