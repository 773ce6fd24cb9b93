package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/vector"
)

// replacement is an engine.Replacement.
type replacement struct {
	w       *Writer
	source  engine.Source
	changed bool            // something was added or moved since the last commit
	old     *roaring.Bitmap // the documents that the source had
	kept    *roaring.Bitmap // of them, those that stay
	gone    *roaring.Bitmap // of them, those whose ids were added anew
	added   *roaring.Bitmap
}

// Replace begins to replace what src holds. Several replacements, of different
// sources, may be open. A Commit before Done shows what was added so far beside
// what the source had, and leaves the source to be read again: its Hash is empty.
func (w *Writer) Replace(ctx context.Context, src engine.Source) (engine.Replacement, error) {
	r, err := w.beginReplacement(ctx, src)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (w *Writer) beginReplacement(ctx context.Context, src engine.Source) (*replacement, error) {
	old := roaring.New()
	err := w.view(ctx, func(t *tx) (err error) {
		if src.Number == 0 {
			src.Number, err = w.newSource(t)
			return err
		}
		return t.ofSource(src.Number, w.current, old)
	})
	if err != nil {
		return nil, err
	}
	return w.replace(src, old), nil
}

// replace begins to replace the old documents of a source, which has a number.
func (w *Writer) replace(src engine.Source, old *roaring.Bitmap) *replacement {
	r := &replacement{w: w, source: src, old: old, kept: roaring.New(), gone: roaring.New(), added: roaring.New()}
	w.replacing[r] = struct{}{}
	return r
}

// Keep keeps the document that m found, with doc's place and metadata. An id
// that the source was given before is ErrDuplicateID.
func (r *replacement) Keep(m engine.Match, doc engine.Document) error {
	n := uint32(m.Number)
	if r.kept.Contains(n) || r.gone.Contains(n) || r.added.Contains(n) {
		return fmt.Errorf("id %q: %w", doc.ID, engine.ErrDuplicateID)
	}
	r.kept.Add(n)
	if m.Moved {
		r.changed = true
		doc.Source = r.source.Name
		r.w.places[m.Number] = doc
	}
	return nil
}

// Add stages a document with its vector (dim numbers), in the place of one of
// the source's old documents where that has the same id. An id that the source
// was given before is ErrDuplicateID, one of another source a *ForeignIDError, a
// vector of another dim a *MismatchError; after those the writer goes on as if
// nothing had been added.
func (r *replacement) Add(ctx context.Context, doc engine.Document, vector []float32, origin engine.Origin) error {
	x, err := r.w.Facts().Vector(vector)
	if err != nil {
		return err
	}
	holder, err := r.check(ctx, doc.ID)
	if err != nil {
		return err
	}
	in := reading{engine.Transfer{Document: doc, Origin: origin}, r.w.terms.of(doc.Text)}
	if err := r.add(ctx, &in, x); err != nil {
		return err
	}
	if holder >= 0 {
		r.gone.Add(uint32(holder))
	}
	return nil
}

// Check returns the error that Add would return for an id: ErrDuplicateID or a
// *ForeignIDError.
func (r *replacement) Check(ctx context.Context, id string) error {
	_, err := r.check(ctx, id)
	return err
}

// check is Check, and returns the number of the old document that has the id; -1
// for none.
func (r *replacement) check(ctx context.Context, id string) (int64, error) {
	h, err := r.w.holderOf(ctx, id)
	switch {
	case err != nil || h.n < 0:
		return -1, err
	case h.source != r.source.Number:
		name, err := r.w.sourceName(ctx, h.source)
		return -1, errors.Join(err, &engine.ForeignIDError{ID: id, Source: name})
	case r.kept.Contains(uint32(h.n)) || r.gone.Contains(uint32(h.n)) || !r.old.Contains(uint32(h.n)):
		return -1, fmt.Errorf("id %q: %w", id, engine.ErrDuplicateID)
	}
	return h.n, nil
}

// sourceName is the name of a source, staged or committed.
func (w *Writer) sourceName(ctx context.Context, number int64) (string, error) {
	for r := range w.replacing {
		if r.source.Number == number {
			return r.source.Name, nil
		}
	}
	for _, c := range slices.Backward(w.sources) {
		if c.Number == number {
			return c.Name, nil
		}
	}
	var src engine.Source
	err := w.view(ctx, func(t *tx) (err error) { src, _, err = t.source(`source`, number); return err })
	return src.Name, err
}

// add stages a document whose id is free, with its vector as the store keeps it.
func (r *replacement) add(ctx context.Context, in *reading, x []float32) error {
	w, n := r.w, r.w.next
	if n > math.MaxUint32 {
		return errFull
	}
	in.Source, in.Vector = r.source.Name, nil
	err := w.write(ctx, func(t *tx) error {
		return w.stage.add(t, w.vectors, in, r.source.Number, x)
	})
	if err != nil {
		return err
	}
	r.added.Add(uint32(n))
	r.changed = true
	if w.inTransaction.full() {
		return w.endTransaction()
	}
	return nil
}

// documents is how many documents the source will have if it ends now.
func (r *replacement) documents() int64 {
	return int64(r.kept.GetCardinality() + r.added.GetCardinality())
}

// show makes what was done so far part of a commit: the documents that were
// added, and the end of those whose ids they have. The other old ones stay.
func (r *replacement) show() {
	if !r.changed {
		return
	}
	r.changed = false
	r.doom(r.gone)
	unfinished := engine.Source{Key: r.source.Key, Name: r.source.Name, Settings: r.source.Settings, Number: r.source.Number}
	visible := int64(r.old.GetCardinality()-r.gone.GetCardinality()) + int64(r.added.GetCardinality())
	r.w.sources = append(r.w.sources, sourceChange{Source: unfinished, documents: visible})
}

// doom marks documents that no earlier commit took away.
func (r *replacement) doom(documents *roaring.Bitmap) {
	r.w.doomed.Or(roaring.AndNot(documents, r.w.base.dead))
}

// Done ends the replacement: src, with what is now known of it, is part of the
// next commit, and what the source had and was not given again goes.
func (r *replacement) Done(src engine.Source) {
	delete(r.w.replacing, r)
	r.doom(roaring.AndNot(r.old, r.kept))
	src.Number = r.source.Number
	r.w.sources = append(r.w.sources, sourceChange{Source: src, documents: r.documents()})
}

// Abandon ends the replacement and leaves the source as the last commit has
// it: what was added since is dead with the next one.
func (r *replacement) Abandon() {
	delete(r.w.replacing, r)
	since := r.added.Clone()
	since.RemoveRange(0, uint64(r.w.base.count))
	r.w.doomed.Or(since)
	r.old.Iterate(func(n uint32) bool { delete(r.w.places, int64(n)); return true })
}

func (w *Writer) holderOf(ctx context.Context, id string) (h holder, err error) {
	err = w.view(ctx, func(t *tx) (err error) { h, err = w.holder(t, id, w.current); return err })
	return h, err
}

// Touch records that a source was found unchanged, under a new time or key.
func (w *Writer) Touch(src engine.Source) {
	w.sources = append(w.sources, sourceChange{Source: src, documents: src.Documents})
}

// Forget stages the end of a source and its documents. After an error nothing is
// staged.
func (w *Writer) Forget(ctx context.Context, src engine.Source) error {
	documents := roaring.New()
	if err := w.view(ctx, func(t *tx) error { return t.ofSource(src.Number, w.current, documents) }); err != nil {
		return err
	}
	w.doomed.Or(documents)
	w.sources = append(w.sources, sourceChange{Source: src, gone: true})
	return nil
}

// VectorOf returns the vector of a document with a text that this store's
// embedder made from all of it, committed or staged; nil where there is none.
func (w *Writer) VectorOf(ctx context.Context, text string) (vector []float32, err error) {
	err = w.view(ctx, func(t *tx) error {
		n, err := t.embedded(text, func(n int64) bool { return n >= t.count || t.alive(n) })
		if err != nil || n < 0 {
			return err
		}
		row := t.rows + n - t.count
		if n < t.count {
			row = t.row(n)
		}
		vector, err = w.stage.vector(w.vectors, row)
		return err
	})
	return vector, err
}

// vector reads a row of the index file, or of the floats that are not there yet.
func (s *stage) vector(file *column.File, row int64) ([]float32, error) {
	if err := s.endFloats(); err != nil {
		return nil, err
	}
	width := s.base.vectorFormat().RowBytes
	written := s.rows - int64(len(s.floats))/width
	if row >= written {
		return vector.FromBytes(s.floats[(row-written)*width:][:width]), nil
	}
	flat, err := faiss.NewFlat(file.File, s.base.facts.Dim, written, faiss.MetricFor(s.base.facts.Metric == engine.L2))
	if err != nil {
		return nil, err
	}
	x := make([]float32, s.base.facts.Dim)
	return x, flat.ReadRows([]int64{row}, x)
}
