package weaviate

import (
	"context"
	"encoding/json"
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
	dead := roaring.Or(roaring.Or(base.Dead.Bitmap, gone), span(base.Next, s.Next))
	dead.AndNot(s.Documents.Bitmap)
	s.Dead = numbers{dead}
	if len(w.moved) > 0 { // in place: of another writer's store nothing must change
		if err := w.own(ctx); err != nil {
			return err
		}
	}
	if err := w.move(ctx, s.Documents.Bitmap); err != nil {
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
	if err := w.own(ctx); err != nil {
		return err
	}
	if err := w.writeState(ctx, &s); err != nil {
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

// own fails where another writer has taken the store over.
func (w *Writer) own(ctx context.Context) error {
	s, err := w.readState(ctx)
	if err == nil && s.Writer != w.token {
		err = engine.ErrLockLost
	}
	return err
}

// placed is a document that stays with other lines or metadata.
type placed struct {
	number uint32
	engine.Document
}

// move gives documents that stay their new lines and metadata.
func (w *Writer) move(ctx context.Context, documents *roaring.Bitmap) error {
	v := w.asCommitted()
	for page := range slices.Chunk(w.moved, named) {
		at := map[uint32]*engine.Document{}
		var numbers []uint32
		for i := range page {
			if p := &page[i]; documents.Contains(p.number) {
				if at[p.number] == nil {
					numbers = append(numbers, p.number)
				}
				at[p.number] = &p.Document
			}
		}
		found, err := v.numbered(ctx, numbers, fieldsAll+fieldsVector)
		if err != nil {
			return err
		}
		var rows []json.RawMessage
		for n, d := range at {
			r := found[n]
			d.Text = r.Text
			b, err := json.Marshal(w.object(n, r.Source, d, r.vector(), r.Origin))
			if err != nil {
				return err
			}
			rows = append(rows, b)
		}
		if len(rows) == 0 {
			continue
		}
		if err := w.putOnce(ctx, rows); err != nil {
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
