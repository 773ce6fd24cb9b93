package weaviate

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/words"
)

// change returns a source of the draft to be changed; nil where there is none.
func (w *Writer) change(number int64) *source {
	src := w.draft[number]
	if src == nil {
		return nil
	}
	changed := *src
	changed.Numbers = numbers{src.Numbers.Clone()}
	w.keep(&changed)
	return &changed
}

// keep puts a source into the draft, in the place of what is known of it.
func (w *Writer) keep(src *source) {
	w.draft[src.Number] = src
	w.dirty[src.Number/pageSources] = true
}

// drop takes a source out of the draft.
func (w *Writer) drop(number int64) {
	delete(w.draft, number)
	w.dirty[number/pageSources] = true
}

// has reports whether an object is a document, committed or staged, and not one that goes away with the next commit.
func (w *Writer) has(r *row) bool {
	for o := range w.open {
		if o.added.Contains(r.number) {
			return true
		}
	}
	src := w.draft[r.Source]
	return src != nil && src.Numbers.Contains(r.number)
}

// Commit makes visible what was staged: all of it or, on an error, nothing.
func (w *Writer) Commit(ctx context.Context) error {
	for r := range w.open {
		r.show()
	}
	err := w.flush(ctx)
	if err == nil {
		err = w.commit(ctx)
	}
	if err != nil {
		w.failure = err
		return err
	}
	w.new = false
	w.ids.Next()
	return nil
}

func (w *Writer) commit(ctx context.Context) error {
	base := w.base.Load()
	s := *base.state
	s.Facts, s.Settings, s.Unit, s.Longest, s.Next, s.NextSource, s.Updated = w.facts, w.settings, w.unit, w.longest, w.next, w.source, time.Now()
	s.Words, s.Documents = words.Version, numbers{roaring.New()}
	for _, src := range w.draft {
		s.Documents.Or(src.Numbers.Bitmap)
	}
	gone := roaring.AndNot(base.Documents.Bitmap, s.Documents.Bitmap)
	if !gone.IsEmpty() || len(w.moved) > 0 {
		s.Generation++
	}
	s.bury(gone, span(base.Next, s.Next))
	if err := w.move(ctx, &s); err != nil {
		return err
	}
	if err := w.flushWords(ctx); err != nil {
		return err
	}
	if err := w.mergeWords(ctx, &s); err != nil {
		return err
	}
	if err := w.writePages(ctx, &s); err != nil {
		return err
	}
	if err := w.everywhere(ctx, &s); err != nil {
		return err
	}
	if err := w.turn(ctx, &s); err != nil {
		return err
	}
	replaced := pagesOf(base.state)
	for id := range pagesOf(&s) {
		delete(replaced, id)
	}
	w.show(&s, w.draft)
	for ids := range slices.Chunk(slices.Collect(maps.Keys(replaced)), maxRows/2) {
		_ = w.remove(ctx, w.place.meta(), ids) // the commit is made: what is left takes room alone
	}
	return nil
}

// pagesOf are the ids of the pages of a state.
func pagesOf(s *state) map[string]bool {
	ids := map[string]bool{}
	for _, id := range s.Pages {
		if id != "" {
			ids[id] = true
		}
	}
	for _, segment := range s.Segments {
		for _, id := range segment.ids() {
			ids[id] = true
		}
	}
	return ids
}

// writePages writes the pages of sources that change, and puts their ids into the state.
func (w *Writer) writePages(ctx context.Context, s *state) error {
	pages := map[int64][]source{}
	for _, src := range inOrder(w.draft) {
		if page := src.Number / pageSources; w.dirty[page] {
			pages[page] = append(pages[page], *src)
		}
	}
	s.Pages = slices.Clone(s.Pages)
	for page := range w.dirty {
		for int64(len(s.Pages)) <= page {
			s.Pages = append(s.Pages, "")
		}
		s.Pages[page] = ""
		if len(pages[page]) == 0 {
			continue
		}
		id, err := w.writePage(ctx, pages[page])
		if err != nil {
			return err
		}
		s.Pages[page] = id
	}
	return nil
}

