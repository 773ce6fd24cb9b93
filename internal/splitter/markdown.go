package splitter

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// splitMarkdown cuts the text into the sections under its headings and long
// sections into chunks. Headings stay in the text, for a vector that does not
// know the heading misses what the section is about.
func (s *Splitter) splitMarkdown(text string) (Result, error) {
	var chunks []Chunk
	ruler := newRuler(text)
	for _, sec := range splitHeaders(text, markdownHeaders()) {
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
			// Where lines were changed or blank ones left out, the source does not hold the text.
			if at := first.source + c.lo - first.content; at <= len(text) && strings.HasPrefix(text[at:], c.text) {
				chunk.StartIndex = ruler.runeOf(at)
			}
			chunks = append(chunks, chunk)
		}
	}
	return Result{Chunks: chunks}, nil
}

// markdownHeaders are LangChain's documented keys for the six levels.
func markdownHeaders() headerOptions {
	return headerOptions{headers: []header{
		{"#", "Header 1"}, {"##", "Header 2"}, {"###", "Header 3"},
		{"####", "Header 4"}, {"#####", "Header 5"}, {"######", "Header 6"},
	}}
}

// headerOptions are the arguments of LangChain's MarkdownHeaderTextSplitter.
type headerOptions struct {
	headers      []header
	eachLine     bool           // return_each_line
	stripHeaders bool           // strip_headers
	custom       map[string]int // custom_header_patterns: mark to level
}

// A header is a mark that begins a heading and the metadata key it sets.
type header struct{ mark, key string }

// level orders headings: one ends those of its own level and below.
func (o headerOptions) level(mark string) int {
	if level, ok := o.custom[mark]; ok {
		return level
	}
	return strings.Count(mark, "#")
}

// heading returns the header that a line is, and its text.
func (o headerOptions) heading(line string) (h header, text string, ok bool) {
	for _, h := range o.headers {
		if _, ok := o.custom[h.mark]; ok && isCustomHeading(line, h.mark) {
			text, _ = strip(line[len(h.mark) : len(line)-len(h.mark)])
			return h, text, true
		}
		rest, ok := strings.CutPrefix(line, h.mark)
		if ok && (rest == "" || rest[0] == ' ') {
			text, _ = strip(rest)
			return h, text, true
		}
	}
	return header{}, "", false
}

// isCustomHeading reports whether a line is some text between two marks, not
// doubled ones.
func isCustomHeading(line, mark string) bool {
	if len(line) <= 2*len(mark) || !strings.HasPrefix(line, mark) || !strings.HasSuffix(line, mark) {
		return false
	}
	open, closing := line[len(mark):], line[:len(line)-len(mark)]
	if strings.HasPrefix(open, mark) || strings.HasSuffix(closing, mark) {
		return false
	}
	text, _ := strip(line[len(mark) : len(line)-len(mark)])
	return strings.Trim(text, mark+" ") != ""
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

// splitHeaders is LangChain's MarkdownHeaderTextSplitter.split_text. Lines lose
// the blanks at their ends and all unprintable characters, also in code.
func splitHeaders(text string, o headerOptions) []*section {
	o.headers = slices.Clone(o.headers)
	slices.SortStableFunc(o.headers, func(a, b header) int {
		return cmp.Compare(utf8.RuneCountInString(b.mark), utf8.RuneCountInString(a.mark))
	})
	w := headerWalk{opts: o, current: &section{}}
	source, number := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		w.line(line, source, number)
		source += len(line) + 1
	}
	w.flush()
	if o.eachLine {
		return w.sections
	}
	return aggregate(w.sections, o.stripHeaders)
}

// A headerWalk goes through the lines of a text.
type headerWalk struct {
	opts     headerOptions
	sections []*section // paragraphs so far
	current  *section   // the paragraph being read
	fence    string     // what ends the code block being read
	stack    []level    // the headings that the line lies under
	headings []Heading  // the same as metadata: each key once, in order of coming
}

type level struct {
	depth int
	key   string
}

// line takes a line of the source that begins at an offset.
func (w *headerWalk) line(raw string, source, number int) {
	stripped, blanks := strip(raw)
	source += blanks
	text := printable(stripped)
	if w.inCode(text) {
		w.current.add(text, source, number)
		return
	}
	h, title, ok := w.opts.heading(text)
	switch {
	case ok:
		w.flush()
		w.enter(h, title)
		if !w.opts.stripHeaders {
			w.current.add(text, source, number)
		}
	case text != "":
		w.current.add(text, source, number)
	default:
		w.flush()
	}
	w.current.headings = w.headings
}

// inCode reports whether a line belongs to a code block. The line that ends the
// block does not.
func (w *headerWalk) inCode(line string) bool {
	switch {
	case w.fence != "":
		if strings.HasPrefix(line, w.fence) {
			w.fence = ""
		}
	case strings.HasPrefix(line, "```") && strings.Count(line, "```") == 1:
		w.fence = "```"
	case strings.HasPrefix(line, "~~~"):
		w.fence = "~~~"
	}
	return w.fence != ""
}

// enter puts a heading in place of those that it ends.
func (w *headerWalk) enter(h header, text string) {
	depth := w.opts.level(h.mark)
	headings := slices.Clone(w.headings) // sections hold the old ones
	for len(w.stack) > 0 && w.stack[len(w.stack)-1].depth >= depth {
		ended := w.stack[len(w.stack)-1].key
		headings = slices.DeleteFunc(headings, func(h Heading) bool { return h.Key == ended })
		w.stack = w.stack[:len(w.stack)-1]
	}
	w.stack = append(w.stack, level{depth, h.key})
	if i := slices.IndexFunc(headings, func(g Heading) bool { return g.Key == h.key }); i >= 0 {
		headings[i].Value = text
	} else {
		headings = append(headings, Heading{h.key, text})
	}
	w.headings = headings
}

// flush ends the current paragraph.
func (w *headerWalk) flush() {
	if len(w.current.lines) == 0 {
		return
	}
	w.sections = append(w.sections, w.current)
	w.current = &section{headings: w.current.headings}
}

// aggregate joins neighbours that have the same headings; and, where headings
// are kept in the text, a heading without text with the section below it.
func aggregate(sections []*section, stripHeaders bool) []*section {
	var joined []*section
	for _, s := range sections {
		if len(joined) == 0 {
			joined = append(joined, s)
			continue
		}
		last := joined[len(joined)-1]
		below := len(last.headings) < len(s.headings) && strings.HasPrefix(last.last, "#") && !stripHeaders
		switch {
		case sameHeadings(last.headings, s.headings):
			last.append(s)
		case below:
			last.append(s)
			last.headings = s.headings
		default:
			joined = append(joined, s)
		}
	}
	return joined
}

// sameHeadings compares as Python compares dicts, without regard to order.
func sameHeadings(a, b []Heading) bool {
	for _, h := range a {
		if !slices.Contains(b, h) {
			return false
		}
	}
	return len(a) == len(b)
}
