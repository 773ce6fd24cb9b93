package ingest

import (
	"context"
	"iter"
	"strings"

	"sheaf/internal/language"
	"sheaf/internal/loader"
)

// Dim returns the length of the first vector among the first records of the
// sources, 0 where none has one: the dim of a new store without an embedder. It
// consumes o.Stdin up to such a record.
func Dim(ctx context.Context, o Options) (int, error) {
	for src := range readable(ctx, o) {
		if !src.Format.HasRecords() {
			continue
		}
		for rec := range records(ctx, src, o.Read) {
			if dim := len(rec.Vector); dim > 0 {
				return dim, nil
			}
			break
		}
	}
	return 0, context.Cause(ctx)
}

// What a language is judged by: the beginnings of the first texts that are not blank, until they have said enough.
const (
	judgedTexts    = 64
	judgedBytes    = 2000 // of each text
	judgedEvidence = 2500 // words
)

// Language weighs the language of the first texts of the sources, and names the first source with a text
// that is not English, "" where none is. It consumes o.Stdin up to the last of them.
func Language(ctx context.Context, o Options) (e language.Evidence, foreign string, err error) {
	texts := 0
	for src := range readable(ctx, o) {
		for rec := range records(ctx, src, o.Read) {
			if strings.TrimSpace(rec.Text) == "" {
				continue
			}
			var own language.Evidence
			own.Add(rec.Text[:min(len(rec.Text), judgedBytes)])
			if foreign == "" && own.Foreign() {
				foreign = src.Name
			}
			e.English += own.English
			e.Other += own.Other
			if texts++; texts == judgedTexts || e.English+e.Other > judgedEvidence {
				return e, foreign, nil
			}
		}
	}
	return e, foreign, context.Cause(ctx)
}

// readable yields the sources that a run would read. It passes over what the run tells of.
func readable(ctx context.Context, o Options) iter.Seq[loader.Source] {
	walk := o.Walk
	walk.Stdin, walk.Encoding = o.Stdin, o.Read.Encoding
	return func(yield func(loader.Source) bool) {
		for found := range loader.Walk(ctx, o.Roots, walk) {
			if found.Err == nil && found.Skip == "" && !yield(found.Source) {
				return
			}
		}
	}
}

// records yields the records of a source that can be read.
func records(ctx context.Context, src loader.Source, o loader.ReadOptions) iter.Seq[loader.Record] {
	return func(yield func(loader.Record) bool) {
		r, err := loader.Open(ctx, src, o)
		if err != nil {
			return
		}
		defer r.Close()
		for rec, err := range r.Records() {
			if err == nil && !yield(rec) {
				return
			}
		}
	}
}
