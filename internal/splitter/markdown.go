package splitter

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// splitMarkdown cuts the text into the sections under its headings, and long
// sections into chunks. Headings stay in the text: a vector made without them
// would miss what the section is about.
func (s *Splitter) splitMarkdown(text string) (Result, error) {
	var chunks []Chunk
	ruler := newRuler(text)
	for _, sec := range splitHeadings(text) {
		cuts, _, err := s.cut(sec.text())
		if err != nil {
			return Result{}, err
		}
		for _, c := range cuts {
			first, last := sec.lineOf(c.lo), sec.lineOf(c.hi-1)
			chunk := Chunk{
				Text: c.text, StartIndex: -1,
				StartLine: first.number, EndLine: last.number, Headings: sec.headings,
			}
			// Not where lines were changed or blank ones left out.
			if at := first.source + c.lo - first.content; at <= len(text) && strings.HasPrefix(text[at:], c.text) {
				chunk.StartIndex = ruler.runeOf(at)
			}
			chunks = append(chunks, chunk)
		}
	}
	return Result{Chunks: chunks}, nil
}

// headingOf returns the level and the text of a line that is a heading, as
// LangChain sees one: up to six # before a blank or the end of the line.
func headingOf(line string) (level int, text string, ok bool) {
	rest := strings.TrimLeft(line, "#")
	level = len(line) - len(rest)
	if level < 1 || level > 6 || rest != "" && rest[0] != ' ' {
		return 0, "", false
	}
	text, _ = strip(rest)
	return level, text, true
}

// A section is a run of lines under the same headings.
type section struct {
	content  strings.Builder
	lines    []line
	last     string // the text of the last line
	headings []Heading
}

// A line is where a line of a section comes from.
type line struct {
	content int // offset in the section's text
	source  int // offset in the source, after the blanks that were stripped
	number  int // in the source, from 1
}

func (s *section) text() string { return s.content.String() }

// add adds a line of the source.
func (s *section) add(text string, source, number int) {
	if len(s.lines) > 0 {
		s.content.WriteByte('\n')
	}
	s.lines = append(s.lines, line{content: s.content.Len(), source: source, number: number})
	s.content.WriteString(text)
	s.last = text
}

// append adds another section's content as a paragraph.
func (s *section) append(t *section) {
	s.content.WriteString("  \n")
	for _, l := range t.lines {
		l.content += s.content.Len()
		s.lines = append(s.lines, l)
	}
	s.content.WriteString(t.text())
	s.last = t.last
}

// lineOf finds the line that holds an offset in the section's text.
func (s *section) lineOf(offset int) line {
	after := sort.Search(len(s.lines), func(i int) bool { return s.lines[i].content > offset })
	return s.lines[after-1]
}

// splitHeadings is LangChain's MarkdownHeaderTextSplitter.split_text for the six
// levels of headings, with strip_headers off. Lines lose the blanks at their
// ends and all unprintable characters, also in code.
func splitHeadings(text string) []*section {
	r := headingReader{current: &section{}}
	source, number := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		r.line(line, source, number)
		source += len(line) + 1
	}
	r.flush()
	return aggregate(r.sections)
}

// A headingReader reads the lines of a text into sections, one a paragraph.
type headingReader struct {
	sections []*section
	current  *section  // the paragraph being read
	fence    string    // what ends the code block being read
	headings []Heading // those above the line, outermost first
}

// line reads a line of the source that begins at an offset.
func (r *headingReader) line(raw string, source, number int) {
	stripped, blanks := strip(raw)
	source += blanks
	text := printable(stripped)
	if r.inCode(text) {
		r.current.add(text, source, number)
		return
	}
	level, title, ok := headingOf(text)
	if ok || text == "" {
		r.flush()
	}
	if ok {
		r.enter(level, title)
	}
	if text != "" {
		r.current.add(text, source, number)
	}
	r.current.headings = r.headings
}

// inCode reports whether a line belongs to a code block. The line that ends the
// block does not.
func (r *headingReader) inCode(line string) bool {
	switch {
	case r.fence != "":
		if strings.HasPrefix(line, r.fence) {
			r.fence = ""
		}
	case strings.HasPrefix(line, "```") && strings.Count(line, "```") == 1:
		r.fence = "```"
	case strings.HasPrefix(line, "~~~"):
		r.fence = "~~~"
	}
	return r.fence != ""
}

// enter puts a heading in place of those of its level and deeper ones.
func (r *headingReader) enter(level int, text string) {
	key := fmt.Sprintf("Header %d", level) // LangChain's key for it
	above := slices.IndexFunc(r.headings, func(h Heading) bool { return h.Key >= key })
	if above < 0 {
		above = len(r.headings)
	}
	// A copy, for sections keep the old ones.
	r.headings = append(slices.Clone(r.headings[:above]), Heading{key, text})
}

// flush ends the current paragraph.
func (r *headingReader) flush() {
	if len(r.current.lines) == 0 {
		return
	}
	r.sections = append(r.sections, r.current)
	r.current = &section{headings: r.current.headings}
}

// aggregate joins neighbours that have the same headings, and a heading without
// text with the section below it.
func aggregate(sections []*section) []*section {
	var joined []*section
	for _, s := range sections {
		if len(joined) == 0 {
			joined = append(joined, s)
			continue
		}
		last := joined[len(joined)-1]
		switch {
		case slices.Equal(last.headings, s.headings):
			last.append(s)
		case len(last.headings) < len(s.headings) && strings.HasPrefix(last.last, "#"):
			last.append(s)
			last.headings = s.headings
		default:
			joined = append(joined, s)
		}
	}
	return joined
}
