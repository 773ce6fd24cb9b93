package ingest

import (
	"context"
	"errors"
	"iter"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
)

// Split yields the documents that Run would make of the sources below o.Roots in an
// empty store, in order and without ids. An error is the last thing yielded. What
// failed and what was skipped is in the report, which is complete at the end.
func Split(ctx context.Context, o Options, report *Report) iter.Seq2[engine.Document, error] {
	o.splitters = splitters{}
	*report = newReport()
	return func(yield func(engine.Document, error) bool) {
		defer report.endFailures()
		walk := o.Walk
		walk.Stdin, walk.Encoding = o.Stdin, o.Read.Encoding
		for found := range loader.Walk(ctx, o.Roots, walk) {
			switch {
			case found.Err != nil:
				report.fail(found.Source.Name, found.Err, true)
			case found.Skip != "":
				o.skip(report, found.Source.Name, found.Skip, found.Dangling)
			case !o.splitSource(ctx, found.Source, report, yield):
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

// skip reports a source that is not read; tell says that a notice is due.
func (o *Options) skip(report *Report, name, reason string, tell bool) {
	report.Skips = append(report.Skips, Skip{name, reason, tell})
	if tell {
		o.notice(passedOver(name, reason))
	}
}

// splitSource yields the documents of one source and reports whether to go on.
func (o *Options) splitSource(ctx context.Context, src loader.Source, report *Report, yield func(engine.Document, error) bool) bool {
	chunks, err := newChunker(src.Name, settings{Splitter: o.Splitter, ByKind: o.Splitter == nil, Meta: o.Meta, Read: o.Read, Format: src.Format}, o.splitters)
	if err != nil {
		return yield(engine.Document{}, err) && false
	}
	reader, err := loader.Open(ctx, src, o.Read)
	if err != nil {
		report.fail(src.Name, err, true)
		return true
	}
	defer reader.Close()
	for rec, err := range reader.Records() {
		var bad *loader.RecordError
		switch {
		case err != nil && ctx.Err() != nil:
			return true // the walk ends with the context
		case errors.As(err, &bad):
			report.fail(src.Name, err, false)
			continue
		case err != nil:
			if reason, ok := withoutText(src.Named, err); ok {
				o.skip(report, src.Name, reason, true)
			} else {
				report.fail(src.Name, err, true)
			}
			continue // it was the last thing yielded
		}
		docs, err := chunks.documents(rec)
		if err != nil {
			report.fail(src.Name, atLine(rec.Line, err), false)
			continue
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
	report.Oversize.add(chunks.oversize, chunks.longest)
	return true
}
