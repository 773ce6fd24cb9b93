package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/sqlite"
	"sheaf/internal/vector"
)

type sourceChange struct {
	engine.Source
	documents int64
	gone      bool // the source is forgotten
}

// SourceByKey returns the source with a key; false where there is none.
func (s *Store) SourceByKey(ctx context.Context, key string) (engine.Source, bool, error) {
	return s.source(ctx, `key`, key)
}

// SourceByName returns the source with a name; false where there is none.
func (s *Store) SourceByName(ctx context.Context, name string) (engine.Source, bool, error) {
	return s.source(ctx, `name`, name)
}

func (s *Store) source(ctx context.Context, column, value string) (src engine.Source, found bool, err error) {
	err = s.transaction(ctx, func() error {
		src, found, err = s.readSource(column, value)
		return err
	})
	return src, found, err
}

// SourcesByKey returns those sources that have one of the keys, by key.
func (s *Store) SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error) {
	sources := make(map[string]engine.Source, len(keys))
	err := s.transaction(ctx, func() error {
		for _, key := range keys {
			src, found, err := s.readSource(`key`, key)
			if err != nil {
				return err
			}
			if found {
				sources[key] = src
			}
		}
		return nil
	})
	return sources, err
}

// selectSource reads whole sources; conditions are appended.
const selectSource = `SELECT source, key, name, size, mtime, hash, settings, documents FROM source `

func scanSource(row *sqlite.Row) engine.Source {
	src := engine.Source{
		Number: row.Int64(0), Key: row.Text(1), Name: row.Text(2), Size: row.Int64(3),
		Hash: row.Bytes(5), Settings: row.Text(6), Documents: row.Int64(7),
	}
	if ns := row.Int64(4); ns != 0 {
		src.ModTime = time.Unix(0, ns)
	}
	return src
}

// readSource is source for a caller who is inside a transaction.
func (s *Store) readSource(column string, value any) (src engine.Source, found bool, err error) {
	for row, err := range s.conn.Query(selectSource+`WHERE `+column+` = ?`, value) {
		if err != nil {
			return src, false, err
		}
		src, found = scanSource(row), true
	}
	return src, found, nil
}

