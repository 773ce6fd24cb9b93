package engine

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Merger is a writer that documents are merged into. A phase merges those of one snapshot; what
// earlier phases staged is then the store's own.
type Merger interface {
	Facts() Facts
	// Begin begins a phase. It returns the number of the next document, and yields the documents
	// that arrive, of which it may read some ahead.
	Begin(ctx context.Context, docs iter.Seq2[Transfer, error]) (next int64, ahead iter.Seq2[Transfer, error])
	// Holder returns the newest document, staged or committed, that has the id of d.
	Holder(ctx context.Context, d *Document) (h Holder, found bool, err error)
	// SourceByKey and SourceByName return a source that had documents before this phase.
	SourceByKey(ctx context.Context, key string) (src Source, found bool, err error)
	SourceByName(ctx context.Context, name string) (src Source, found bool, err error)
	// Arrive begins to replace what the store has of a source.
	Arrive(ctx context.Context, src Source) (Arrival, error)
	// End ends a phase: it takes documents away from the sources that have them, but for those
	// that ended in this phase, and forgets which of these have no document.
	End(ctx context.Context, stolen *roaring.Bitmap, ended []int64) error
}

// Holder is the document that has an id.
type Holder struct {
	Number, Source int64
	Text, Metadata string
}

// Arrival is a source that documents arrive for.
type Arrival interface {
	// Source is what the store knows of it: Documents is how many it had before.
	Source() Source
	// Add stages a document with its vector. It takes the id of the document old; -1: the id is free.
	Add(ctx context.Context, t *Transfer, vector []float32, old int64) error
	// End ends the source: of what it had, kept stays; nil: all of it.
	End(src Source, kept *roaring.Bitmap)
	// Abandon leaves the source as it was.
	Abandon()
}

// Merge decides which documents of others go into a store, and stages them. home is the store's,
// and given how many documents there were, which progress is told one by one. Memory grows with
// the number of sources, not of documents, but for bits of those that arrive again.
func Merge(ctx context.Context, into Merger, home Home, from []Snapshot, policy OnConflict, progress func(int)) (given int64, err error) {
	m := &merge{into: into, home: home, policy: policy, progress: progress, names: map[string]string{}}
	for _, snap := range from {
		if err := m.snapshot(ctx, snap); err != nil {
			return m.given, err
		}
	}
	return m.given, nil
}

// merge is one merge on its way.
type merge struct {
	into     Merger
	home     Home
	policy   OnConflict
	progress func(int)
	given    int64
	names    map[string]string // of sources that are new with this merge: their keys

	begin    int64                     // number of the first document of this phase
	arrivals map[string]*arrival       // by key: the sources of this phase
	matched  map[int64]*roaring.Bitmap // by source: documents that arrived again
	stolen   *roaring.Bitmap           // documents that gave their ids to another source's
}

// arrival is a source of a phase.
type arrival struct {
	Arrival
	from  Source // as the documents bring it
	store Source // as the store knows it
	added int64
}

// contested reports whether the store has documents of the source.
func (a *arrival) contested() bool { return a.store.Documents > 0 }

// snapshot merges one of them, in a phase of its own.
func (m *merge) snapshot(ctx context.Context, snap Snapshot) (err error) {
	if snap.Facts != (Facts{}) {
		err = m.into.Facts().Agree(snap.Facts)
	}
	if err == nil {
		err = m.phase(ctx, m.home.Adopt(snap.Transfers))
	}
	if err != nil && snap.Name != "" {
		err = fmt.Errorf("merging %q: %w", snap.Name, err)
	}
	return err
}

func (m *merge) phase(ctx context.Context, docs iter.Seq2[Transfer, error]) error {
	m.arrivals, m.matched, m.stolen = map[string]*arrival{}, map[int64]*roaring.Bitmap{}, roaring.New()
	m.begin, docs = m.into.Begin(ctx, docs)
	for t, err := range docs {
		if err == nil {
			err = m.add(ctx, &t)
		}
		if err != nil {
			return err
		}
	}
	var ended []int64
	for _, key := range slices.Sorted(maps.Keys(m.arrivals)) { // so that an error is always the same
		a := m.arrivals[key]
		if err := m.end(a); err != nil {
			return err
		}
		ended = append(ended, a.store.Number)
	}
	return m.into.End(ctx, m.stolen, ended)
}

