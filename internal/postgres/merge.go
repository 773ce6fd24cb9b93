package postgres

import (
	"context"
	"fmt"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// Merge adds the documents of other stores or files, with their vectors, and commits: all
// of them or, on any error, none. It decides as package store does, and keeps in memory
// what grows with the number of sources.
func (w *Writer) Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (merged engine.Merged, err error) {
	if err := w.flush(ctx); err != nil {
		return merged, err
	}
	m := &merge{w: w, policy: policy, first: w.next, turn: w.ids.Now(), empty: w.next == firstNumber, bare: w.source == 1}
	defer func() {
		if err != nil {
			w.drop(ctx)
		}
	}()
	for _, snap := range from {
		if err := m.snapshot(ctx, snap); err != nil {
			return merged, err
		}
	}
	err = w.do(ctx, func(c *conn) error {
		const count = `SELECT count(*) FILTER (WHERE n >= $1), (SELECT documents FROM {facts}) - count(*) FILTER (WHERE n < $1) FROM {documents}`
		for r, err := range c.query(ctx, count, m.first) {
			if err != nil {
				return err
			}
			merged = engine.Merged{Added: r.int(0), Skipped: m.given - r.int(0), Replaced: r.int(1)}
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

// merge is one merge on its way. A phase merges the documents of one other store; those of
// earlier phases are, for it, the store's own.
type merge struct {
	w      *Writer
	policy engine.OnConflict
	given  int64 // documents so far
	first  int64 // number of the first document that it stages
	turn   int   // of the writer's ids
	empty  bool  // the store never had a document
	bare   bool  // nor a source

	begin    int64                     // number of the first document of this phase
	arrivals map[string]*arrival       // by key: the sources of this phase
	names    map[string]bool           // of those that are new
	matched  map[int64]*roaring.Bitmap // by source: documents that arrived again
	stolen   *roaring.Bitmap           // documents that gave their ids to another source's
	known    map[string]stored         // by id: documents that were looked up
}

// arrival is a source that documents arrive for.
type arrival struct {
	*replacement
	from engine.Source // as the documents bring it
}

// contested reports whether the store has documents of the source.
func (a *arrival) contested() bool { return a.source.Documents > 0 }

// stored is a document of the store; its number is -1 for none.
type stored struct {
	n, source int64
	text      string
	metadata  string
}

// mergePage is how many documents are looked up together.
const mergePage = 1024

// snapshot merges one of them.
func (m *merge) snapshot(ctx context.Context, snap engine.Snapshot) (err error) {
	if snap.Facts != (engine.Facts{}) {
		err = m.w.state.Agree(snap.Facts)
	}
	if err == nil {
		err = m.phase(ctx, engine.Home("").Adopt(snap.Transfers))
	}
	if err != nil && snap.Name != "" {
		err = fmt.Errorf("merging %q: %w", snap.Name, err)
	}
	return err
}

func (m *merge) phase(ctx context.Context, docs iter.Seq2[engine.Transfer, error]) error {
	m.arrivals, m.names, m.begin = map[string]*arrival{}, map[string]bool{}, m.w.next
	m.matched, m.stolen = map[int64]*roaring.Bitmap{}, roaring.New()
	var page []engine.Transfer
	for t, err := range docs {
		if err != nil {
			return err
		}
		if page = append(page, t); len(page) == mergePage {
			if err := m.addPage(ctx, page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	if err := m.addPage(ctx, page); err != nil {
		return err
	}
	return m.end(ctx)
}

// addPage merges some documents, whose ids it looks up at once.
func (m *merge) addPage(ctx context.Context, page []engine.Transfer) error {
	var ids, asked []string
	for _, t := range page {
		ids = append(ids, t.ID)
	}
	if m.empty {
		m.w.ids.Learn(m.turn, ids)
	}
	m.known = map[string]stored{}
	for _, id := range ids {
		if m.known[id] = (stored{n: -1}); !m.w.ids.Has(id) {
			asked = append(asked, id)
		}
	}
	if err := m.lookUp(ctx, asked); err != nil {
		return err
	}
	for i := range page {
		if err := m.add(ctx, &page[i]); err != nil {
			return err
		}
	}
	return nil
}

// lookUp finds the documents that have the ids. Of two with one id the newer one counts.
func (m *merge) lookUp(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := m.w.flush(ctx); err != nil {
		return err
	}
	return m.w.do(ctx, func(c *conn) error {
		for r, err := range c.query(ctx, `SELECT id, n, source, text, verbatim FROM {documents} WHERE id = ANY ($1) ORDER BY n`, storable(ids)) {
			if err != nil {
				return err
			}
			m.known[r.text(0)] = stored{r.int(1), r.int(2), r.text(3), r.text(4)}
		}
		return nil
	})
}

// holder returns the document that has an id.
func (m *merge) holder(ctx context.Context, id string) (stored, error) {
	if _, looked := m.known[id]; !looked {
		m.known[id] = stored{n: -1}
		if err := m.lookUp(ctx, []string{id}); err != nil {
			return stored{}, err
		}
	}
	return m.known[id], nil
}

// add merges one document.
func (m *merge) add(ctx context.Context, t *engine.Transfer) error {
	m.given++
	m.w.progress(1)
	x, err := m.w.state.Vector(t.Vector)
	switch {
	case err != nil:
		return fmt.Errorf("id %q: %w", t.ID, err)
	case t.ID == "":
		return fmt.Errorf("a document of source %q has no id", t.From.Name)
	}
	if err := m.w.state.check(&t.Document); err != nil {
		return err
	}
	a, err := m.arrivalOf(ctx, t.From)
	if err != nil {
		return err
	}
	if take, err := m.decide(ctx, a, t); err != nil || !take {
		return err
	}
	if a.contested() && m.policy == engine.OnConflictFail {
		return &engine.ConflictError{Source: a.source.Name}
	}
	delete(m.known, t.ID)
	a.added++
	return m.w.add(ctx, a.source.Number, &t.Document, x, t.Origin)
}

// arrivalOf returns what is known of a document's source. Where the name of a new one is
// another source's, it gets one of its own.
func (m *merge) arrivalOf(ctx context.Context, from engine.Source) (*arrival, error) {
	if a := m.arrivals[from.Key]; a != nil {
		return a, nil
	}
	src, found, err := m.source(ctx, `key`, from.Key)
	if err != nil {
		return nil, err
	}
	if !found {
		src = from
		src.Number, src.Documents = 0, 0
		src.Name, err = engine.Home("").FreeName(from.Name, from.Key, func(name string) (bool, error) {
			_, stored, err := m.source(ctx, `name`, name)
			return stored || m.names[name], err
		})
		if err != nil {
			return nil, err
		}
		m.names[src.Name] = true
	}
	a := &arrival{replacement: m.w.replace(src), from: from}
	a.first = m.begin
	m.arrivals[from.Key] = a
	return a, nil
}

// source returns a source, staged ones included, that has a key or a name.
func (m *merge) source(ctx context.Context, column, value string) (found engine.Source, there bool, err error) {
	if err := checkKey("source", value); err != nil || m.bare && m.begin == m.first { // to ask would wait for what is on its way
		return found, false, err
	}
	err = m.w.do(ctx, func(c *conn) error {
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

// decide reports whether a document is to be staged for a: under another id where the
// policy gives it one.
func (m *merge) decide(ctx context.Context, a *arrival, t *engine.Transfer) (bool, error) {
	for {
		h, err := m.holder(ctx, t.ID)
		if err != nil || h.n < 0 {
			return err == nil, err
		}
		if h.text == t.Text && h.metadata == t.Metadata.String() {
			if m.matched[h.source] == nil {
				m.matched[h.source] = roaring.New()
			}
			m.matched[h.source].Add(uint32(h.n))
			return false, nil
		}
		if again := m.matched[h.source]; h.n >= m.begin || again != nil && again.Contains(uint32(h.n)) {
			return false, fmt.Errorf("id %q: %w, with another text or metadata", t.ID, engine.ErrDuplicateID)
		}
		switch m.policy {
		case engine.OnConflictFail:
			return false, &engine.ConflictError{ID: t.ID, Source: t.From.Name}
		case engine.OnConflictSkip:
			return false, nil
		case engine.OnConflictReplace:
			if h.source != a.source.Number {
				m.stolen.Add(uint32(h.n))
			}
			return true, nil
		}
		t.ID = engine.RenamedID(&t.Document)
	}
}

// end decides about the sources of a phase once all documents have arrived.
func (m *merge) end(ctx context.Context) error {
	var ended []int64
	for _, a := range m.arrivals {
		if err := m.endOne(a); err != nil {
			return err
		}
		ended = append(ended, a.source.Number)
	}
	if err := m.w.flush(ctx); err != nil {
		return err
	}
	return m.w.do(ctx, func(c *conn) error {
		if err := m.w.delete(ctx, c, m.stolen); err != nil {
			return err
		}
		return c.exec(ctx, `DELETE FROM {sources} WHERE documents = 0 AND source = ANY ($1)`, ended)
	})
}

func (m *merge) endOne(a *arrival) error {
	if again := m.matched[a.source.Number]; again != nil {
		again.RemoveRange(uint64(m.begin), maxNumber+1) // those that came with this phase
		a.kept = again
	}
	final := a.from
	final.Key, final.Name, final.Number = a.source.Key, a.source.Name, a.source.Number
	switch {
	case !a.contested() || m.policy == engine.OnConflictReplace:
	case m.policy == engine.OnConflictFail && int64(a.kept.GetCardinality()) != a.source.Documents: // nothing was added: see add
		return &engine.ConflictError{Source: a.source.Name}
	case m.policy == engine.OnConflictSkip || a.added == 0:
		a.Abandon()
		return nil
	default: // what it had stays, and the file holds neither the one nor the other
		final = a.source
		final.Hash, final.Documents = nil, a.source.Documents+a.added
		delete(m.w.open, a.replacement)
		m.w.ended = append(m.w.ended, source{final})
		return nil
	}
	a.Done(final)
	return nil
}
