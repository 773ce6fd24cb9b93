package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/uuid"

	"sheaf/internal/engine"
)

// Same tells whether two folders are one store. It opens no database: doing so
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
// sources, not of documents; but where the store is empty, by some 40 bytes for
// each of those.
func (w *Writer) Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (engine.Merged, error) {
	m, err := w.newMerge(ctx, policy)
	if err != nil {
		return engine.Merged{}, err
	}
	for _, snap := range from {
		if err = m.snapshot(ctx, snap); err != nil {
			break
		}
	}
	if err == nil {
		err = m.endBulk(ctx)
	}
	if err == nil {
		err = w.letGo()
	}
	if err != nil {
		return engine.Merged{}, errors.Join(err, w.drop())
	}
	return m.commit(ctx)
}

// snapshot merges one of them, in a phase of its own.
func (m *merge) snapshot(ctx context.Context, snap engine.Snapshot) (err error) {
	if snap.Facts != (engine.Facts{}) {
		err = m.w.Facts().Agree(snap.Facts)
	}
	if err == nil {
		err = m.phase(ctx, m.home.Adopt(snap.Transfers))
	}
	if err != nil && snap.Name != "" {
		err = fmt.Errorf("merging %q: %w", snap.Name, err)
	}
	return err
}

// merge is one merge on its way. What it adds is staged by the writer.
type merge struct {
	w      *Writer
	home   engine.Home
	policy engine.OnConflict
	given  int64 // documents so far
	first  int64 // number of the first document that it stages

	sources map[string]engine.Source // by key: new in the store with this merge
	names   map[string]bool          // of those
	next    int64                    // number of the next one

	arrivals map[string]*arrival // by key: the sources of this phase
	begin    int64               // number of the first document that this phase stages
	recent   map[string]bool     // ids in the writer's buffer
	matched  *roaring.Bitmap     // documents that arrived again, of whatever source
	stolen   *roaring.Bitmap     // documents that gave their ids to another source's
}

// arrival is a source that documents arrive for.
type arrival struct {
	engine.Source                 // as the store knows it
	from          engine.Source   // as the documents bring it
	existed       bool            // before this phase
	other         bool            // one of its documents differs
	old           *roaring.Bitmap // its documents before
	added         *roaring.Bitmap // staged for it
}

func (w *Writer) newMerge(ctx context.Context, policy engine.OnConflict) (*merge, error) {
	m := &merge{w: w, policy: policy, first: w.next, sources: map[string]engine.Source{}, names: map[string]bool{}}
	var src engine.Source
	var err error
	if m.home, err = Home(w.dir); err != nil {
		return nil, err
	}
	err = w.transaction(ctx, func() error { return w.number(&src) })
	m.next = src.Number
	return m, err
}

// commit makes the merge visible and says what it did.
func (m *merge) commit(ctx context.Context) (engine.Merged, error) {
	gone := int64(m.w.doomed.GetCardinality())
	replaced := int64(0)
	if m.first > 0 {
		replaced = int64(m.w.doomed.Rank(uint32(m.first - 1)))
	}
	added := m.w.next - m.first - (gone - replaced)
	return engine.Merged{Added: added, Skipped: m.given - added, Replaced: replaced}, m.w.Commit(ctx)
}

// phase merges the documents of one other store. Those of earlier phases are,
// for it, the store's own.
func (m *merge) phase(ctx context.Context, docs iter.Seq2[engine.Transfer, error]) error {
	m.arrivals, m.recent, m.stolen, m.begin = map[string]*arrival{}, map[string]bool{}, roaring.New(), m.w.next
	m.matched = roaring.New()
	if err := m.w.startBulk(ctx); err != nil {
		return err
	}
	for t, err := range ahead(docs) {
		if err == nil {
			err = m.add(ctx, &t)
		}
		if err != nil {
			return err
		}
	}
	if err := m.flush(ctx); err != nil {
		return err
	}
	settled := map[int64]bool{}
	for _, a := range m.arrivals {
		if err := m.settle(a); err != nil {
			return err
		}
		settled[a.Number] = true
	}
	return m.w.withdraw(ctx, m.stolen, settled)
}

