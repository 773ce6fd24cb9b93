package store

import (
	"context"
	"errors"
	"math"

	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// tempSegment and tempPage make the tables in which a builder keeps segments before
// they are merged into one: so the database has no free pages from the start.
const (
	tempSegment = `CREATE TEMP TABLE segment (page INTEGER PRIMARY KEY, first, last, documents, tokens, directory, crc)`
	tempPage    = `CREATE TEMP TABLE page (page INTEGER PRIMARY KEY, bits, crc)`
)

// indexWords adds the documents to the index of words that are not in it yet: those of
// a store made before there was one, or by other rules. Each transaction adds one
// segment; after a kill the next writer goes on.
func (w *Writer) indexWords(ctx context.Context) error {
	if w.base.facts.NoWords {
		return nil
	}
	if w.base.words.tokenizer != words.Version {
		if err := w.forgetWords(ctx); err != nil {
			return err
		}
	}
	if w.base.complete() {
		return nil
	}
	for !w.base.complete() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		from := w.base.words.count
		err := w.changeWords(ctx, func(t *tx) error { return w.terms.index(t, from) })
		if err != nil {
			return err
		}
		w.indexing(w.base.words.count, w.base.count)
	}
	return w.mergeWords(ctx)
}

// reindexWords makes the index of words anew.
func (w *Writer) reindexWords(ctx context.Context) error {
	if err := w.forgetWords(ctx); err != nil {
		return err
	}
	return w.indexWords(ctx)
}

// forgetWords empties the index of words.
func (w *Writer) forgetWords(ctx context.Context) error {
	err := w.changeWords(ctx, func(t *tx) error {
		t.words = wordState{tokenizer: words.Version}
		return errors.Join(t.saveWords(), t.Exec(`DELETE FROM segment`))
	})
	if err != nil {
		return err
	}
	return w.sweepWords(ctx)
}

// changeWords commits a change of the index of words alone.
func (w *Writer) changeWords(ctx context.Context, f func(*tx) error) error {
	next := *w.base
	err := w.update(ctx, func(t *tx) error {
		err := f(t)
		next.words = t.words
		return err
	})
	if err == nil {
		w.mu.Lock()
		w.base = &next
		w.mu.Unlock()
	}
	return err
}

// index adds a segment of the visible documents from a number on, as many as a
// transaction takes.
func (s *wordStage) index(t *tx, from int64) error {
	t.words.count = t.count
	added := amount{}
	for row, err := range t.Query(`SELECT n, text FROM document WHERE n >= ? AND n < ? ORDER BY n`, from, t.count) {
		if err != nil {
			return err
		}
		n := row.Int64(0)
		if !t.alive(n) {
			continue
		}
		if !s.builder.Fits(uint32(n)) || added.full() {
			t.words.count = n
			break
		}
		text := row.Text(1)
		added.documents++
		added.bytes += len(text)
		if err := s.add(t, n, s.of(text)); err != nil {
			return err
		}
	}
	if err := s.flush(t); err != nil {
		return err
	}
	return t.saveWords()
}

// mergeWords merges segments, if there are as many of a size as to make one of the
// next. Where it is interrupted they stay as they are.
func (w *Writer) mergeWords(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	err := w.mergeSegments(ctx, postings.Due)
	if ctx.Err() != nil && !w.Failed() {
		return nil
	}
	return err
}

// compactWords merges all segments into one, without dead documents.
func (w *Writer) compactWords(ctx context.Context) error {
	return w.mergeSegments(ctx, func(all []postings.Segment) int {
		if len(all) == 1 && all[0].Documents == w.base.documents {
			return 1
		}
		return 0
	})
}

// mergeSegments merges the segments from the index that due gives on.
func (w *Writer) mergeSegments(ctx context.Context, due func([]postings.Segment) int) error {
	if w.base.facts.NoWords {
		return nil
	}
	var all []segment
	err := w.view(ctx, func(t *tx) (err error) { all, err = t.segments("main", t.words.count); return err })
	if err != nil {
		return err
	}
	plain := make([]postings.Segment, len(all))
	for i, s := range all {
		plain[i] = s.Segment
	}
	from := due(plain)
	if from >= len(all) {
		return nil
	}
	if err = w.gather(ctx, "main", all[from:]); err == nil {
		err = w.sweepWords(ctx)
	}
	return w.forgiveLock(err)
}

// gatherWords puts one segment in the place of those that the builder has kept apart.
func (b *builder) gatherWords(ctx context.Context) error {
	var all []segment
	err := b.view(ctx, func(t *tx) (err error) { all, err = t.segments("temp", math.MaxUint32+1); return err })
	if err != nil || len(all) == 0 {
		return err
	}
	return b.gather(ctx, "temp", all)
}

// gather merges segments of a schema into one of the store's, in transactions of some
// megabytes. The last one puts it in their place.
func (w *Writer) gather(ctx context.Context, schema string, all []segment) error {
	sources := make([]postings.Source, len(all))
	for i, s := range all {
		sources[i] = postings.Source{Segment: s.Segment, Page: func(i int) (bits []byte, err error) {
			err = w.view(ctx, func(t *tx) (err error) { bits, err = t.page(schema, &s, i); return err })
			return bits, err
		}}
	}
	var first int64
	err := w.write(ctx, func(t *tx) (err error) { first, err = t.nextPage("main"); return err })
	if err != nil {
		return err
	}
	next := first
	merged, err := postings.Merge(sources, w.base.aliveBits(), func(page []byte) error {
		err := w.write(ctx, func(t *tx) error { return t.insertPage("main", next, page) })
		if next++; err == nil && (next-first)%deletePages == 0 {
			err = w.endTransaction()
		}
		return err
	})
	if err != nil {
		return errors.Join(err, w.rollBack())
	}
	return w.update(ctx, func(t *tx) error {
		for _, s := range all {
			if err := t.Exec(`DELETE FROM `+schema+`.segment WHERE page = ?`, s.page); err != nil {
				return err
			}
		}
		return t.insertSegment("main", segment{merged, first})
	})
}

// sweepWords deletes pages that no segment has.
func (w *Writer) sweepWords(ctx context.Context) error {
	for more := true; more && ctx.Err() == nil; { // the next writer does the rest
		err := w.update(ctx, func(t *tx) (err error) { more, err = t.deleteUnused(); return err })
		if err != nil {
			return err
		}
	}
	return nil
}
