package enginetest

import (
	"context"
	"fmt"
	"slices"

	"sheaf/internal/engine"
)

// MemoryWriter changes a store. What it is told goes to a draft, which Commit
// shows.
type MemoryWriter struct {
	MemoryReader
	draft   *content
	pending int64
	open    *memoryReplacement
	closed  bool
	undo    func() // removes a store that was just made; nil otherwise
}

func newMemoryWriter(s *memory) *MemoryWriter {
	return &MemoryWriter{MemoryReader: MemoryReader{s}, draft: s.shown.clone()}
}

// Close drops the draft.
func (w *MemoryWriter) Close() error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if !w.closed {
		w.closed, w.s.held = true, false
	}
	return nil
}

// Discard closes the store and removes it where it was just made.
func (w *MemoryWriter) Discard() error {
	if w.undo != nil {
		w.undo()
	}
	return w.Close()
}

// Commit shows the draft.
func (w *MemoryWriter) Commit(context.Context) error {
	if w.open != nil {
		w.open.showUnfinished()
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.draft.generation++
	w.draft.updated = w.draft.updated.Add(1)
	w.s.shown = w.draft
	w.draft, w.pending, w.undo = w.draft.clone(), 0, nil
	return nil
}

// Pending is how many documents were given since the last commit.
func (w *MemoryWriter) Pending() int64 { return w.pending }

// Failed reports false: nothing can fail.
func (w *MemoryWriter) Failed() bool { return false }

// Bind gives a store its embedder.
func (w *MemoryWriter) Bind(ctx context.Context, embedder, fingerprint string) error {
	if f := w.draft.facts; f.Embedder != "" {
		return f.Check(engine.Facts{Embedder: embedder, Fingerprint: fingerprint})
	}
	w.draft.facts.Embedder, w.draft.facts.Fingerprint = embedder, fingerprint
	return w.Commit(ctx)
}

// SetSettings keeps settings.
func (w *MemoryWriter) SetSettings(_ context.Context, settings string) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.draft.settings = settings
	shown := *w.s.shown
	shown.settings = settings
	w.s.shown = &shown
	return nil
}

// Compact has nothing to do.
func (w *MemoryWriter) Compact(context.Context) (engine.Compacted, error) {
	return engine.Compacted{}, nil
}

// Touch takes what is new of a source.
func (w *MemoryWriter) Touch(src engine.Source) { w.draft.sources[src.Number] = src }

// Forget removes a source.
func (w *MemoryWriter) Forget(_ context.Context, src engine.Source) error {
	for id, d := range w.draft.docs {
		if d.source == src.Number {
			delete(w.draft.docs, id)
		}
	}
	delete(w.draft.sources, src.Number)
	return nil
}

// VectorOf looks at the draft.
func (w *MemoryWriter) VectorOf(_ context.Context, text string) ([]float32, error) {
	return w.draft.embedded(text), nil
}

// Delete removes documents and commits.
func (w *MemoryWriter) Delete(ctx context.Context, set engine.Set) error {
	touched := map[int64]bool{}
	for _, id := range set.(ids) {
		if d := w.draft.docs[id]; d != nil {
			touched[d.source] = true
			delete(w.draft.docs, id)
		}
	}
	for source := range touched {
		w.draft.count(source)
	}
	return w.Commit(ctx)
}

// Merge merges with the policies fail and skip.
func (w *MemoryWriter) Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (merged engine.Merged, err error) {
	if policy != engine.OnConflictFail && policy != engine.OnConflictSkip {
		return merged, errUnsupported
	}
	before := w.draft.clone()
	for _, snap := range from {
		if err = w.mergeOne(snap, policy, &merged); err != nil {
			w.draft = before
			return engine.Merged{}, err
		}
	}
	return merged, w.Commit(ctx)
}