// flush writes what is in the writer's buffer.
func (m *merge) flush(ctx context.Context) error {
	clear(m.recent)
	return m.w.writeBuffer(ctx)
}

// add merges one document.
func (m *merge) add(ctx context.Context, t *incoming) error {
	m.given++
	m.w.progress(1)
	x, err := m.w.Facts().Vector(t.Vector)
	switch {
	case err != nil:
		return fmt.Errorf("id %q: %w", t.ID, err)
	case t.ID == "":
		return fmt.Errorf("a document of source %q has no id", t.From.Name)
	}
	a, err := m.arrivalOf(ctx, t.From)
	if err != nil {
		return err
	}
	if take, err := m.decide(ctx, a, t); err != nil || !take {
		return err
	}
	if a.contested() && m.policy == engine.OnConflictFail {
		return &engine.ConflictError{Source: a.Name}
	}
	a.added.Add(uint32(m.w.next))
	if m.w.bulk == nil {
		m.recent[t.ID] = true
	}
	if err := m.w.put(t.Document, t.Origin, &a.Source, x, t.fields); err != nil || !m.w.full() {
		return err
	}
	return m.flush(ctx)
}

// arrivalOf returns what is known of a document's source.
func (m *merge) arrivalOf(ctx context.Context, from engine.Source) (a *arrival, err error) {
	if a := m.arrivals[from.Key]; a != nil {
		return a, nil
	}
	a = &arrival{from: from, old: roaring.New(), added: roaring.New()}
	if a.Source, a.existed = m.sources[from.Key]; !a.existed {
		if a.Source, a.existed, err = m.w.SourceByKey(ctx, from.Key); err != nil {
			return nil, err
		}
	}
	if a.existed {
		if err := m.endBulk(ctx); err != nil {
			return nil, err
		}
		err = m.w.transaction(ctx, func() error { return m.w.currentOf(a.Number, a.old) })
	} else {
		a.Source, err = m.newSource(ctx, from)
	}
	m.arrivals[from.Key] = a
	return a, err
}

// newSource makes room for a source. Where its name is another's, it gets one of
// its own.
func (m *merge) newSource(ctx context.Context, from engine.Source) (engine.Source, error) {
	name, err := m.home.FreeName(from.Name, from.Key, func(name string) (bool, error) {
		_, stored, err := m.w.SourceByName(ctx, name)
		return stored || m.names[name], err
	})
	from.Name = name
	from.Number = m.next
	m.next++
	m.sources[from.Key], m.names[from.Name] = from, true
	return from, err
}

// decide tells whether t is to be staged for a: under another id where the
// policy gives it one.
func (m *merge) decide(ctx context.Context, a *arrival, t *incoming) (bool, error) {
	if m.w.bulk != nil {
		if m.w.bulk.isNew(t.ID) {
			return true, nil
		}
		if err := m.endBulk(ctx); err != nil {
			return false, err
		}
	}
	for {
		if m.recent[t.ID] {
			if err := m.flush(ctx); err != nil {
				return false, err
			}
		}
		h, err := m.w.holder(ctx, t)
		switch {
		case err != nil || h.n < 0:
			return err == nil, err
		case h.same:
			m.matched.Add(uint32(h.n))
			return false, nil
		case h.n >= m.begin || m.matched.Contains(uint32(h.n)):
			return false, fmt.Errorf("id %q: %w, with another text or metadata", t.ID, engine.ErrDuplicateID)
		}
		switch m.policy {
		case engine.OnConflictFail:
			return false, &engine.ConflictError{ID: t.ID, Source: t.From.Name}
		case engine.OnConflictSkip:
			a.other = a.other || h.source == a.Number
			return false, nil
		case engine.OnConflictReplace:
			if h.source != a.Number {
				m.stolen.Add(uint32(h.n))
				m.w.doomed.Add(uint32(h.n))
			}
			return true, nil
		}
		t.ID = uuid.NewSHA1(idNamespace, bytes.Join([][]byte{[]byte(t.ID), []byte(t.Text), t.Metadata}, []byte{0})).String()
	}
}