// add merges one document.
func (m *merge) add(ctx context.Context, t *Transfer) error {
	m.given++
	m.progress(1)
	x, err := m.into.Facts().Vector(t.Vector)
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
	take, old, err := m.decide(ctx, a, t)
	if err != nil || !take {
		return err
	}
	if a.contested() && m.policy == OnConflictFail {
		return &ConflictError{Source: a.store.Name}
	}
	a.added++
	return a.Add(ctx, t, x, old)
}

// arrivalOf returns what is known of a document's source. Where the name of a new one is
// another source's, it gets one of its own.
func (m *merge) arrivalOf(ctx context.Context, from Source) (*arrival, error) {
	if a := m.arrivals[from.Key]; a != nil {
		return a, nil
	}
	src, found, err := m.into.SourceByKey(ctx, from.Key)
	if err != nil {
		return nil, err
	}
	if !found {
		src = from
		src.Number, src.Documents = 0, 0
		src.Name, err = m.home.FreeName(from.Name, from.Key, func(name string) (bool, error) {
			if key, given := m.names[name]; given && key != from.Key {
				return true, nil
			}
			_, found, err := m.into.SourceByName(ctx, name)
			return found, err
		})
		if err != nil {
			return nil, err
		}
		m.names[src.Name] = from.Key
	}
	a := &arrival{from: from}
	if a.Arrival, err = m.into.Arrive(ctx, src); err != nil {
		return nil, err
	}
	a.store = a.Source()
	m.arrivals[from.Key] = a
	return a, nil
}

// decide reports whether a document is to be staged for a: under another id where the policy
// gives it one, or under that of the document old; -1: the id is free.
func (m *merge) decide(ctx context.Context, a *arrival, t *Transfer) (take bool, old int64, err error) {
	for {
		h, found, err := m.into.Holder(ctx, &t.Document)
		if err != nil || !found {
			return err == nil, -1, err
		}
		again := m.matched[h.Source]
		if h.Text == t.Text && h.Metadata == t.Metadata.String() {
			if again == nil {
				again = roaring.New()
				m.matched[h.Source] = again
			}
			again.Add(uint32(h.Number))
			return false, -1, nil
		}
		if h.Number >= m.begin || again != nil && again.Contains(uint32(h.Number)) {
			return false, -1, fmt.Errorf("id %q: %w, with another text or metadata", t.ID, ErrDuplicateID)
		}
		switch m.policy {
		case OnConflictFail:
			return false, -1, &ConflictError{ID: t.ID, Source: t.From.Name}
		case OnConflictSkip:
			return false, -1, nil
		case OnConflictReplace:
			if h.Source != a.store.Number {
				m.stolen.Add(uint32(h.Number))
			}
			return true, h.Number, nil
		}
		t.ID = RenamedID(&t.Document)
	}
}

// end decides about a source once all its documents have arrived.
func (m *merge) end(a *arrival) error {
	kept := roaring.New()
	if again := m.matched[a.store.Number]; again != nil {
		kept = again
		kept.RemoveRange(uint64(m.begin), 1<<32) // those that came with this phase
	}
	final := a.from
	final.Key, final.Name, final.Number = a.store.Key, a.store.Name, a.store.Number
	switch {
	case !a.contested() || m.policy == OnConflictReplace:
		a.End(final, kept)
	case m.policy == OnConflictFail && int64(kept.GetCardinality()) != a.store.Documents: // nothing was added: see add
		return &ConflictError{Source: a.store.Name}
	case m.policy == OnConflictSkip || a.added == 0:
		a.Abandon()
	default: // what it had stays, and the file holds neither the one nor the other
		final = a.store
		final.Hash = nil
		a.End(final, nil)
	}
	return nil
}
