// Package splitter cuts a text into chunks, as LangChain's text splitters do.
//
// It promises the chunks of langchain-text-splitters 1.1.3, code point for code
// point: CharacterTextSplitter for [Character], RecursiveCharacterTextSplitter
// for [Recursive], MarkdownHeaderTextSplitter followed by the recursive one for
// [Markdown]. Regular expressions have the syntax and the meaning of Python's
// re. Every chunk knows the lines of the source that it was cut from, also
// where LangChain's start index is unknown or points to an earlier copy.
//
// Lengths are counted in code points. Time and memory grow linearly with the
// text, whatever the separators find in it, as long as the regular expressions
// do; one that does not is stopped with an error. A Splitter may be used by
// many goroutines. It remembers nothing of a text, but that an expression was too
// slow.
package splitter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind names a way to split.
type Kind string

const (
	// Character splits at one separator and merges the pieces up to the chunk size.
	Character Kind = "character"
	// Recursive splits at the first separator that occurs, and pieces that are
	// still too long at the next one.
	Recursive Kind = "recursive"
	// Markdown splits at headings, then long sections as Recursive does.
	Markdown Kind = "markdown"
	// None leaves the text whole.
	None Kind = "none"
)

// Keep names what is done with the separators.
type Keep string

const (
	KeepNone  Keep = "none"  // dropped, and put back between merged pieces
	KeepStart Keep = "start" // left at the start of the piece that follows
	KeepEnd   Keep = "end"   // left at the end of the piece before
)

// Options describe a splitter. They are kept as JSON with what was split.
type Options struct {
	Kind Kind `json:"kind"`
	// Separators are literal texts, without escapes, unless Regex is set. Without
	// any the kind's default is used, or the language's list.
	Separators []string `json:"separators,omitempty"`
	// Regex makes Separators regular expressions in the syntax of Python's re.
	Regex bool `json:"regex,omitempty"`
	// Keep is the kind's default when empty: KeepNone for Character, else KeepStart.
	Keep Keep `json:"keep,omitempty"`
	// NoStrip leaves white space at the ends of chunks.
	NoStrip bool `json:"no_strip,omitempty"`
	// Language is one of Languages; Recursive only.
	Language string `json:"language,omitempty"`
	// ChunkSize and ChunkOverlap are in code points; None ignores them.
	ChunkSize    int `json:"chunk_size,omitempty"`
	ChunkOverlap int `json:"chunk_overlap,omitempty"`
}

// Heading is a markdown heading above a chunk.
type Heading struct {
	Key   string `json:"key"` // "Header 1" to "Header 6"
	Value string `json:"value"`
}

// Chunk is a part of a text.
type Chunk struct {
	Text string
	// StartIndex is where the text was found in the source, in code points,
	// as LangChain's add_start_index has it: -1 where the source does not hold
	// the text, and possibly the place of an earlier copy.
	StartIndex int
	// StartLine and EndLine are the lines of the source, from 1, that the first
	// and the last character of the text were taken from. 0 is unknown.
	StartLine, EndLine int
	// Headings are those above the chunk, outermost first (Markdown only).
	Headings []Heading
}

// Result is what one text was split into.
type Result struct {
	Chunks []Chunk
	// Oversize has the sizes, in code points, that LangChain warns about: those
	// of pieces longer than the chunk size which another piece follows.
	Oversize []int
}

// Splitter splits texts by fixed options.
type Splitter struct {
	opts       Options
	separators []separator
}

// New checks the options and prepares their regular expressions.
func New(o Options) (*Splitter, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Keep == "" {
		o.Keep = o.Kind.defaultKeep()
	}
	if o.Language != "" {
		o.Separators, o.Regex = languageSeparators()[o.Language], true
	}
	if len(o.Separators) == 0 {
		o.Separators, o.Regex = o.Kind.defaultSeparators(), false
	}
	s := &Splitter{opts: o}
	for _, text := range o.Separators {
		sep, err := newSeparator(text, o)
		if err != nil {
			return nil, err
		}
		s.separators = append(s.separators, sep)
	}
	return s, nil
}

func (k Kind) defaultKeep() Keep {
	if k == Character {
		return KeepNone
	}
	return KeepStart
}

func (k Kind) defaultSeparators() []string {
	if k == Character {
		return []string{"\n\n"}
	}
	return []string{"\n\n", "\n", " ", ""}
}

func (o Options) check() error {
	if !slices.Contains([]Kind{Character, Recursive, Markdown, None}, o.Kind) {
		return fmt.Errorf("unknown splitter %q: choose character, recursive, markdown or none", o.Kind)
	}
	if !slices.Contains([]Keep{"", KeepNone, KeepStart, KeepEnd}, o.Keep) {
		return fmt.Errorf("cannot keep the separator at %q: choose start, end or none", o.Keep)
	}
	if err := o.checkSeparators(); err != nil || o.Kind == None {
		return err
	}
	return o.checkSizes()
}

