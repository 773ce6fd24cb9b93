package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/loader"
)

// planner makes steps of sources, and batches of steps.
type planner struct {
	*run
	walker *loader.Walker
	cwd    string // the current folder; "": not needed so far
	batch  *batch
	yield  func(*batch, error) bool
	temps  []string // temporary files, which close removes

	unreadable []string   // paths of files that could not be read
	dangling   []string   // paths of links that lead nowhere
	pending    []document // of the source at hand, not looked up yet
}

const (
	lookupDocuments = 64   // documents that are looked up in one transaction
	lookupSources   = 64   // and sources
	batchSteps      = 1024 // the most steps of a batch with few texts
)

// errStopped ends the planning when embed.Run takes no more batches.
var errStopped = errors.New("stopped")

func newPlanner(r *run) *planner {
	return &planner{run: r, walker: loader.NewWalker(r.walkOptions()), batch: &batch{}}
}

// batches yields the steps of a run in batches. An error is the last thing yielded.
func (p *planner) batches(ctx context.Context) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		p.yield = yield
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
	p.batch = &batch{}
	if len(full.Carry) > 0 && !p.yield(full, nil) {
		return errStopped
	}
	return nil
}

// add adds a step to the batch, with the text to embed for it, if any. A full batch
// is sent when the next step comes that does not fit, so that the end of a source
// is in one batch with its last text.
func (p *planner) add(s step, text ...string) error {
	if len(p.batch.Texts)+len(text) > p.o.BatchSize || len(p.batch.Carry) >= max(batchSteps, 4*p.o.BatchSize) {
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
	p.window.planned++
	return nil
}

func (p *planner) walk(ctx context.Context) error {
	var found []loader.Found
	for f := range p.walker.Walk(ctx, p.o.Roots) {
		if found = append(found, f); len(found) < lookupSources {
			continue
		}
		if err := p.sources(ctx, found); err != nil {
			return err
		}
		found = found[:0]
	}
	return p.sources(ctx, found)
}

// sources makes the steps for sources that the walk found.
func (p *planner) sources(ctx context.Context, found []loader.Found) error {
	keys := make([]string, len(found))
	for i, f := range found {
		if f.Err == nil && f.Skip == "" && f.Source.Path != "" {
			var err error
			if keys[i], err = p.key(f.Source.Name); err != nil {
				return err
			}
		}
	}
	known, err := p.store.SourcesByKey(ctx, slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == "" }))
	if err != nil {
		return err
	}
	for i, f := range found {
		if ctx.Err() != nil {
			break
		}
		switch {
		case f.Err != nil || f.Skip != "":
			err = p.skip(f)
		case keys[i] == "":
			err = p.stdin(ctx, f.Source)
		default:
			err = p.source(ctx, f.Source, keys[i], known)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// key returns the key of a file's source.
func (p *planner) key(name string) (string, error) {
	if p.cwd == "" && !filepath.IsAbs(filepath.FromSlash(name)) {
		var err error
		if p.cwd, err = os.Getwd(); err != nil {
			return "", fmt.Errorf("finding the current folder: %w", err)
		}
	}
	return p.o.Home.KeyFrom(p.cwd, name), nil
}

// skip makes the step for a source that is not read.
func (p *planner) skip(f loader.Found) error {
	p.o.Progress.AddBytes(f.Source.Size)
	s := step{kind: stepSkip, source: engine.Source{Name: f.Source.Name}, reason: f.Skip, tell: f.Dangling}
	if f.Dangling {
		p.dangling = append(p.dangling, f.Source.Path)
	}
	if f.Err != nil {
		s.kind, s.err, s.whole = stepFail, f.Err, true
	}
	return p.add(s)
}

// stdin makes the steps for standard input.
func (p *planner) stdin(ctx context.Context, src loader.Source) error {
	src, err := p.spool(ctx, src)
	if err != nil {
		return err
	}
	p.temps = append(p.temps, src.Path)
	known, err := p.store.SourcesByKey(ctx, []string{src.Name})
	if err != nil {
		return err
	}
	return p.source(ctx, src, src.Name, known)
}

// source makes the steps for one source: none but one, where it has not changed.
func (p *planner) source(ctx context.Context, src loader.Source, key string, sources map[string]engine.Source) error {
	known, exists := sources[key]
	if !exists {
		var err error
		if known, exists, err = p.identify(ctx, key, src.Name); err != nil {
			return err
		}
	}
	piped := strings.HasPrefix(key, engine.StdinPrefix)
	if !exists && !piped { // the format may show only in the file
		look := p.look(src)
		if src = look.Source; look.Err != nil || look.Skip != "" {
			return p.skip(look)
		}
	}
	settings, encoded, err := p.settingsFor(known, exists, src)
	if err != nil {
		return err
	}
	src.Format = settings.Format
	if exists && p.unchanged(src, known, encoded) {
		_, same := sources[key]
		p.o.Progress.AddBytes(src.Size)
		return p.add(step{kind: stepUnchanged, source: known, touched: !same})
	}
	next := known
	next.Size, next.ModTime, next.Settings = src.Size, p.trustedTime(src), encoded
	if exists && !p.o.Force && known.Settings == encoded && len(known.Hash) > 0 && known.Size == src.Size {
		hash, err := loader.Hash(ctx, src)
		if err == nil && bytes.Equal(hash, known.Hash) {
			p.o.Progress.AddBytes(src.Size)
			return p.add(step{kind: stepUnchanged, source: next, touched: true})
		}
	}
	if exists && !piped {
		look := p.look(src)
		if src = look.Source; look.Err != nil || look.Skip != "" {
			return p.skip(look)
		}
		settings.Format = src.Format // records may have become a text
		if next.Settings, err = settings.encode(); err != nil {
			return err
		}
	}
	return p.content(ctx, src, next, exists, settings)
}

// look reads the beginning of a file.
func (p *planner) look(src loader.Source) loader.Found {
	look := p.walker.Look(src)
	if look.Err != nil {
		p.unreadable = append(p.unreadable, src.Path)
	}
	return look
}

// content reads a source and makes the steps for its documents.
func (p *planner) content(ctx context.Context, src loader.Source, next engine.Source, exists bool, s settings) error {
	chunks, err := newChunker(next.Name, s, p.o.splitters)
	if err != nil {
		return err
	}
	reader, err := loader.Open(ctx, src, s.Read)
	if err != nil {
		return p.failWhole(next, src.Named, err)
	}
	defer reader.Close()
	begun, read := false, int64(0)
	begin := func(text string) error {
		if begun {
			return nil
		}
		begun = true
		err := p.add(step{kind: stepBegin, source: next})
		if err == nil && !exists && p.pipedRecords(next, s, text) {
			err = p.add(step{kind: stepNotice, reason: "stdin looks like records: --format jsonl reads them as such"})
		}
		return err
	}
	defer func() { p.o.Progress.AddBytes(src.Size - read) }()
	for rec, err := range reader.Records() {
		var bad *loader.RecordError
		switch {
		case errors.As(err, &bad):
			if err := p.lookUp(ctx, next); err != nil {
				return err
			}
			if err := p.add(step{kind: stepFail, source: next, err: err}); err != nil {
				return err
			}
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && begun:
			p.pending = p.pending[:0]
			return errors.Join(p.add(step{kind: stepAbandon}), p.failWhole(next, src.Named, err))
		case err != nil:
			return p.failWhole(next, src.Named, err)
		}
		if err := begin(rec.Text); err != nil {
			return err
		}
		if err := p.record(ctx, next, chunks, rec); err != nil {
			return err
		}
		p.o.Progress.AddBytes(reader.BytesRead() - read)
		read = reader.BytesRead()
	}
	if err := begin(""); err != nil { // a source without records
		return err
	}
	return p.end(ctx, next, exists, chunks, reader)
}

// pipedRecords reports whether a text from stdin, for which no format was named, begins with a record.
func (p *planner) pipedRecords(src engine.Source, s settings, text string) bool {
	named := p.o.Walk.Format != loader.Auto && p.o.Walk.Format != ""
	if named || s.Format != loader.Text || !strings.HasPrefix(src.Key, engine.StdinPrefix) {
		return false
	}
	line, _, _ := strings.Cut(text, "\n")
	return loader.IsRecord(line, s.Read)
}

// end makes the last steps for a source that was read.
func (p *planner) end(ctx context.Context, src engine.Source, exists bool, chunks *chunker, reader *loader.Reader) error {
	if err := p.lookUp(ctx, src); err != nil {
		return err
	}
	for _, text := range chunks.remarks(reader) {
		if err := p.add(step{kind: stepNotice, reason: text}); err != nil {
			return err
		}
	}
	if chunks.oversize > 0 {
		if err := p.add(step{kind: stepOversize, oversize: chunks.oversize, longest: chunks.longest}); err != nil {
			return err
		}
	}
	src.Hash = reader.Hash()
	return p.add(step{kind: stepEnd, source: src, existed: exists})
}

// failWhole makes the step for a source that cannot be read. Records without a text that nobody named are left out.
func (p *planner) failWhole(src engine.Source, named bool, err error) error {
	if reason, ok := withoutText(named, err); ok {
		return p.add(step{kind: stepSkip, source: engine.Source{Name: src.Name}, reason: reason, tell: true})
	}
	return p.add(step{kind: stepFail, source: src, err: err, whole: true})
}

// withoutText returns why a file of records that was met on the way, not named, is left out instead of failing.
func withoutText(named bool, err error) (reason string, ok bool) {
	var none *loader.NoTextError
	if named || !errors.As(err, &none) {
		return "", false
	}
	return none.Error(), true
}

// record collects the documents of one record.
func (p *planner) record(ctx context.Context, src engine.Source, chunks *chunker, rec loader.Record) error {
	docs, err := chunks.documents(rec)
	if err != nil {
		return p.add(step{kind: stepFail, source: src, err: atLine(rec.Line, err)})
	}
	p.pending = append(p.pending, docs...)
	if len(p.pending) < lookupDocuments {
		return nil
	}
	return p.lookUp(ctx, src)
}

// lookUp asks the store what it knows of the pending documents, and makes their
// steps.
func (p *planner) lookUp(ctx context.Context, src engine.Source) error {
	if len(p.pending) == 0 {
		return nil
	}
	committed := p.window.committed.Load()
	docs := make([]engine.Document, len(p.pending))
	for i := range p.pending {
		docs[i] = p.pending[i].Document
	}
	matches, err := p.store.Match(ctx, src, docs)
	if err != nil {
		return err
	}
	for i, m := range matches {
		if err := p.document(src, p.pending[i], m); err != nil {
			return err
		}
	}
	p.window.forget(committed)
	p.pending = p.pending[:0]
	return nil
}

// document makes the step for one document.
func (p *planner) document(src engine.Source, d document, m engine.Match) error {
	s := step{kind: stepAdd, source: engine.Source{Name: src.Name}, doc: d.Document, match: m}
	switch {
	case m.Err != nil:
		s.fail(m.Err)
	case m.Kept:
		s.kind = stepKeep
	case d.Vector != nil:
		s.vector, s.origin = d.Vector, engine.Given
	case m.Vector != nil:
		s.vector, s.origin = m.Vector, engine.Embedded
	case p.e.Identity().Provider == embed.None:
		s.fail(embed.ErrNone)
	case m.Taken || d.repeated || p.window.send(d.Text):
		s.deferred, s.origin = true, engine.Embedded
	default:
		s.origin = engine.Embedded
		return p.add(s, d.Text)
	}
	return p.add(s)
}
