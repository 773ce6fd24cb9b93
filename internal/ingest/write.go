package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
)

// batch is some steps, with the texts that need embedding for them.
type batch = embed.Batch[[]step]

// located names the first source of a batch whose request the service refused as
// a whole. What is wrong with a key or with the way to the service has no place.
func located(err error) error {
	var failed *embed.BatchError[[]step]
	var refused *embed.RefusedError
	if !errors.As(err, &failed) || !errors.As(err, &refused) {
		return err
	}
	for i := range failed.Batch.Carry {
		if s := &failed.Batch.Carry[i]; s.text == 0 {
			return fmt.Errorf("embedding %s: %w", s.place(), err)
		}
	}
	return err
}

// write applies a batch of steps in order.
func (r *run) write(ctx context.Context, b *batch) error {
	for i := range b.Carry {
		if err := r.step(ctx, &b.Carry[i], b.Result); err != nil {
			return err
		}
		r.window.applied++
	}
	if r.Pending() >= r.o.CommitDocuments || time.Since(r.committed) >= r.o.CommitEvery {
		return r.commit(ctx)
	}
	return nil
}

// step applies one step. A document that cannot be stored fails alone.
func (r *run) step(ctx context.Context, s *step, embedded embed.Result) error {
	err := r.apply(ctx, s, embedded)
	var foreign *engine.ForeignIDError
	var mismatch *engine.MismatchError
	if errors.Is(err, engine.ErrDuplicateID) || errors.As(err, &foreign) || errors.As(err, &mismatch) && s.origin == engine.Given {
		return r.failDocument(s, err)
	}
	return err
}

func (r *run) apply(ctx context.Context, s *step, embedded embed.Result) (err error) {
	switch s.kind {
	case stepBegin:
		r.current, err = r.Replace(ctx, s.source)
	case stepKeep:
		if err = r.current.Keep(s.match, s.doc); err == nil {
			r.o.Progress.AddChunks(1)
			r.sum.Chunks.Reused++
		}
	case stepAdd:
		err = r.add(ctx, s, embedded)
	case stepEnd:
		r.end(s)
	case stepAbandon:
		r.current.Abandon()
		r.current, r.incomplete = nil, false
	case stepUnchanged:
		r.sum.Sources.Unchanged++
		r.sum.Chunks.Reused += s.source.Documents
		if s.touched {
			r.Touch(s.source)
		}
	case stepSkip:
		r.sum.Sources.Skipped++
		r.sum.Skips = append(r.sum.Skips, Skip{s.source.Name, s.reason})
	case stepFail:
		r.incomplete = !s.whole
		err = r.fail(s.source.Name, s.err, s.whole)
	case stepNotice:
		r.notice("%s", s.reason)
	}
	return err
}

// end completes a source. One of which a document failed is read again by the
// next run, which may have more luck.
func (r *run) end(s *step) {
	if r.incomplete {
		s.source.Hash, s.source.ModTime = nil, time.Time{}
	}
	r.sum.Chunks.Removed += r.current.Done(s.source)
	r.current, r.incomplete = nil, false
	if s.existed {
		r.sum.Sources.Updated++
	} else {
		r.sum.Sources.Added++
	}
}

// add stores a document with its vector: its own, a known one, or the one that
// was embedded for it.
func (r *run) add(ctx context.Context, s *step, embedded embed.Result) error {
	vector, at := s.vector, s.text
	if s.late && vector == nil {
		if err := r.current.Check(ctx, s.doc.ID, s.match); err != nil {
			return err
		}
		var err error
		if vector, err = r.VectorOf(ctx, s.doc.Text); err != nil {
			return err
		}
		if vector == nil {
			if embedded, err = r.embedLate(ctx, s.doc.Text); err != nil {
				return err
			}
			at = 0
		}
	}
	reused := s.origin == engine.Embedded
	if vector == nil {
		if err := embedded.Errs[at]; err != nil {
			r.refuse(s.doc.Text, err)
			return r.failDocument(s, err)
		}
		if n, cut := embedded.Cut[at]; cut {
			s.origin = engine.Truncated
			r.notice("%s: only the first %d of its %d bytes are embedded: it is too long", s.place(), n, len(s.doc.Text))
		}
		vector, reused = embedded.Vectors[at], false
		r.sum.Embedding.Texts++
	}
	if err := r.current.Add(ctx, s.doc, s.match, vector, s.origin); err != nil {
		return err
	}
	r.o.Progress.AddChunks(1)
	r.sum.Chunks.Added++
	if reused {
		r.sum.Chunks.Reused++
	}
	return nil
}

// embedLate embeds one text while everything else waits: one whose id may be
// taken, or whose equal turned out to have left no vector. A text that was
// refused before is refused again without asking.
func (r *run) embedLate(ctx context.Context, text string) (embed.Result, error) {
	if err := r.refused[hashOf(text)]; err != nil {
		return embed.Result{Errs: map[int]error{0: err}}, nil
	}
	return r.e.Embed(ctx, []string{text})
}

func (r *run) refuse(text string, err error) {
	if r.refused == nil {
		r.refused = map[uint64]error{}
	}
	r.refused[hashOf(text)] = err
}

// failDocument notes that one document failed.
func (r *run) failDocument(s *step, err error) error {
	r.incomplete = true
	return r.fail(s.source.Name, fmt.Errorf("%s: %w", s.lines(), err), false)
}

func (r *run) fail(source string, err error, whole bool) error {
	if whole {
		r.sum.Sources.Failed++
	}
	r.sum.Failures = append(r.sum.Failures, Failure{source, err.Error()})
	if r.o.FailFast {
		return fmt.Errorf("%q: %w", source, err)
	}
	return nil
}