func (o Options) checkSeparators() error {
	if o.Kind == Character && len(o.Separators) > 1 {
		return fmt.Errorf("the character splitter takes one separator, not %d: use recursive for more", len(o.Separators))
	}
	if o.Language == "" {
		return nil
	}
	if o.Kind != Recursive {
		return fmt.Errorf("language %q goes with the recursive splitter, not with %s", o.Language, o.Kind)
	}
	if len(o.Separators) > 0 {
		return fmt.Errorf("language %q brings its own separators: leave out either", o.Language)
	}
	if _, ok := languageSeparators()[o.Language]; !ok {
		return fmt.Errorf("unknown language %q: choose one of %s", o.Language, strings.Join(Languages(), ", "))
	}
	return nil
}

func (o Options) checkSizes() error {
	switch {
	case o.ChunkSize <= 0:
		return fmt.Errorf("chunk size must be above 0, not %d", o.ChunkSize)
	case o.ChunkOverlap < 0:
		return fmt.Errorf("chunk overlap must be 0 or more, not %d", o.ChunkOverlap)
	case o.ChunkOverlap > o.ChunkSize:
		return fmt.Errorf("chunk overlap %d is larger than chunk size %d", o.ChunkOverlap, o.ChunkSize)
	}
	return nil
}

// Split cuts the text into chunks. It fails only for a regular expression that
// runs too long or whose capture groups cannot be kept.
func (s *Splitter) Split(text string) (Result, error) {
	switch s.opts.Kind {
	case None:
		return whole(text), nil
	case Markdown:
		return s.splitMarkdown(text)
	}
	cuts, oversize, err := s.cut(text)
	if err != nil {
		return Result{}, err
	}
	return Result{Chunks: locate(text, cuts, s.opts.ChunkOverlap), Oversize: oversize}, nil
}

// whole returns the text as its only chunk.
func whole(text string) Result {
	if text == "" {
		return Result{}
	}
	lines := lineCursor{text: text}
	return Result{Chunks: []Chunk{{Text: text, StartLine: 1, EndLine: lines.at(len(text) - 1)}}}
}

// cut splits a text without markup.
func (s *Splitter) cut(text string) (cuts []cut, oversize []int, err error) {
	emit := func(c cut) { cuts = append(cuts, c) }
	if s.opts.Kind == Character {
		oversize, err = s.cutCharacter(text, emit)
	} else {
		err = s.cutRecursive(text, s.separators, emit)
	}
	return cuts, oversize, err
}

// cutCharacter is LangChain's CharacterTextSplitter.split_text.
func (s *Splitter) cutCharacter(text string, emit func(cut)) ([]int, error) {
	sep := s.separators[0]
	join := sep.text
	if s.opts.Keep != KeepNone || sep.lookaround() {
		join = ""
	}
	m := newMerger(text, join, s.opts, emit)
	if err := sep.split(text, s.opts.Keep, func(p piece) error { m.add(p); return nil }); err != nil {
		return nil, err
	}
	m.flush()
	return m.oversize, nil
}

// cutRecursive is LangChain's RecursiveCharacterTextSplitter.split_text.
func (s *Splitter) cutRecursive(text string, seps []separator, emit func(cut)) error {
	sep, rest, err := choose(seps, text)
	if err != nil {
		return err
	}
	join := sep.text
	if s.opts.Keep != KeepNone {
		join = ""
	}
	m := newMerger(text, join, s.opts, emit)
	err = sep.split(text, s.opts.Keep, func(p piece) error {
		if p.size < s.opts.ChunkSize {
			m.add(p)
			return nil
		}
		m.flush()
		if len(rest) == 0 {
			emit(cut{text: p.in(text), lo: p.lo, hi: p.hi})
			return nil
		}
		return s.cutRecursive(p.in(text), rest, func(c cut) { emit(c.within(p)) })
	})
	if err != nil {
		return err
	}
	m.flush()
	return nil
}

// choose returns the first separator that occurs in the text, with those after
// it; or the last one, with none.
func choose(seps []separator, text string) (separator, []separator, error) {
	for i, sep := range seps {
		if sep.text == "" {
			return sep, nil, nil
		}
		found, err := sep.in(text)
		if err != nil {
			return separator{}, nil, err
		}
		if found {
			return sep, seps[i+1:], nil
		}
	}
	return seps[len(seps)-1], nil, nil
}

// cut is a chunk without its place: its text, and the range of bytes of the source
// from its first to its last character.
type cut struct {
	text   string
	lo, hi int
}

// within returns a cut of a piece as a cut of the text. Of a piece that is longer
// than its range, because a capture group repeats text, offsets past the end are
// moved to it.
func (c cut) within(p piece) cut {
	c.lo, c.hi = min(p.lo+c.lo, p.hi-1), min(p.lo+c.hi, p.hi)
	return c
}

// A piece is a part of a text between separators, perhaps with one of them.
type piece struct {
	lo, hi int    // the bytes of the text that it came from
	size   int    // in code points
	own    string // the text of the piece, where it is not text[lo:hi]
}

func newPiece(text string, lo, hi int) piece {
	return piece{lo: lo, hi: hi, size: utf8.RuneCountInString(text[lo:hi])}
}

func (p piece) in(text string) string {
	if p.own != "" {
		return p.own
	}
	return text[p.lo:p.hi]
}
