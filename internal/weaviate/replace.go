package weaviate

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// replacement is an engine.Replacement. The documents that the source had stay until the end,
// except those whose ids are added anew.
type replacement struct {
	w       *Writer
	source  engine.Source
	before  *roaring.Bitmap // the documents that the source had
	kept    *roaring.Bitmap // of these those that stay
	gone    *roaring.Bitmap // and those whose ids were added anew
	added   *roaring.Bitmap // documents that are new
	places  []placed
	changed bool // something was added or moved since the last commit
}

// Replace begins to replace what src holds.
func (w *Writer) Replace(_ context.Context, src engine.Source) (engine.Replacement, error) {
	if err := errors.Join(checkKey("source", src.Key), checkKey("source", src.Name)); err != nil {
		return nil, err
	}
	return w.replace(src), nil
}

func (w *Writer) replace(src engine.Source) *replacement {
	r := &replacement{w: w, source: src, before: roaring.New(), kept: roaring.New(), gone: roaring.New(), added: roaring.New()}
	if known := w.draft[src.Number]; known != nil {
		r.before = known.Numbers.Bitmap
	}
	if src.Number == 0 {
		r.source.Number = w.source
		w.source++
	}
	w.open[r] = struct{}{}
	return r
}

// Keep keeps the document that m found, with d's place and metadata.
func (r *replacement) Keep(m engine.Match, d engine.Document) error {
	n := uint32(m.Number)
	if r.kept.Contains(n) || r.gone.Contains(n) {
		return fmt.Errorf("id %q: %w", d.ID, engine.ErrDuplicateID)
	}
	r.kept.Add(n)
	if m.Moved {
		r.places = append(r.places, placed{n, d})
		r.changed = true
		r.w.pending++
	}
	return nil
}

// Check returns the error of Add that is about an id.
func (r *replacement) Check(ctx context.Context, id string) error {
	_, _, err := r.check(ctx, id)
	return err
}

// check is Check, and returns the old document that has the id, where there is one.
func (r *replacement) check(ctx context.Context, id string) (old uint32, there bool, err error) {
	h, there, err := r.w.holder(ctx, id)
	switch {
	case err != nil || !there:
		return 0, false, err
	case h.Source != r.source.Number:
		return 0, false, &engine.ForeignIDError{ID: id, Source: r.w.nameOf(h.Source)}
	case !r.before.Contains(h.number) || r.kept.Contains(h.number) || r.gone.Contains(h.number):
		return 0, false, fmt.Errorf("id %q: %w", id, engine.ErrDuplicateID)
	}
	return h.number, true, nil
}

// holder returns the newest document, staged or committed, that has an id.
func (w *Writer) holder(ctx context.Context, id string) (newest row, there bool, err error) {
	if w.ids.Has(id) {
		return newest, false, nil
	}
	if err := w.flush(ctx); err != nil {
		return newest, false, err
	}
	rows, err := w.lookUp(ctx, "docId", storable([]string{id}), "docId text metadata source")
	for _, r := range rows {
		if w.has(&r) && r.number >= newest.number {
			newest, there = r, true
		}
	}
	return newest, there, err
}

// nameOf is the name of a source, staged or committed.
func (w *Writer) nameOf(source int64) string {
	for r := range w.open {
		if r.source.Number == source {
			return r.source.Name
		}
	}
	return w.draft[source].Name
}

// Add stages a document with its vector.
func (r *replacement) Add(ctx context.Context, d engine.Document, x []float32, origin engine.Origin) error {
	x, err := r.w.facts.Vector(x)
	if err == nil {
		err = check(&d)
	}
	if err != nil {
		return err
	}
	old, there, err := r.check(ctx, d.ID)
	if err != nil {
		return err
	}
	if there {
		r.gone.Add(old)
	}
	return r.add(ctx, &d, x, origin)
}

func (r *replacement) add(ctx context.Context, d *engine.Document, x []float32, origin engine.Origin) error {
	n, err := r.w.add(ctx, r.source.Number, d, x, origin)
	if err != nil {
		return err
	}
	r.changed = true
	r.added.Add(n)
	return nil
}

// show makes what was done so far part of a commit: the documents that were added, and the
// end of those whose ids they have.
func (r *replacement) show() {
	if !r.changed {
		return
	}
	r.changed = false
	all := roaring.Or(roaring.AndNot(r.before, r.gone), r.added)
	r.w.keep(&source{engine.Source{Key: r.source.Key, Name: r.source.Name, Settings: r.source.Settings, Number: r.source.Number}, numbers{all}})
	r.w.moved = append(r.w.moved, r.places...)
	r.places = nil
}

// Done ends the replacement with what is now known of the source.
func (r *replacement) Done(src engine.Source) {
	delete(r.w.open, r)
	src.Number = r.source.Number
	r.w.keep(&source{src, numbers{roaring.Or(r.kept, r.added)}})
	r.w.moved = append(r.w.moved, r.places...)
}

// Abandon ends the replacement and leaves the source as the last commit has it.
func (r *replacement) Abandon() { delete(r.w.open, r) }

// Touch stages that a source was found unchanged, under a new time or key.
func (w *Writer) Touch(src engine.Source) {
	if known := w.change(src.Number); known != nil {
		known.Source = src
	}
}

// Forget stages the end of a source and of its documents.
func (w *Writer) Forget(_ context.Context, src engine.Source) error {
	w.drop(src.Number)
	return nil
}

// Delete deletes all documents of the set and commits or, on an error, none. IDs still
// yields their ids until the writer is closed, which takes them from the servers.
func (w *Writer) Delete(ctx context.Context, documents engine.Set) error {
	if w.past == nil {
		before := w.asCommitted()
		w.past = &before
	}
	w.delete(documents.(set).numbers)
	return w.Commit(ctx)
}

// IDs is Store's, of what was deleted, too.
func (w *Writer) IDs(ctx context.Context, documents engine.Set) iter.Seq2[string, error] {
	if w.past == nil {
		return w.Store.IDs(ctx, documents)
	}
	return w.fixed(*w.past).IDs(ctx, documents)
}

// delete deletes documents. A source that lost some is to be read again, and one that lost
// all goes.
func (w *Writer) delete(documents *roaring.Bitmap) {
	for number, src := range w.draft {
		lost := src.Numbers.AndCardinality(documents)
		switch {
		case lost == 0:
		case lost == src.Numbers.GetCardinality():
			w.drop(number)
		default:
			src = w.change(number)
			src.Hash = nil
			src.Numbers.AndNot(documents)
		}
	}
}
