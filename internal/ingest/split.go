package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
)

// InputError is the failure of one source or record, which does not end the run.
type InputError struct {
	Source string
	Err    error
}

func (e *InputError) Error() string { return fmt.Sprintf("%s: %v", e.Source, e.Err) }

func (e *InputError) Unwrap() error { return e.Err }

// Split yields the documents that Run would make of the sources below o.Roots
// in an empty store, in order and without ids. An *InputError stands for a source or
// record that failed; any other error is the last thing yielded.
func Split(ctx context.Context, o Options) iter.Seq2[engine.Document, error] {
	o.splitters = splitters{}
	return func(yield func(engine.Document, error) bool) {
		walk := o.Walk
		walk.Stdin = o.Stdin
		for found := range loader.Walk(ctx, o.Roots, walk) {
			more := true
			switch {
			case found.Err != nil:
				more = yield(engine.Document{}, &InputError{found.Source.Name, found.Err})
			case found.Skip != "":
				o.notice(fmt.Sprintf("%q is skipped: %s", found.Source.Name, found.Skip))
			default:
				more = o.splitSource(ctx, found.Source, yield)
			}
			if !more {
				return
			}
		}
		if ctx.Err() != nil {
			yield(engine.Document{}, context.Cause(ctx))
		}
	}
}

func (o *Options) notice(text string) {
	if o.Notice != nil {
		o.Notice(text)
	}
}

// splitSource yields the documents of one source and reports whether to go on.
func (o *Options) splitSource(ctx context.Context, src loader.Source, yield func(engine.Document, error) bool) bool {
	fail := func(err error) bool { return yield(engine.Document{}, &InputError{src.Name, err}) }
	chunks, err := newChunker(src.Name, settings{Splitter: o.Splitter, Meta: o.Meta, Read: o.Read, Format: src.Format}, o.splitters)
	if err != nil {
		return yield(engine.Document{}, err) && false
	}
	reader, err := loader.Open(ctx, src, o.Read)
	if err != nil {
		return fail(err)
	}
	defer reader.Close()
	for rec, err := range reader.Records() {
		if err != nil && ctx.Err() == nil {
			var bad *loader.RecordError
			if more := fail(err); !more || !errors.As(err, &bad) {
				return more
			}
			continue
		}
		if err != nil {
			return true // the walk ends with the context
		}
		docs, _, err := chunks.documents(rec)
		if err != nil {
			return fail(atLine(rec.Line, err))
		}
		for _, d := range docs {
			if d.Source = src.Name; !yield(d.Document, nil) {
				return false
			}
		}
	}
	for _, text := range chunks.remarks(reader) {
		o.notice(text)
	}
	return true
}
