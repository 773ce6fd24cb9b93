package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
)

// replacement is an engine.Replacement. The documents that the source had are those below
// first; they stay until the end, except those whose ids are added anew.
type replacement struct {
	w       *Writer
	source  engine.Source
	existed bool            // it is in the store already
	first   int64           // number of the first document that it adds
	since   int64           // number of the first one that is not committed
	kept    *roaring.Bitmap // of the old documents those that stay
	gone    *roaring.Bitmap // and those whose ids were added anew
	added   int64
	places  []placed
	changed bool // something was added or moved since the last commit
}

// placed is a document that stays with other lines or metadata.
type placed struct {
	n int64
	engine.Document
}

// Replace begins to replace what src holds.
func (w *Writer) Replace(ctx context.Context, src engine.Source) (engine.Replacement, error) {
	if err := errors.Join(checkKey("source", src.Key), checkKey("source", src.Name)); err != nil {
		return nil, err
	}
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	return w.replace(src), nil
}

func (w *Writer) replace(src engine.Source) *replacement {
	existed := src.Number != 0
	if !existed {
		src.Number = w.source
		w.source++
	}
	r := &replacement{w: w, source: src, existed: existed, first: w.next, since: w.next, kept: roaring.New(), gone: roaring.New()}
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
		r.places = append(r.places, placed{m.Number, d})
		r.changed = true
		r.w.pending++
	}
	return nil
}

// Check returns the error of Add that is about an id.
func (r *replacement) Check(ctx context.Context, id string) error {
	_, err := r.check(ctx, id)
	return err
}

// check is Check, and returns the number of the old document that has the id; -1 for none.
func (r *replacement) check(ctx context.Context, id string) (int64, error) {
	n, source, err := r.w.holder(ctx, id)
	switch {
	case err != nil || n < 0:
		return -1, err
	case source != r.source.Number:
		name, err := r.w.nameOf(ctx, source)
		return -1, errors.Join(err, &engine.ForeignIDError{ID: id, Source: name})
	case n >= r.first || r.kept.Contains(uint32(n)) || r.gone.Contains(uint32(n)):
		return -1, fmt.Errorf("id %q: %w", id, engine.ErrDuplicateID)
	}
	return n, nil
}

// nameOf is the name of a source, staged or committed.
func (w *Writer) nameOf(ctx context.Context, source int64) (name string, err error) {
	for r := range w.open {
		if r.source.Number == source {
			return r.source.Name, nil
		}
	}
	err = w.do(ctx, func(c *conn) error {
		b, err := c.value(ctx, `SELECT name FROM {sources} WHERE source = $1`, source)
		name = string(b)
		return err
	})
	return name, err
}

// Add stages a document with its vector.
func (r *replacement) Add(ctx context.Context, d engine.Document, x []float32, origin engine.Origin) error {
	x, err := r.w.state.Vector(x)
	if err == nil {
		err = r.w.state.check(&d)
	}
	if err != nil {
		return err
	}
	old, err := r.check(ctx, d.ID)
	if err != nil {
		return err
	}
	if old >= 0 {
		r.gone.Add(uint32(old))
	}
	r.changed = true
	r.added++
	return r.w.add(ctx, r.source.Number, &d, x, origin)
}

// show makes what was done so far part of a commit: the documents that were added, and the
// end of those whose ids they have.
func (r *replacement) show() {
	if !r.changed {
		return
	}
	r.changed = false
	unfinished := engine.Source{Key: r.source.Key, Name: r.source.Name, Settings: r.source.Settings, Number: r.source.Number}
	unfinished.Documents = r.source.Documents - int64(r.gone.GetCardinality()) + r.added
	r.w.ended = append(r.w.ended, moves(r.places), deleted(numbers(r.gone)), source{unfinished})
	r.w.changes = r.w.changes || !r.gone.IsEmpty() || len(r.places) > 0
	r.places = nil
}

// Done ends the replacement with what is now known of the source.
func (r *replacement) Done(src engine.Source) {
	delete(r.w.open, r)
	src.Number, src.Documents = r.source.Number, r.added
	if r.existed {
		src.Documents += int64(r.kept.GetCardinality())
	}
	r.w.changes = r.w.changes || r.source.Documents > int64(r.kept.GetCardinality()) || len(r.places) > 0
	r.w.ended = append(r.w.ended, moves(r.places))
	if r.existed {
		r.w.ended = append(r.w.ended, stale{src.Number, r.first, numbers(r.kept)})
	}
	r.w.ended = append(r.w.ended, source{src})
}

