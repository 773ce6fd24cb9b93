package engine

import (
	"context"
	"iter"
)

// Holders finds for a Merger which documents have the ids of those that arrive: it reads some
// documents ahead and looks their ids up together, but for those that are known to be free.
type Holders struct {
	// LookUp finds the newest document, staged or committed, of each id that has one.
	LookUp func(ctx context.Context, ids []string) (map[string]Holder, error)
	Free   *FreeIDs
	Page   int  // how many documents are read ahead
	Empty  bool // the store never had a document: every id is free until it is added

	known map[string]*Holder // by id: what was looked up; nil: none has it
}

// Ahead yields documents that it has looked up.
func (h *Holders) Ahead(ctx context.Context, docs iter.Seq2[Transfer, error]) iter.Seq2[Transfer, error] {
	return func(yield func(Transfer, error) bool) {
		var page []Transfer
		var floats []float32 // their vectors, which are valid only until the next document
		turn := func() bool {
			err := h.lookUp(ctx, page)
			for _, t := range page {
				if !yield(t, err) || err != nil {
					return false
				}
			}
			page, floats = page[:0], floats[:0]
			return true
		}
		for t, err := range docs {
			if err != nil {
				if turn() {
					yield(t, err)
				}
				return
			}
			floats = append(floats, t.Vector...)
			t.Vector = floats[len(floats)-len(t.Vector):]
			if page = append(page, t); len(page) == h.Page && !turn() {
				return
			}
		}
		turn()
	}
}

// lookUp looks up the ids of a page.
func (h *Holders) lookUp(ctx context.Context, page []Transfer) error {
	ids := make([]string, len(page))
	for i, t := range page {
		ids[i] = t.ID
	}
	if h.Empty {
		h.Free.Learn(h.Free.Now(), ids)
	}
	h.known = make(map[string]*Holder, len(ids))
	var asked []string
	for _, id := range ids {
		if h.known[id] = nil; !h.Free.Has(id) {
			asked = append(asked, id)
		}
	}
	return h.ask(ctx, asked)
}

func (h *Holders) ask(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := h.LookUp(ctx, ids)
	for id, holder := range found {
		h.known[id] = &holder
	}
	return err
}

// Holder is what a Merger is asked for.
func (h *Holders) Holder(ctx context.Context, d *Document) (Holder, bool, error) {
	if _, looked := h.known[d.ID]; !looked {
		h.known[d.ID] = nil
		if err := h.ask(ctx, []string{d.ID}); err != nil {
			return Holder{}, false, err
		}
	}
	if holder := h.known[d.ID]; holder != nil {
		return *holder, true, nil
	}
	return Holder{}, false, nil
}

// Added notes that a document was added: its id is looked up anew.
func (h *Holders) Added(d *Document) { delete(h.known, d.ID) }