// bury makes dead what a commit takes away, and numbers that it adds and does not use.
func (s *state) bury(gone, added *roaring.Bitmap) {
	left, taken := s.Moved.without(gone)
	s.Moved = left
	dead := roaring.Or(s.Dead.Bitmap, added)
	for _, one := range taken {
		if one.Version == 0 {
			dead.Or(one.Numbers.Bitmap)
		} else {
			s.Stale = s.Stale.with(one.Version, one.Numbers.Bitmap)
		}
	}
	dead.AndNot(s.Documents.Bitmap)
	s.Dead = numbers{dead}
}

// turn makes a state the one that readers find, and fails unless the next writer will find it too: see lock.go.
func (w *Writer) turn(ctx context.Context, s *state) error {
	if err := w.own(ctx, w.lease); err != nil {
		return err
	}
	if err := w.writeState(ctx, w.lease.epoch, s); err != nil {
		return err
	}
	return w.own(ctx, w.lease)
}

// placed is a document that stays with other lines or metadata.
type placed struct {
	number uint32
	engine.Document
}

// move writes documents that stay with new lines or metadata anew, as a version that s then has. Before, a
// state of what is committed tells that there may be such objects.
func (w *Writer) move(ctx context.Context, s *state) error {
	latest, moved := map[uint32]*engine.Document{}, roaring.New()
	for i := range w.moved {
		if p := &w.moved[i]; s.Documents.Contains(p.number) {
			latest[p.number] = &p.Document
			moved.Add(p.number)
		}
	}
	if moved.IsEmpty() {
		return nil
	}
	n := max(1, s.NextVersion)
	planned := *w.base.Load().state
	planned.NextVersion, planned.Stale = n+1, planned.Stale.with(n, moved)
	if err := w.restate(ctx, &planned); err != nil {
		return err
	}
	for page := range chunks(moved, named) {
		if err := w.movePage(ctx, n, page, latest); err != nil {
			return err
		}
	}
	left, before := s.Moved.without(moved)
	s.NextVersion, s.Moved = n+1, left.with(n, moved)
	for _, one := range before {
		s.Stale = s.Stale.with(one.Version, one.Numbers.Bitmap)
	}
	return nil
}

func (w *Writer) movePage(ctx context.Context, version uint32, page []uint32, latest map[uint32]*engine.Document) error {
	v := w.asCommitted()
	found, err := v.numbered(ctx, page, fieldsOf(true))
	if err != nil {
		return err
	}
	var rows []outgoing
	for _, n := range page {
		r, d := found[n], *latest[n]
		d.ID, d.Text = r.properties.ID, r.Text
		rows = append(rows, w.object(n, version, r.Source, &d, r.vector, r.Origin))
	}
	return w.putDocuments(ctx, rows, v.state)
}

// tidy removes what a writer that did not close the store has left beside its documents: pages that no state names.
func (w *Writer) tidy(ctx context.Context, s *state) error {
	named, stray := pagesOf(s), []string{}
	for after := lastStateID; ; {
		ids, err := w.metaIDs(ctx, after)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if !named[id] {
				stray = append(stray, id)
			}
		}
		if len(ids) < maxRows {
			break
		}
		after = ids[len(ids)-1]
	}
	for page := range slices.Chunk(stray, maxRows/2) {
		if err := w.remove(ctx, w.place.meta(), page); err != nil {
			return err
		}
	}
	return nil
}

// span has the numbers from one to before another.
func span(from, to uint32) *roaring.Bitmap {
	all := roaring.New()
	all.AddRange(uint64(from), uint64(to))
	return all
}

// chunks yields the numbers of a bitmap, some at a time.
func chunks(numbers *roaring.Bitmap, size int) iter.Seq[[]uint32] {
	return func(yield func([]uint32) bool) {
		page := make([]uint32, size)
		for it := numbers.ManyIterator(); ; {
			n := it.NextMany(page)
			if n == 0 || !yield(page[:n]) {
				return
			}
		}
	}
}
