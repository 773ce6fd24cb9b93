package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"sheaf/internal/embed"
	"sheaf/internal/loader"
	"sheaf/internal/store"
)

type stepKind int

const (
	stepBegin stepKind = iota
	stepKeep
	stepAdd
	stepEnd
	stepAbandon
	stepUnchanged
	stepSkip
	stepFail
	stepNotice
)

// step is one thing for the writer to do. Steps are done in input order.
type step struct {
	kind    stepKind
	source  store.Source
	doc     store.Document
	match   store.Match
	vector  []float32
	text    int // the batch's text that gives the vector; -1: none
	origin  store.Origin
	existed bool // End: the source was there before
	touched bool // Unchanged: its time or key is new
	whole   bool // Fail: of the whole source, not of one record
	reason  string
	err     error
}

// planner turns sources into steps, and steps into batches.
type planner struct {
	*run
	batch *embed.Batch[[]step]
	yield func(*embed.Batch[[]step], error) bool
	temps []string // files to remove

	pending []store.Document // of the current source, not yet looked up
}

// lookupDocuments is how many documents are looked up in one transaction.
const lookupDocuments = 64

// errStopped says that nobody takes batches any more.
var errStopped = errors.New("stopped")

// batches yields the steps of a run. An error ends it.
func (p *planner) batches(ctx context.Context) iter.Seq2[*embed.Batch[[]step], error] {
	return func(yield func(*embed.Batch[[]step], error) bool) {
		p.yield, p.batch = yield, &embed.Batch[[]step]{}
		err := p.walk(ctx)
		if err == nil {
			err = p.flush()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

func (p *planner) close() (err error) {
	for _, name := range p.temps {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

func (p *planner) flush() error {
	full := p.batch
	p.batch = &embed.Batch[[]step]{}
	if len(full.Carry) > 0 && !p.yield(full, nil) {
		return errStopped
	}
	return nil
}

// put adds a step, with the text to embed for it where there is one. A full
// batch goes when the next one begins, so that the end of a source travels
// with its last text.
func (p *planner) put(s step, text ...string) error {
	limit := p.o.BatchSize
	if limit <= 0 {
		limit = DefaultBatchSize
	}
	full := len(p.batch.Texts)+len(text) > limit || len(p.batch.Carry) >= max(batchSteps, 4*limit)
	if full {
		if err := p.flush(); err != nil {
			return err
		}
	}
	s.text = -1
	if len(text) > 0 {
		s.text = len(p.batch.Texts)
		p.batch.Texts = append(p.batch.Texts, text...)
	}
	p.batch.Carry = append(p.batch.Carry, s)
	return nil
}

func (p *planner) walk(ctx context.Context) error {
	o := p.o.Walk
	o.Stdin, o.Encoding = p.o.Stdin, p.o.Read.Encoding
	o.SkipDir = store.Is
	for found := range loader.Walk(ctx, p.o.Roots, o) {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		named := store.Source{Name: found.Source.Name}
		var err error
		switch {
		case found.Err != nil:
			err = p.put(step{kind: stepFail, source: named, err: found.Err, whole: true})
		case found.Skip != "":
			err = p.put(step{kind: stepSkip, source: named, reason: found.Skip})
		default:
			err = p.source(ctx, found.Source)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// source plans one source.
func (p *planner) source(ctx context.Context, src loader.Source) error {
	if src.Path == "" {
		var err error
		if src, err = p.spool(src); err != nil {
			return err
		}
		p.temps = append(p.temps, src.Path)
	}
	known, exists, err := p.identify(ctx, src)
	if err != nil {
		return err
	}
	moved := exists && known.Name != src.Name
	settings, err := p.settingsFor(known, exists, src.Format)
	if err != nil {
		return err
	}
	encoded, err := settings.encode()
	if err != nil {
		return err
	}
	if exists && p.unread(src, known, encoded) {
		return p.put(step{kind: stepUnchanged, source: known, touched: moved})
	}
	next := known
	next.Size, next.ModTime, next.Settings = src.Size, p.trusted(src), encoded
	if exists && !p.o.Force && known.Settings == encoded && len(known.Hash) > 0 && known.Size == src.Size {
		hash, err := loader.Hash(ctx, src)
		if err == nil && bytes.Equal(hash, known.Hash) {
			return p.put(step{kind: stepUnchanged, source: next, touched: true})
		}
	}
	return p.content(ctx, src, next, exists, settings)
}

// content reads a source and plans its documents.
func (p *planner) content(ctx context.Context, src loader.Source, next store.Source, exists bool, s settings) error {
	fail := func(err error) error {
		return p.put(step{kind: stepFail, source: next, err: err, whole: true})
	}
	chunks, err := newChunker(next.Name, s)
	if err != nil {
		return err
	}
	reader, err := loader.Open(ctx, src, s.Read)
	if err != nil {
		return fail(err)
	}
	defer reader.Close()
	begun := false
	for rec, err := range reader.Records() {
		var bad *loader.RecordError
		switch {
		case errors.As(err, &bad):
			if err := p.put(step{kind: stepFail, source: next, err: err}); err != nil {
				return err
			}
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && begun:
			p.pending = p.pending[:0]
			return errors.Join(p.put(step{kind: stepAbandon}), fail(err))
		case err != nil:
			return fail(err)
		}
		if !begun {
			begun = true
			if err := p.put(step{kind: stepBegin, source: next}); err != nil {
				return err
			}
		}
		if err := p.record(ctx, next, chunks, rec); err != nil {
			return err
		}
	}
	if !begun {
		if err := p.put(step{kind: stepBegin, source: next}); err != nil {
			return err
		}
	}
	if err := p.lookUp(ctx, next); err != nil {
		return err
	}
	next.Hash = reader.Hash()
	return p.put(step{kind: stepEnd, source: next, existed: exists})
}

// record plans the documents of one record.
func (p *planner) record(ctx context.Context, src store.Source, chunks *chunker, rec loader.Record) error {
	docs, oversize, err := chunks.documents(rec)
	if err != nil {
		return p.put(step{kind: stepFail, source: src, err: fmt.Errorf("line %d: %w", rec.Line, err)})
	}
	if len(oversize) > 0 {
		text := fmt.Sprintf("%q: %d pieces are longer than the chunk size and stay whole, the longest %d code points", src.Name, len(oversize), maxOf(oversize))
		if err := p.put(step{kind: stepNotice, reason: text}); err != nil {
			return err
		}
	}
	p.pending = append(p.pending, docs...)
	if len(p.pending) < lookupDocuments {
		return nil
	}
	return p.lookUp(ctx, src)
}

func maxOf(sizes []int) int {
	m := 0
	for _, s := range sizes {
		m = max(m, s)
	}
	return m
}

// lookUp asks the store what it knows of the pending documents, and plans them.
func (p *planner) lookUp(ctx context.Context, src store.Source) error {
	matches, err := p.w.Match(ctx, src, p.pending)
	if err != nil {
		return err
	}
	for i, m := range matches {
		if err := p.document(src, p.pending[i], m); err != nil {
			return err
		}
	}
	p.pending = p.pending[:0]
	return nil
}

func (p *planner) document(src store.Source, d store.Document, m store.Match) error {
	s := step{kind: stepAdd, source: store.Source{Name: src.Name}, doc: d, match: m}
	switch {
	case m.Err != nil:
		s.kind, s.err = stepFail, fmt.Errorf("line %d: %w", d.StartLine, m.Err)
	case m.Kept:
		s.kind = stepKeep
	case d.Vector != nil:
		s.vector, s.origin = d.Vector, store.Given
	case m.Vector != nil:
		s.vector, s.origin = m.Vector, store.Embedded
	default:
		s.origin = store.Embedded
		return p.put(s, d.Text)
	}
	return p.put(s)
}
