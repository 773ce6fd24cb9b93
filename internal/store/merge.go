package store

import (
	"context"
	"errors"
	"fmt"
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
	m := &merge{w: w, policy: policy, first: w.next, sources: map[string]*mergedSource{}, names: map[string]bool{}}
	if m.home, err = Home(w.dir); err != nil {
		return merged, err
	}
	for _, snap := range from {
		if err := m.snapshot(ctx, snap); err != nil {
			return merged, err
		}
	}
	if err := last(); err != nil {
		return merged, err
	}
	gone := int64(w.doomed.GetCardinality())
	if m.first > 0 {
		merged.Replaced = int64(w.doomed.Rank(uint32(m.first - 1)))
	}
	merged.Added = w.next - m.first - (gone - merged.Replaced)
	merged.Skipped = m.given - merged.Added
	return merged, w.Commit(ctx)
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

// merge is one merge on its way. Each source of the other store is a replacement
// of the writer, of which the policy decides at the end of the phase whether it is
// done or abandoned.
type merge struct {
	w      *Writer
	home   engine.Home
	policy engine.OnConflict
	given  int64 // documents so far
	first  int64 // number of the first document that it stages

	sources map[string]*mergedSource // by key: new in the store with this merge
	names   map[string]bool          // of those

	arrivals map[string]*arrival // by key: the sources of this phase
	begin    int64               // number of the first document that this phase stages
	matched  *roaring.Bitmap     // documents that arrived again, of whatever source
	stolen   *roaring.Bitmap     // documents that gave their ids to another source's
}

// mergedSource is a source that is new in the store with this merge.
type mergedSource struct {
	engine.Source
	documents *roaring.Bitmap
}

// arrival is a source that documents arrive for.
type arrival struct {
	*replacement
	from      engine.Source // as the documents bring it
	contested bool          // the store has documents of it
}

// phase merges the documents of one other store. Those of earlier phases are,
// for it, the store's own.
func (m *merge) phase(ctx context.Context, docs iter.Seq2[engine.Transfer, error]) error {
	m.arrivals, m.begin = map[string]*arrival{}, m.w.next
	m.matched, m.stolen = roaring.New(), roaring.New()
	for in, err := range ahead(docs, m.w.terms.finder()) {
		if err == nil {
			err = m.add(ctx, &in)
		}
		if err != nil {
			return err
		}
	}
	counted := map[int64]bool{}
	for _, a := range m.arrivals {
		if err := m.end(a); err != nil {
			return err
		}
		counted[a.source.Number] = true
	}
	return m.w.withdraw(ctx, m.stolen, counted)
}

// add merges one document.
func (m *merge) add(ctx context.Context, in *reading) error {
	m.given++
	m.w.progress(1)
	x, err := m.w.Facts().Vector(in.Vector)
	switch {
	case err != nil:
		return fmt.Errorf("id %q: %w", in.ID, err)
	case in.ID == "":
		return fmt.Errorf("a document of source %q has no id", in.From.Name)
	}
	a, err := m.arrivalOf(ctx, in.From)
	if err != nil {
		return err
	}
	if take, err := m.decide(ctx, a, &in.Transfer); err != nil || !take {
		return err
	}
	if a.contested && m.policy == engine.OnConflictFail {
		return &engine.ConflictError{Source: a.source.Name}
	}
	return a.add(ctx, in, x)
}

// arrivalOf returns what is known of a document's source.
func (m *merge) arrivalOf(ctx context.Context, from engine.Source) (*arrival, error) {
	if a := m.arrivals[from.Key]; a != nil {
		return a, nil
	}
	src, documents, err := m.known(ctx, from)
	if err != nil {
		return nil, err
	}
	a := &arrival{from: from}
	if documents != nil {
		a.replacement = m.w.replace(src, roaring.AndNot(documents, m.w.doomed))
	} else if a.replacement, err = m.w.beginReplacement(ctx, src); err != nil {
		return nil, err
	}
	a.contested = !a.old.IsEmpty()
	m.arrivals[from.Key] = a
	return a, nil
}

// known returns a source as the store knows it, with its documents where an
// earlier phase staged them. Where its name is another source's, it gets one of
// its own.
func (m *merge) known(ctx context.Context, from engine.Source) (engine.Source, *roaring.Bitmap, error) {
	if s := m.sources[from.Key]; s != nil {
		return s.Source, s.documents, nil
	}
	src, found, err := m.w.SourceByKey(ctx, from.Key)
	if err != nil || found {
		return src, nil, err
	}
	from.Number = 0
	from.Name, err = m.home.FreeName(from.Name, from.Key, func(name string) (bool, error) {
		_, stored, err := m.w.SourceByName(ctx, name)
		return stored || m.names[name], err
	})
	m.names[from.Name] = true
	return from, nil, err
}

// decide reports whether a document is to be staged for a: under another id where
// the policy gives it one.
func (m *merge) decide(ctx context.Context, a *arrival, in *engine.Transfer) (bool, error) {
	for {
		h, err := m.w.holderOf(ctx, in.ID)
		if err != nil || h.n < 0 {
			return err == nil, err
		}
		same, err := m.w.same(ctx, h.n, in)
		switch {
		case err != nil:
			return false, err
		case same:
			m.matched.Add(uint32(h.n))
			return false, nil
		case h.n >= m.begin || m.matched.Contains(uint32(h.n)):
			return false, fmt.Errorf("id %q: %w, with another text or metadata", in.ID, engine.ErrDuplicateID)
		}
		switch m.policy {
		case engine.OnConflictFail:
			return false, &engine.ConflictError{ID: in.ID, Source: in.From.Name}
		case engine.OnConflictSkip:
			return false, nil
		case engine.OnConflictReplace:
			if h.source != a.source.Number {
				m.stolen.Add(uint32(h.n))
			}
			m.w.doomed.Add(uint32(h.n))
			return true, nil
		}
		in.ID = engine.RenamedID(&in.Document)
	}
}

// same reports whether document n has the text and the metadata of one that
// arrives.
func (w *Writer) same(ctx context.Context, n int64, in *engine.Transfer) (same bool, err error) {
	const query = `SELECT d.text = ? AND m.json = ? FROM document d JOIN meta m ON m.meta = d.meta WHERE d.n = ?`
	err = w.view(ctx, func(t *tx) error {
		equal, err := t.Int64(query, in.Text, in.Metadata.String(), n)
		same = equal == 1
		return err
	})
	return same, err
}

// end decides about a source once all its documents have arrived.
func (m *merge) end(a *arrival) error {
	kept := roaring.And(a.old, m.matched)
	final := a.renewed()
	switch {
	case !a.contested:
	case m.policy == engine.OnConflictFail && !kept.Equals(a.old): // nothing was added: see add
		return &engine.ConflictError{Source: a.source.Name}
	case m.policy == engine.OnConflictSkip:
		a.Abandon()
		return nil
	case m.policy == engine.OnConflictReplace:
		a.kept = kept
	case a.added.IsEmpty():
		a.Abandon()
		return nil
	default: // the file holds neither the one nor the other
		a.kept, final = a.old, a.source
		final.Hash = nil
	}
	a.finish(final)
	m.sources[a.source.Key] = &mergedSource{a.source, roaring.Or(a.kept, a.added)}
	return nil
}

// finish ends the replacement. A source without documents is not kept.
func (a *arrival) finish(final engine.Source) {
	a.Done(final)
	last := &a.w.sources[len(a.w.sources)-1]
	last.gone = last.documents == 0
}

// renewed is the store's source with what the newcomer knows of its file.
func (a *arrival) renewed() engine.Source {
	src := a.from
	src.Key, src.Name, src.Number = a.source.Key, a.source.Name, a.source.Number
	return src
}
