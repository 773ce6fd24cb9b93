package ingest

import (
	"fmt"

	"sheaf/internal/engine"
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
	stepOversize
)

// step is one change of the store, or of the summary. Steps are applied in the order
// of the input.
type step struct {
	kind   stepKind
	source engine.Source
	doc    engine.Document
	match  engine.Match
	vector []float32
	text   int // index of the batch's text whose vector is the document's; -1: none
	// deferred: whether the document can be added, and which vector it gets, is
	// known only when the steps before it are applied.
	deferred bool
	embedded bool // Add: the vector was made by this step
	origin   engine.Origin

	existed bool // End: the store had the source before
	touched bool // Unchanged: the time or key of the source is new
	whole   bool // Fail: the source failed, not one document of it
	tell    bool // Skip: a notice says so
	reason  string
	err     error

	oversize, longest int // Oversize: chunks of the source, and the length of one
}

// fail turns a step that adds or keeps a document into one that reports its failure.
func (s *step) fail(err error) {
	s.kind, s.err = stepFail, fmt.Errorf("%s: %w", s.lines(), err)
}

// passedOver is the notice of a source that is skipped.
func passedOver(name, reason string) string {
	return fmt.Sprintf("%q is passed over: %s", name, reason)
}

// lines says where in its source the document is.
func (s *step) lines() string {
	switch d := &s.doc; {
	case d.EndLine > d.StartLine:
		return fmt.Sprintf("lines %d to %d", d.StartLine, d.EndLine)
	case d.StartLine > 0:
		return fmt.Sprintf("line %d", d.StartLine)
	}
	return fmt.Sprintf("id %q", s.doc.ID)
}

// place says where the document is.
func (s *step) place() string { return fmt.Sprintf("%q, %s", s.source.Name, s.lines()) }