// endBulk ends the bulk that may be on its way: something has to be looked up,
// or all documents are there.
func (m *merge) endBulk(ctx context.Context) error {
	if m.w.bulk == nil {
		return nil
	}
	if err := m.flush(ctx); err != nil {
		return err
	}
	return m.w.endBulk(ctx)
}

// idNamespace is that of ids made for documents whose own was taken.
var idNamespace = uuid.MustParse("1f3d8d0e-52a8-4a53-8a33-0d5f2f0d9a57")

// holder is the document that has an id, staged ones included.
type holder struct {
	n, source int64 // n is -1 where none has it
	same      bool  // text and metadata are equal
}

func (w *Writer) holder(ctx context.Context, t *incoming) (h holder, err error) {
	const byID = `SELECT n FROM document WHERE id = ?`
	const byNumber = `SELECT d.source, d.text, m.json FROM document d JOIN meta m ON m.meta = d.meta WHERE d.n = ?`
	h.n = -1
	err = w.transaction(ctx, func() error {
		for row, err := range w.conn.Query(byID, t.ID) {
			if err != nil {
				return err
			}
			if n := row.Int64(0); w.current(n) {
				h.n = n
			}
		}
		if h.n < 0 { // most often: ids are new
			return nil
		}
		for row, err := range w.conn.Query(byNumber, h.n) {
			if err != nil {
				return err
			}
			h.source, h.same = row.Int64(0), row.Text(1) == t.Text && row.Text(2) == string(t.Metadata)
		}
		return nil
	})
	return h, err
}

// current tells whether document n will be visible after the next commit. All
// that is staged must be flushed.
func (w *Writer) current(n int64) bool {
	return (n >= w.state.count || w.state.alive(n)) && !w.doomed.Contains(uint32(n))
}

// currentOf adds the numbers of a source's documents that will be visible
// after the next commit.
func (w *Writer) currentOf(source int64, to *roaring.Bitmap) error {
	for row, err := range w.conn.Query(`SELECT n FROM document WHERE source = ?`, source) {
		if err != nil {
			return err
		}
		if n := row.Int64(0); w.current(n) {
			to.Add(uint32(n))
		}
	}
	return nil
}

// settle decides about a source once all its documents have arrived.
func (m *merge) settle(a *arrival) error {
	kept := roaring.And(a.old, m.matched)
	changed := a.other || !a.added.IsEmpty() || !kept.Equals(a.old)
	final := a.Source
	switch {
	case !a.contested():
		final = a.renewed()
	case changed && m.policy == engine.OnConflictFail:
		return &engine.ConflictError{Source: a.Name}
	case m.policy == engine.OnConflictSkip:
		m.w.doomed.Or(a.added)
		return nil
	case m.policy == engine.OnConflictReplace:
		m.w.doomed.Or(roaring.AndNot(a.old, kept))
		final, a.old = a.renewed(), kept
	case a.added.IsEmpty():
		return nil
	default: // the file holds neither the one nor the other
		final.Hash = nil
	}
	n := int64(a.old.GetCardinality() + a.added.GetCardinality())
	m.w.sources = append(m.w.sources, sourceChange{Source: final, documents: n, gone: n == 0})
	return nil
}

// contested tells whether the store has documents of the source.
func (a *arrival) contested() bool { return a.existed && !a.old.IsEmpty() }

// renewed is the store's source with what the newcomer knows of its file.
func (a *arrival) renewed() engine.Source {
	src := a.from
	src.Key, src.Name, src.Number = a.Key, a.Name, a.Number
	return src
}