func (w *MemoryWriter) mergeOne(snap engine.Snapshot, policy engine.OnConflict, merged *engine.Merged) error {
	if snap.Facts != (engine.Facts{}) {
		if err := w.draft.facts.Agree(snap.Facts); err != nil {
			return err
		}
	}
	added := map[string]int64{} // sources that came with the snapshot
	for t, err := range engine.Home("").Adopt(snap.Transfers) {
		if err != nil {
			return err
		}
		if t.Vector, err = w.draft.facts.Vector(t.Vector); err != nil {
			return fmt.Errorf("id %q: %w", t.ID, err)
		}
		if old := w.draft.docs[t.ID]; old != nil && old.Text == t.Text && old.Metadata.String() == t.Metadata.String() {
			merged.Skipped++
			continue
		}
		source, ours := added[t.From.Key]
		if !ours {
			for _, src := range w.draft.sources {
				if src.Key == t.From.Key {
					source = src.Number
				}
			}
		}
		if conflict := w.draft.docs[t.ID] != nil || source != 0 && !ours; conflict && policy == engine.OnConflictFail {
			return &engine.ConflictError{ID: t.ID, Source: t.From.Name}
		} else if conflict {
			merged.Skipped++
			continue
		}
		if source == 0 {
			source = w.draft.number()
			t.From.Number, added[t.From.Key] = source, source
			w.draft.sources[source] = t.From
		}
		w.draft.docs[t.ID] = &document{Document: t.Document, number: w.draft.number(), source: source, origin: t.Origin}
		merged.Added++
	}
	for _, source := range added {
		hash := w.draft.sources[source].Hash
		w.draft.count(source)
		src := w.draft.sources[source]
		src.Hash = hash
		w.draft.sources[source] = src
	}
	return nil
}

// Replace starts to replace a source.
func (w *MemoryWriter) Replace(_ context.Context, src engine.Source) (engine.Replacement, error) {
	if src.Number == 0 {
		src.Number = w.draft.number()
	}
	w.open = &memoryReplacement{w: w, src: src, given: map[string]bool{}, before: w.draft.clone()}
	return w.open, nil
}

// memoryReplacement writes to the draft; before is the draft as the last commit,
// or the beginning, left it.
type memoryReplacement struct {
	w       *MemoryWriter
	src     engine.Source
	given   map[string]bool
	before  *content
	changed bool
}

func (r *memoryReplacement) Keep(_ engine.Match, d engine.Document) error {
	if r.given[d.ID] {
		return fmt.Errorf("id %q: %w", d.ID, engine.ErrDuplicateID)
	}
	r.given[d.ID] = true
	old := r.w.draft.docs[d.ID]
	kept := *old
	kept.Metadata, kept.StartIndex, kept.StartLine, kept.EndLine = d.Metadata, d.StartIndex, d.StartLine, d.EndLine
	if kept.Metadata.String() != old.Metadata.String() || kept.StartIndex != old.StartIndex || kept.StartLine != old.StartLine || kept.EndLine != old.EndLine {
		r.changed = true
		r.w.pending++
	}
	r.w.draft.docs[d.ID] = &kept
	return nil
}

func (r *memoryReplacement) Check(_ context.Context, id string) error {
	if r.given[id] {
		return fmt.Errorf("id %q: %w", id, engine.ErrDuplicateID)
	}
	if d := r.w.draft.docs[id]; d != nil && d.source != r.src.Number {
		return &engine.ForeignIDError{ID: id, Source: r.w.draft.sources[d.source].Name}
	}
	return nil
}

func (r *memoryReplacement) Add(ctx context.Context, d engine.Document, v []float32, origin engine.Origin) (err error) {
	if v, err = r.w.draft.facts.Vector(v); err != nil {
		return err
	}
	if err := r.Check(ctx, d.ID); err != nil {
		return err
	}
	r.given[d.ID], r.changed = true, true
	r.w.pending++
	d.Vector = slices.Clone(v)
	r.w.draft.docs[d.ID] = &document{Document: d, number: r.w.draft.number(), source: r.src.Number, origin: origin}
	return nil
}

// showUnfinished makes what was done so far part of a commit.
func (r *memoryReplacement) showUnfinished() {
	if r.changed {
		c := r.w.draft
		c.sources[r.src.Number] = engine.Source{Key: r.src.Key, Name: r.src.Name, Settings: r.src.Settings, Number: r.src.Number}
		c.count(r.src.Number)
	}
	r.before, r.changed = r.w.draft.clone(), false
}

func (r *memoryReplacement) Done(src engine.Source) {
	c := r.w.draft
	src.Number, src.Documents = r.src.Number, 0
	for id, d := range c.docs {
		switch {
		case d.source != src.Number:
		case r.given[id]:
			src.Documents++
		default:
			delete(c.docs, id)
		}
	}
	c.sources[src.Number] = src
	r.w.open = nil
}

func (r *memoryReplacement) Abandon() {
	next := r.w.draft.next
	r.w.draft, r.w.open = r.before, nil
	r.w.draft.next = next
}
