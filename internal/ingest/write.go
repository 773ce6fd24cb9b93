package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
)

// batch is steps in order, with the texts that are embedded for them.
type batch = embed.Batch[[]step]

// located adds the place of the first text of a batch that the service refused as a
// whole. Other errors, such as one about the key, are about no text.
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

// apply applies a batch of steps in order.
func (r *run) apply(ctx context.Context, b *batch) error {
	for i := range b.Carry {
		if err := r.step(ctx, &b.Carry[i], b.Result); err != nil {
			return err
		}
		r.window.applied++
	}
	if r.w != nil && (r.w.Pending() >= r.o.CommitDocuments || time.Since(r.committed) >= r.o.CommitEvery) {
		return r.commit(ctx)
	}
	return nil
}

// step applies one step: it completes it, writes it, unless the run is dry, and
// counts it. A document that cannot be stored becomes a failure of its own, and a
// new source none of whose documents can be stored fails as a whole.
func (r *run) step(ctx context.Context, s *step, embedded embed.Result) error {
	if s.kind == stepEnd && r.incomplete && r.stored == 0 && !s.existed {
		s.kind = stepAbandon
		r.sum.FailedSources++
	}
	err := r.complete(ctx, s, embedded)
	if err == nil && r.w != nil {
		err = r.write(ctx, s)
	}
	var foreign *engine.ForeignIDError
	var mismatch *engine.MismatchError
	switch {
	case errors.Is(err, engine.ErrDuplicateID) || errors.As(err, &foreign) || errors.As(err, &mismatch) && s.origin == engine.Given:
		s.fail(err)
	case err != nil:
		return err
	}
	return r.count(s)
}

// complete sets the vector of a document that is to be added: the one that was
// embedded for it or, for a deferred step, the one of an equal text, if the store
// has it by now.
func (r *run) complete(ctx context.Context, s *step, embedded embed.Result) (err error) {
	if s.kind != stepAdd || s.vector != nil {
		return nil
	}
	at := s.text
	if s.deferred {
		if r.w == nil {
			return nil // a run would find the vector of the equal text before it
		}
		if err := r.current.Check(ctx, s.doc.ID); err != nil {
			return err
		}
		if s.vector, err = r.w.VectorOf(ctx, s.doc.Text); err != nil || s.vector != nil {
			return err
		}
		if embedded, err = r.embedNow(ctx, s.doc.Text); err != nil {
			return err
		}
		at = 0
	}
	if err := embedded.Errs[at]; err != nil {
		r.refuse(s.doc.Text, err)
		s.fail(err)
		return nil
	}
	if n, cut := embedded.Cut[at]; cut {
		s.origin = engine.Truncated
		r.long.cut(s, n)
	}
	r.long.tokens(embedded.Long[at], embedded.Limit)
	r.foreign.add(embedded.Foreign[at])
	s.vector, s.embedded = embedded.Vectors[at], true
	r.sum.Embedding.Texts++
	return nil
}

// write makes the change of a step in the store.
func (r *run) write(ctx context.Context, s *step) (err error) {
	switch s.kind {
	case stepBegin:
		r.current, err = r.w.Replace(ctx, s.source)
	case stepKeep:
		err = r.current.Keep(s.match, s.doc)
	case stepAdd:
		err = r.current.Add(ctx, s.doc, s.vector, s.origin)
	case stepEnd:
		if r.incomplete { // the next run is to read the source again
			s.source.Hash, s.source.ModTime = nil, time.Time{}
		}
		r.current.Done(s.source)
		r.current = nil
	case stepAbandon:
		r.current.Abandon()
		r.current = nil
	case stepUnchanged:
		if s.touched {
			r.w.Touch(s.source)
		}
	}
	return err
}

// count adds a step to the summary.
func (r *run) count(s *step) error {
	sum := &r.sum
	switch s.kind {
	case stepBegin:
		r.stale, r.stored, r.begun = s.source.Documents, 0, sum.Chunks
	case stepKeep:
		r.o.Progress.AddChunks(1)
		r.stored++
		sum.Chunks.Reused++
		r.stale--
	case stepAdd:
		r.o.Progress.AddChunks(1)
		r.stored++
		sum.Chunks.Added++
		if s.origin == engine.Embedded && !s.embedded {
			sum.Chunks.Reused++
		}
	case stepEnd:
		r.tellLong(s.source.Name)
		r.foreign.end(s.source.Name, r.stored)
		sum.Chunks.Removed += r.stale
		if s.existed {
			sum.Sources.Updated++
		} else {
			sum.Sources.Added++
		}
		r.incomplete = false
	case stepAbandon: // of its documents only those stay that were committed
		sum.Chunks.Added = max(r.begun.Added, r.counted.chunks.Added)
		sum.Chunks.Reused = max(r.begun.Reused, r.counted.chunks.Reused)
		r.incomplete, r.long = false, longChunks{}
		r.foreign.abandon()
	case stepUnchanged:
		sum.Sources.Unchanged++
		sum.Chunks.Reused += s.source.Documents
	case stepSkip:
		sum.Sources.Skipped++
		sum.Skips = append(sum.Skips, Skip{s.source.Name, s.reason, s.tell})
		if s.tell {
			r.notice("%s", passedOver(s.source.Name, s.reason))
		}
	case stepFail:
		return r.countFailure(s)
	case stepNotice:
		r.notice("%s", s.reason)
	case stepOversize:
		sum.Oversize.add(s.oversize, s.longest)
	}
	return nil
}

// countFailure adds the failure of a source, or of a document of the source at hand.
func (r *run) countFailure(s *step) error {
	r.incomplete = !s.whole
	r.sum.fail(s.source.Name, s.err, s.whole)
	if r.o.FailFast {
		return fmt.Errorf("%q: %w", s.source.Name, s.err)
	}
	return nil
}

// embedNow embeds the text of a deferred step, while everything else waits. A text
// that was refused before is refused again without asking.
func (r *run) embedNow(ctx context.Context, text string) (embed.Result, error) {
	if err := r.refused[hashOf(text)]; err != nil {
		return embed.Result{Errs: map[int]error{0: err}}, nil
	}
	return r.e.Embed(ctx, []string{text})
}

// refuse records that the embedder refused a text.
func (r *run) refuse(text string, err error) {
	if r.refused == nil {
		r.refused = map[uint64]error{}
	}
	r.refused[hashOf(text)] = err
}
