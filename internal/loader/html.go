package loader

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"sheaf/internal/metadata"
)

// html reads the visible text of a page, with headings and lists as in Markdown. Its title is
// metadata.
func (r *Reader) html(yield func(Record, error) bool) error {
	data, err := r.whole()
	if err != nil {
		return err
	}
	if r.opts.Encoding == "" {
		r.opts.Encoding = declaredEncoding(data)
	}
	text, err := r.decode(data)
	if err != nil {
		return err
	}
	yield(renderHTML(string(universalNewlines(text))), nil)
	return nil
}

// declaration finds the encoding that a page names, among its first bytes.
var declaration = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)<meta[^>]{0,200}charset\s*=\s*["']?([\w.:-]+)`)
})

// declaredEncoding returns the encoding that a page says to be in; "" where its bytes tell, being
// UTF-8 or marked, and where no text can be read in what it names.
func declaredEncoding(data []byte) string {
	if _, marked := findBOM(data); marked || invalidUTF8(data) < 0 {
		return ""
	}
	named := declaration().FindSubmatch(data[:min(len(data), sniffSize)])
	if named == nil || ValidEncoding(string(named[1])) != nil {
		return ""
	}
	return string(named[1])
}

// page renders HTML as text.
type page struct {
	text   strings.Builder
	lines  []int // of the file, on which each line of the text begins
	line   int   // of the file, where reading is
	breaks int   // line breaks that come before the next character
	space  bool  // a blank does

	skipped  string // the element that is passed over, with all that is in it
	depth    int    // of elements of that name inside it
	marker   string // what begins the next character's line: of a heading or an item
	pre      int    // depth of preformatted text
	fresh    bool   // it has begun: a line break there does not count
	lists    int    // depth of lists
	cells    int    // of the row so far
	titled   bool   // inside the title
	title    strings.Builder
	metadata metadata.Builder
}

// deepest is how many levels items are indented at most, so that a page of lists in lists, which
// may be as deep as it is long, gives no more text than a multiple of its own.
const deepest = 16

func renderHTML(content string) Record {
	p := &page{line: 1}
	for m := range markup(content) {
		next := p.line + strings.Count(m.raw, "\n")
		switch {
		case m.name == "":
			p.characters(m.text)
		case m.end:
			p.end(m.name)
		default:
			p.start(m)
		}
		p.line = next
	}
	if title := strings.Join(strings.Fields(p.title.String()), " "); title != "" {
		p.metadata.Set("title", metadata.Quote(title))
	}
	return Record{Text: p.text.String(), Lines: p.lines, Metadata: p.metadata.Object()}
}

// start begins an element.
func (p *page) start(t token) {
	if p.skipped != "" {
		if t.name == p.skipped && !t.closed {
			p.depth++
		}
		return
	}
	if isUnseen(t) {
		p.skipped = t.name
		return
	}
	p.breakFor(t.name)
	switch t.name {
	case "title":
		p.titled = true
	case "h1", "h2", "h3", "h4", "h5", "h6":
		p.marker = strings.Repeat("#", int(t.name[1]-'0')) + " "
	case "pre", "textarea":
		p.pre++
		p.fresh = true
	case "ul", "ol":
		p.lists++
	case "li":
		p.marker = strings.Repeat("  ", min(max(0, p.lists-1), deepest)) + "- "
	case "tr":
		p.cells = 0
	case "td", "th":
		if p.cells++; p.cells > 1 {
			p.space = false
			p.write(" | ")
		}
	case "br":
		p.breaks = max(p.breaks, 1)
	}
}

// end ends an element.
func (p *page) end(name string) {
	switch {
	case p.skipped == name && p.depth > 0:
		p.depth--
		return
	case p.skipped == name:
		p.skipped = ""
		return
	case p.skipped != "":
		return
	}
	switch name {
	case "title":
		p.titled = false
	case "pre", "textarea":
		p.pre = max(0, p.pre-1)
	case "ul", "ol":
		p.lists = max(0, p.lists-1)
	case "tr", "table":
		p.cells = 0
	case "li", "h1", "h2", "h3", "h4", "h5", "h6":
		p.marker = ""
	}
	p.breakFor(name)
}

// breakFor puts line breaks around what stands on lines of its own: a blank line around a
// block, none between the items of a list or the rows of a table, and none within a row or
// between an item's marker and its text.
func (p *page) breakFor(name string) {
	if p.cells > 0 && name != "tr" && name != "table" {
		p.space = true
		return
	}
	if p.marker != "" && name != "li" {
		return
	}
	switch name {
	case "li", "tr", "dt", "dd", "option", "caption", "hr":
		p.breaks = max(p.breaks, 1)
	case "ul", "ol", "dl":
		p.breaks = max(p.breaks, 1)
		if p.lists == 0 {
			p.breaks = 2
		}
	case "p", "div", "section", "article", "header", "footer", "main", "aside", "nav", "blockquote",
		"pre", "figure", "figcaption", "form", "fieldset", "address", "table", "details", "summary",
		"h1", "h2", "h3", "h4", "h5", "h6", "body":
		p.breaks = 2
	}
}

// isUnseen reports whether a browser does not show an element and what is in it.
func isUnseen(t token) bool {
	switch t.name {
	case "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "audio", "video", "canvas", "datalist":
		return !t.closed
	case "input", "br", "hr", "img", "wbr", "link", "meta", "col", "embed", "source", "track", "area", "base": // have no content
		return false
	}
	return t.hidden && !t.closed
}

// characters adds the text of an element.
func (p *page) characters(text string) {
	switch {
	case p.skipped != "":
		return
	case p.titled:
		p.title.WriteString(text)
		return
	}
	for _, c := range text {
		switch {
		case p.pre > 0 && c == '\n':
			if p.line++; !p.fresh {
				p.breaks++
			}
			p.fresh = false
		case c == '\u00a0': // a blank that does not join the ones beside it
			p.write(" ")
		case p.pre == 0 && unicode.IsSpace(c):
			p.space = true
			if c == '\n' {
				p.line++
			}
		default:
			p.write(string(c))
		}
	}
}

// write adds characters, after the line breaks or the blank that come before them.
func (p *page) write(s string) {
	switch empty := p.text.Len() == 0; {
	case empty:
		p.lines = append(p.lines, p.line)
	case p.breaks > 0:
		for range p.breaks {
			p.newline()
		}
	case p.space:
		p.text.WriteByte(' ')
	}
	p.text.WriteString(p.marker)
	p.text.WriteString(s)
	p.breaks, p.space, p.fresh, p.marker = 0, false, false, ""
}

func (p *page) newline() {
	p.text.WriteByte('\n')
	p.lines = append(p.lines, p.line)
}