// AllSources yields everything that the store remembers of its sources, page by
// page: no transaction is open while the caller works.
func (s *Store) AllSources(ctx context.Context) iter.Seq2[engine.Source, error] {
	return func(yield func(engine.Source, error) bool) {
		for last := int64(0); ; {
			var page []engine.Source
			err := s.transaction(ctx, func() error {
				for row, err := range s.conn.Query(selectSource+`WHERE source > ? ORDER BY source LIMIT ?`, last, listPage) {
					if err != nil {
						return err
					}
					page = append(page, scanSource(row))
				}
				return nil
			})
			if err != nil {
				yield(engine.Source{}, err)
				return
			}
			for _, src := range page {
				if last = src.Number; !yield(src, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// replacement is an engine.Replacement.
type replacement struct {
	w       *Writer
	src     sourceChange
	changed bool            // something was added or moved since the last commit
	first   int64           // number of the first document it adds
	old     *roaring.Bitmap // its documents before
	seen    *roaring.Bitmap // of them, those kept or replaced by an equal id
	gone    *roaring.Bitmap // of them, those replaced
}

// Replace starts to replace what src holds. One replacement is open at a time.
// A Commit before it is Done shows what was added so far beside what the source
// had, and leaves the source to be read again: its Hash is empty.
func (w *Writer) Replace(ctx context.Context, src engine.Source) (engine.Replacement, error) {
	r := &replacement{w: w, src: sourceChange{Source: src}, first: w.next, old: roaring.New(), seen: roaring.New(), gone: roaring.New()}
	err := w.transaction(ctx, func() error {
		if src.Number == 0 {
			return w.number(&r.src.Source)
		}
		return w.visibleOf(src.Number, r.old)
	})
	if err != nil {
		return nil, err
	}
	w.replacing = r
	return r, nil
}

// number gives a new source the number after the last one, committed or staged.
func (w *Writer) number(src *engine.Source) error {
	last := int64(0)
	for _, staged := range w.sources {
		last = max(last, staged.Number)
	}
	stored, err := w.conn.Int64(`SELECT max(source) FROM source`)
	src.Number = max(last, stored) + 1
	return err
}

// Keep keeps the document that m found, with doc's place and metadata. An id
// that the source was given before is ErrDuplicateID.
func (r *replacement) Keep(m engine.Match, doc engine.Document) error {
	if r.repeats(m) {
		return fmt.Errorf("id %q: %w", doc.ID, engine.ErrDuplicateID)
	}
	ref := foundBy(m)
	r.seen.Add(uint32(ref.number - 1))
	r.src.documents++
	if ref.moved {
		r.changed = true
		doc.Source = r.src.Name
		r.w.updates[ref.number-1] = doc
	}
	return nil
}

// Add stages a document, which m did not find to be kept, with its vector (dim
// numbers). An id that the source was given before is ErrDuplicateID, one that
// another source has got meanwhile a *ForeignIDError, a vector of another dim
// a *MismatchError; after those the writer goes on as if nothing had been added.
func (r *replacement) Add(ctx context.Context, doc engine.Document, m engine.Match, vector []float32, origin engine.Origin) error {
	w := r.w
	x, err := w.Facts().Vector(vector)
	if err != nil {
		return err
	}
	if err := w.room(); err != nil {
		return err
	}
	if err := r.claim(ctx, doc.ID, m); err != nil {
		return err
	}
	if err := w.put(doc, origin, &r.src.Source, x, nil); err != nil {
		return err
	}
	r.changed = true
	r.src.documents++
	if !w.full() {
		return nil
	}
	return w.writeBuffer(ctx)
}

// claim makes an id this source's, or says why it cannot be.
func (r *replacement) claim(ctx context.Context, id string, m engine.Match) error {
	if err := r.Check(ctx, id, m); err != nil {
		return err
	}
	w := r.w
	w.given[maphash.String(w.seed, id)] = w.next
	ref := foundBy(m)
	w.asOf = max(w.asOf, ref.asOf)
	if ref.number > 0 {
		r.seen.Add(uint32(ref.number - 1))
		r.gone.Add(uint32(ref.number - 1))
	}
	return nil
}

// Check tells whether Add would refuse an id: with ErrDuplicateID or a
// *ForeignIDError. What m says was true when it was looked up; ids that came
// since are among those given.
func (r *replacement) Check(ctx context.Context, id string, m engine.Match) error {
	if r.repeats(m) {
		return fmt.Errorf("id %q: %w", id, engine.ErrDuplicateID)
	}
	w := r.w
	if n, maybe := w.given[maphash.String(w.seed, id)]; m.Taken || maybe && n >= foundBy(m).asOf {
		return w.taken(ctx, r, id)
	}
	return nil
}

// repeats tells whether the document that m found was given to this
// replacement already: as an old one, or as one that it added itself and that
// a commit has shown since.
func (r *replacement) repeats(m engine.Match) bool {
	n := foundBy(m).number
	return n > 0 && (n > r.first || r.seen.Contains(uint32(n-1)))
}

// taken looks for a document that this writer was given with an id, staged or
// committed since.
func (w *Writer) taken(ctx context.Context, r *replacement, id string) error {
	first := w.next - int64(len(w.buffer))
	for i := range w.buffer {
		if w.buffer[i].doc.ID == id && !w.doomed.Contains(uint32(first)+uint32(i)) {
			return w.takenBy(r, id, w.buffer[i].source, w.buffer[i].doc.Source)
		}
	}
	const query = `SELECT d.n, d.source, coalesce(s.name, '') FROM document d LEFT JOIN source s ON s.source = d.source WHERE d.id = ?`
	return w.transaction(ctx, func() error {
		for row, err := range w.conn.Query(query, id) {
			if err != nil {
				return err
			}
			n := row.Int64(0)
			staged := n >= w.state.count && !w.doomed.Contains(uint32(n))
			visible := w.state.alive(n) && !w.doomed.Contains(uint32(n)) && !r.old.Contains(uint32(n))
			if staged || visible {
				if err := w.takenBy(r, id, row.Int64(1), row.Text(2)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (w *Writer) takenBy(r *replacement, id string, source int64, name string) error {
	if source == r.src.Number {
		return fmt.Errorf("id %q: %w", id, engine.ErrDuplicateID)
	}
	for _, c := range w.sources {
		if c.Number == source {
			name = c.Name
		}
	}
	return &engine.ForeignIDError{ID: id, Source: name}
}

// settle makes what an open replacement has done so far part of a commit: the
// documents that it added, and the end of those whose ids it gave anew. The
// other old ones stay until it is Done.
func (r *replacement) settle() {
	if !r.changed {
		return
	}
	r.changed = false
	r.doom()
	unfinished := engine.Source{Key: r.src.Key, Name: r.src.Name, Settings: r.src.Settings, Number: r.src.Number}
	visible := int64(r.old.GetCardinality()) - int64(r.seen.GetCardinality()) + r.src.documents
	r.w.sources = append(r.w.sources, sourceChange{Source: unfinished, documents: visible})
}

// doom marks what was replaced, and is not dead since an earlier commit.
func (r *replacement) doom() { r.w.doomed.Or(roaring.AndNot(r.gone, r.w.state.dead)) }

// Done ends the replacement: src, with what is now known of it, is part of the
// next commit, and what the source had and was not given again goes.
func (r *replacement) Done(src engine.Source) {
	r.w.replacing = nil
	r.gone.Or(roaring.AndNot(r.old, r.seen))
	r.doom()
	src.Number = r.src.Number
	r.w.sources = append(r.w.sources, sourceChange{Source: src, documents: r.src.documents})
}

// Abandon ends the replacement and leaves the source as the last commit has
// it: what was added since is dead with the next one.
func (r *replacement) Abandon() {
	r.w.replacing = nil
	r.w.doomed.AddRange(uint64(max(r.first, r.w.state.count)), uint64(r.w.next))
	r.old.Iterate(func(n uint32) bool { delete(r.w.updates, int64(n)); return true })
}

// saveSources writes the sources that were replaced. The caller is inside the
// committing transaction.
func (w *Writer) saveSources() error {
	for _, c := range w.sources {
		if c.gone {
			if err := w.conn.Exec(`DELETE FROM source WHERE source = ?`, c.Number); err != nil {
				return err
			}
			continue
		}
		mtime := int64(0)
		if !c.ModTime.IsZero() {
			mtime = c.ModTime.UnixNano()
		}
		err := w.conn.Exec(saveSource, c.Number, c.Key, c.Name, c.Size, mtime, c.Hash, c.Settings, c.documents)
		if err != nil {
			return err
		}
	}
	return nil
}

// saveSource is not REPLACE: that would take the row of another source away
// which has the same name or key.
const saveSource = `INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET
  key = excluded.key, name = excluded.name, size = excluded.size, mtime = excluded.mtime, hash = excluded.hash,
  settings = excluded.settings, documents = excluded.documents`

// Touch records that a source was found unchanged, under a new time or key.
func (w *Writer) Touch(src engine.Source) {
	w.sources = append(w.sources, sourceChange{Source: src, documents: src.Documents})
}

// Forget stages the end of a source and its documents. After an error nothing is
// staged.
func (w *Writer) Forget(ctx context.Context, src engine.Source) error {
	documents := roaring.New()
	if err := w.transaction(ctx, func() error { return w.visibleOf(src.Number, documents) }); err != nil {
		return err
	}
	w.doomed.Or(documents)
	w.sources = append(w.sources, sourceChange{Source: src, gone: true})
	return nil
}

// VectorOf returns the vector of a document with a text that this store's
// embedder made from all of it, committed or staged; nil where there is none.
func (w *Writer) VectorOf(ctx context.Context, text string) (v []float32, err error) {
	size := len(w.floats) / max(len(w.buffer), 1)
	for i := range w.buffer {
		if s := &w.buffer[i]; s.origin == engine.Embedded && s.doc.Text == text {
			return vector.FromBytes(w.floats[i*size : (i+1)*size]), nil
		}
	}
	flushed := w.next - int64(len(w.buffer))
	err = w.transaction(ctx, func() error {
		n, err := w.embedded(text, func(n int64) bool { return w.state.alive(n) || n >= w.state.count && n < flushed })
		if err != nil || n < 0 {
			return err
		}
		row := w.state.rows + n - w.state.count
		if n < w.state.count {
			row = w.state.row(n)
		}
		flat, err := faiss.NewFlat(w.index, w.state.facts.Dim, w.rows-int64(len(w.buffer)), faissMetric(w.state.facts.Metric))
		if err == nil {
			v = make([]float32, w.state.facts.Dim)
			err = flat.ReadRows([]int64{row}, v)
		}
		return err
	})
	return v, err
}