// Abandon ends the replacement and leaves the source as the last commit has it.
func (r *replacement) Abandon() {
	delete(r.w.open, r)
	r.w.ended = append(r.w.ended, addedSince{r.source.Number, r.since})
}

// moves are documents that stay with other lines or metadata.
type moves []placed

func (m moves) write(b *batch) {
	for _, p := range m {
		object := p.Metadata.JSON()
		b.add(`UPDATE {documents} SET metadata = $2::jsonb, verbatim = $3, start_index = $4, start_line = $5, end_line = $6 WHERE n = $1`,
			p.n, jsonb(object), string(object), p.StartIndex, p.StartLine, p.EndLine)
	}
}

// deleted are the numbers of documents that go.
type deleted []int64

func (d deleted) write(b *batch) {
	if len(d) > 0 {
		b.remove(`n = ANY ($1)`, []int64(d))
	}
}

// stale are the documents of a source that are older than its new ones and not kept.
type stale struct {
	source, first int64
	kept          []int64
}

func (s stale) write(b *batch) {
	b.remove(`source = $1 AND n < $2 AND n <> ALL ($3)`, s.source, s.first, s.kept)
}

// addedSince are the documents of a source from a number on.
type addedSince struct{ source, since int64 }

func (a addedSince) write(b *batch) {
	b.remove(`source = $1 AND n >= $2`, a.source, a.since)
}

// source is a source to be kept, with as many documents as it has then.
type source struct{ engine.Source }

func (s source) write(b *batch) {
	mtime := int64(0)
	if !s.ModTime.IsZero() {
		mtime = s.ModTime.UnixNano()
	}
	b.add(`INSERT INTO {sources} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (source) DO UPDATE SET key = EXCLUDED.key, name = EXCLUDED.name, size = EXCLUDED.size, mtime = EXCLUDED.mtime,
    hash = EXCLUDED.hash, settings = EXCLUDED.settings, documents = EXCLUDED.documents`,
		s.Number, s.Key, s.Name, s.Size, mtime, s.Hash, s.Settings, s.Documents)
}

// numbers are those of a bitmap.
func numbers(b *roaring.Bitmap) []int64 {
	all := make([]int64, 0, b.GetCardinality())
	for it := b.Iterator(); it.HasNext(); {
		all = append(all, int64(it.Next()))
	}
	return all
}

// Touch stages that a source was found unchanged, under a new time or key.
func (w *Writer) Touch(src engine.Source) { w.ended = append(w.ended, source{src}) }

// Forget stages the end of a source and of its documents.
func (w *Writer) Forget(ctx context.Context, src engine.Source) error {
	w.changes = true
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.do(ctx, func(c *conn) error {
		b := &batch{conn: c}
		b.remove(`source = $1`, src.Number)
		b.add(`DELETE FROM {sources} WHERE source = $1`, src.Number)
		return w.send(ctx, b)
	})
}

// Delete deletes all documents of the set and commits or, on an error, none. IDs still
// yields their ids until the writer is closed.
func (w *Writer) Delete(ctx context.Context, documents engine.Set) (err error) {
	if w.past == nil && documents.Len() > 0 {
		v, err := w.keep(ctx)
		if err != nil {
			return err
		}
		w.past = v.conn
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if err := w.do(ctx, func(c *conn) error { return w.delete(ctx, c, documents.(set).numbers) }); err != nil {
		return err
	}
	w.changes = w.changes || documents.Len() > 0
	return w.Commit(ctx)
}

// delete deletes documents. A source that lost some is to be read again, and one that lost
// all goes.
func (w *Writer) delete(ctx context.Context, c *conn, documents *roaring.Bitmap) error {
	lost := map[int64]int64{}
	for page := range pages(documents) {
		for r, err := range c.query(ctx, `WITH gone AS (DELETE FROM {documents} WHERE n = ANY ($1) RETURNING source, length) SELECT source, count(*), sum(length) FROM gone GROUP BY source`, page) {
			if err != nil {
				return err
			}
			lost[r.int(0)] += r.int(1)
			w.tokens -= r.int(2)
		}
	}
	b := &batch{conn: c}
	for source, n := range lost {
		b.add(`UPDATE {sources} SET documents = documents - $2, hash = '' WHERE source = $1`, source, n)
		b.add(`DELETE FROM {sources} WHERE source = $1 AND documents = 0`, source)
	}
	return w.send(ctx, b)
}
