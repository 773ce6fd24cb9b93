package weaviate

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
	m := &merge{w: w, policy: policy, turn: w.ids.Now(), empty: w.next == firstNumber}
	defer func() {
		if err != nil {
			clear(w.open)
			w.rows, w.size = nil, 0
			w.reset()
		}
	}()
	for _, snap := range from {
		if err := m.snapshot(ctx, snap); err != nil {
			return merged, err
		}
	}
	before := w.base.Load().Documents
	if err := w.Commit(ctx); err != nil {
		return merged, err
	}
	after := w.base.Load().Documents
	merged.Added = int64(after.GetCardinality() - after.AndCardinality(before.Bitmap))
	merged.Replaced = int64(before.GetCardinality() - after.AndCardinality(before.Bitmap))
	merged.Skipped = m.given - merged.Added
	return merged, nil
}

// merge is one merge on its way. A phase merges the documents of one other store; those of
// earlier phases are, for it, the store's own.
type merge struct {
	w      *Writer
	policy engine.OnConflict
	given  int64 // documents so far
	turn   int   // of the writer's ids
	empty  bool  // the store never had a document

	begin    uint32              // number of the first document of this phase
	arrivals map[string]*arrival // by key: the sources of this phase
	names    map[string]bool     // of those that are new
	byKey    map[string]int64    // the sources of earlier phases and of the store
	byName   map[string]bool
	matched  map[int64]*roaring.Bitmap // by source: documents that arrived again
	stolen   *roaring.Bitmap           // documents that gave their ids to another source's
	known    map[string]*row           // by id: documents that were looked up; nil: none has it
}

// arrival is a source that documents arrive for.
type arrival struct {
	*replacement
	from engine.Source // as the documents bring it
}

// contested reports whether the store has documents of the source.
func (a *arrival) contested() bool { return !a.before.IsEmpty() }

// mergePage is how many documents are looked up together.
const mergePage = 1000

// snapshot merges one of them.
func (m *merge) snapshot(ctx context.Context, snap engine.Snapshot) (err error) {
	if snap.Facts != (engine.Facts{}) {
		err = m.w.facts.Agree(snap.Facts)
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
	m.byKey, m.byName = map[string]int64{}, map[string]bool{}
	for number, src := range m.w.draft {
		m.byKey[src.Key], m.byName[src.Name] = number, true
	}
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
	return m.end()
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
	m.known = map[string]*row{}
	for _, id := range ids {
		if m.known[id] = nil; !m.w.ids.Has(id) {
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
	rows, err := m.w.lookUp(ctx, "docId", storable(ids), "docId text metadata source "+fieldsNumber)
	for _, r := range rows {
		if known := m.known[r.properties.ID]; m.w.has(&r) && (known == nil || known.number < r.number) {
			m.known[r.properties.ID] = &r
		}
	}
	return err
}

// holder returns the document that has an id, nil where none has.
func (m *merge) holder(ctx context.Context, id string) (*row, error) {
	if _, looked := m.known[id]; !looked {
		m.known[id] = nil
		if err := m.lookUp(ctx, []string{id}); err != nil {
			return nil, err
		}
	}
	return m.known[id], nil
}

// add merges one document.
func (m *merge) add(ctx context.Context, t *engine.Transfer) error {
	m.given++
	m.w.progress(1)
	x, err := m.w.facts.Vector(t.Vector)
	switch {
	case err != nil:
		return fmt.Errorf("id %q: %w", t.ID, err)
	case t.ID == "":
		return fmt.Errorf("a document of source %q has no id", t.From.Name)
	}
	if err := check(&t.Document); err != nil {
		return err
	}
	a, err := m.arrivalOf(t.From)
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
	return a.add(ctx, &t.Document, x, t.Origin)
}

// arrivalOf returns what is known of a document's source. Where the name of a new one is
// another source's, it gets one of its own.
func (m *merge) arrivalOf(from engine.Source) (*arrival, error) {
	if a := m.arrivals[from.Key]; a != nil {
		return a, nil
	}
	if err := checkKey("source", from.Key); err != nil {
		return nil, err
	}
	src := from
	if number, found := m.byKey[from.Key]; found {
		src = m.w.draft[number].shown()
	} else {
		src.Number = 0
		var err error
		src.Name, err = engine.Home("").FreeName(from.Name, from.Key, func(name string) (bool, error) {
			return m.byName[name] || m.names[name], checkKey("source", name)
		})
		if err != nil {
			return nil, err
		}
		m.names[src.Name] = true
	}
	a := &arrival{replacement: m.w.replace(src), from: from}
	m.arrivals[from.Key] = a
	return a, nil
}

// decide reports whether a document is to be staged for a: under another id where the
// policy gives it one.
func (m *merge) decide(ctx context.Context, a *arrival, t *engine.Transfer) (bool, error) {
	for {
		h, err := m.holder(ctx, t.ID)
		if err != nil || h == nil {
			return err == nil, err
		}
		if h.Text == t.Text && h.Metadata == t.Metadata.String() {
			if m.matched[h.Source] == nil {
				m.matched[h.Source] = roaring.New()
			}
			m.matched[h.Source].Add(h.number)
			return false, nil
		}
		if again := m.matched[h.Source]; h.number >= m.begin || again != nil && again.Contains(h.number) {
			return false, fmt.Errorf("id %q: %w, with another text or metadata", t.ID, engine.ErrDuplicateID)
		}
		switch m.policy {
		case engine.OnConflictFail:
			return false, &engine.ConflictError{ID: t.ID, Source: t.From.Name}
		case engine.OnConflictSkip:
			return false, nil
		case engine.OnConflictReplace:
			if h.Source != a.source.Number {
				m.stolen.Add(h.number)
			}
			return true, nil
		}
		t.ID = engine.RenamedID(&t.Document)
	}
}

// end decides about the sources of a phase once all documents have arrived.
func (m *merge) end() error {
	for _, a := range m.arrivals {
		if err := m.endOne(a); err != nil {
			return err
		}
	}
	m.w.delete(m.stolen)
	for _, a := range m.arrivals {
		if src := m.w.draft[a.source.Number]; src != nil && src.Numbers.IsEmpty() {
			m.w.drop(src.Number)
		}
	}
	return nil
}

func (m *merge) endOne(a *arrival) error {
	if again := m.matched[a.source.Number]; again != nil {
		a.kept = roaring.And(again, a.before)
	}
	final := a.from
	final.Key, final.Name, final.Number = a.source.Key, a.source.Name, a.source.Number
	switch {
	case !a.contested() || m.policy == engine.OnConflictReplace:
	case m.policy == engine.OnConflictFail && !a.kept.Equals(a.before): // nothing was added: see add
		return &engine.ConflictError{Source: a.source.Name}
	case m.policy == engine.OnConflictSkip || a.added.IsEmpty():
		a.Abandon()
		return nil
	default: // what it had stays, and the file holds neither the one nor the other
		final = a.source
		final.Hash = nil
		a.kept = a.before
	}
	a.Done(final)
	return nil
}
