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
)

// step is one thing for the writer to do. Steps are done in input order.
type step struct {
	kind   stepKind
	source engine.Source
	doc    engine.Document
	match  engine.Match
	vector []float32
	text   int // the batch's text that gives the vector; -1: none
	// deferred says that whether a document can be added, and with what vector,
	// is known only when the steps before it are done.
	deferred bool
	embedded bool // Add: its vector was made in this run
	origin   engine.Origin

	existed bool // End: the source was there before
	touched bool // Unchanged: its time or key is new
	whole   bool // Fail: of the whole source, not of one record
	reason  string
	err     error
}

// fail makes a step about a document one that says why it failed.
func (s *step) fail(err error) {
	s.kind, s.err = stepFail, fmt.Errorf("%s: %w", s.lines(), err)
}

// lines says where a document is in its source.
func (s *step) lines() string {
	switch d := &s.doc; {
	case d.EndLine > d.StartLine:
		return fmt.Sprintf("lines %d to %d", d.StartLine, d.EndLine)
	case d.StartLine > 0:
		return fmt.Sprintf("line %d", d.StartLine)
	}
	return fmt.Sprintf("id %q", s.doc.ID)
}

func (s *step) place() string { return fmt.Sprintf("%q, %s", s.source.Name, s.lines()) }
