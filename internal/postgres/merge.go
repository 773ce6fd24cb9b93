package postgres

import (
	"context"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// Merge adds the documents of other stores or files, with their vectors, and commits: all
// of them or, on any error, none.
func (w *Writer) Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (merged engine.Merged, err error) {
	if err := w.flush(ctx); err != nil {
		return merged, err
	}
	first := w.next
	m := &merger{Writer: w, bare: w.source == 1}
	m.Holders = engine.Holders{LookUp: m.lookUp, Free: &w.ids, Page: mergePage, Empty: first == firstNumber}
	defer func() {
		if err != nil {
			w.drop(ctx)
		}
	}()
	given, err := engine.Merge(ctx, m, "", from, policy, w.progress)
	if err != nil {
		return merged, err
	}
	err = w.do(ctx, func(c *conn) error {
		const count = `SELECT count(*) FILTER (WHERE n >= $1), (SELECT documents FROM {facts}) - count(*) FILTER (WHERE n < $1) FROM {documents}`
		for r, err := range c.query(ctx, count, first) {
			if err != nil {
				return err
			}
			merged = engine.Merged{Added: r.int(0), Skipped: given - r.int(0), Replaced: r.int(1)}
		}
		return nil
	})
	if err != nil {
		return engine.Merged{}, err
	}
	w.changes = w.changes || merged.Replaced > 0
	return merged, w.Commit(ctx)
}

// drop takes back what was staged.
func (w *Writer) drop(ctx context.Context) {
	if w.failure == nil {
		w.failure = w.copying.wait()
	}
	if w.failure == nil && w.begun {
		_, w.failure = w.tx.script(context.WithoutCancel(ctx), `ROLLBACK`)
	}
	w.begun, w.changes, w.pending, w.tokens, w.ended, w.rows = false, false, 0, 0, nil, rows{}
	clear(w.open)
}

// merger is an engine.Merger.
type merger struct {
	*Writer
	engine.Holders
	bare bool // the store never had a source, and this is the first phase
}

// mergePage is how many documents are looked up together.
const mergePage = 1024

// Begin begins a phase.
func (m *merger) Begin(ctx context.Context, docs iter.Seq2[engine.Transfer, error]) (int64, iter.Seq2[engine.Transfer, error]) {
	return m.next, m.Ahead(ctx, docs)
}

// lookUp finds the documents that have the ids. Of two with one id the newer one counts.
func (m *merger) lookUp(ctx context.Context, ids []string) (map[string]engine.Holder, error) {
	if err := m.flush(ctx); err != nil {
		return nil, err
	}
	found := map[string]engine.Holder{}
	err := m.do(ctx, func(c *conn) error {
		for r, err := range c.query(ctx, `SELECT id, n, source, text, verbatim FROM {documents} WHERE id = ANY ($1) ORDER BY n`, storable(ids)) {
			if err != nil {
				return err
			}
			found[r.text(0)] = engine.Holder{Number: r.int(1), Source: r.int(2), Text: r.text(3), Metadata: r.text(4)}
		}
		return nil
	})
	return found, err
}

// SourceByKey returns the source with a key, staged or committed.
func (m *merger) SourceByKey(ctx context.Context, key string) (engine.Source, bool, error) {
	return m.source(ctx, `key`, key)
}

// SourceByName returns the source with a name, staged or committed.
func (m *merger) SourceByName(ctx context.Context, name string) (engine.Source, bool, error) {
	return m.source(ctx, `name`, name)
}

func (m *merger) source(ctx context.Context, column, value string) (found engine.Source, there bool, err error) {
	if err := checkKey("source", value); err != nil || m.bare { // to ask would wait for what is on its way
		return found, false, err
	}
	err = m.do(ctx, func(c *conn) error {
		for src, err := range c.sources(ctx, `WHERE `+column+` = $1`, value) {
			if err != nil {
				return err
			}
			found, there = src, true
		}
		return nil
	})
	return found, there, err
}

// Arrive begins to replace what the store has of a source.
func (m *merger) Arrive(_ context.Context, src engine.Source) (engine.Arrival, error) {
	return arrival{m.replace(src), m}, nil
}

// End ends a phase.
func (m *merger) End(ctx context.Context, stolen *roaring.Bitmap, ended []int64) error {
	m.bare = false
	if err := m.flush(ctx); err != nil {
		return err
	}
	return m.do(ctx, func(c *conn) error {
		if err := m.delete(ctx, c, stolen); err != nil {
			return err
		}
		return c.exec(ctx, `DELETE FROM {sources} WHERE documents = 0 AND source = ANY ($1)`, ended)
	})
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
	if err := a.w.state.check(&t.Document); err != nil {
		return err
	}
	a.merger.Added(&t.Document)
	a.added++
	return a.w.add(ctx, a.source.Number, &t.Document, x, t.Origin)
}

// End ends the source.
func (a arrival) End(src engine.Source, kept *roaring.Bitmap) {
	if kept != nil {
		a.kept = kept
		a.Done(src)
		return
	}
	src.Documents = a.source.Documents + a.added
	delete(a.w.open, a.replacement)
	a.w.ended = append(a.w.ended, source{src})
}
