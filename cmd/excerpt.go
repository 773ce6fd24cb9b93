package cmd

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"sheaf/internal/engine"
	"sheaf/internal/words"
)

// shownLines is the number of lines of a text that are shown on a terminal.
const shownLines = 4

// passageIndent is the number of blanks before a passage.
const passageIndent = 3

// A word of a query that weighs less than this share of the heaviest one is not shown
// in a text: it is nearly everywhere.
const leastShown = .2

// marker finds the words of a query in texts. A nil one finds none.
type marker struct {
	tokenizer words.Tokenizer
	weights   map[uint64]float64 // of terms
}

// newMarker returns a marker for the words of a query. weighed are their weights; where
// there are none, all weigh the same.
func newMarker(text string, weighed []engine.WeighedWord) *marker {
	m := &marker{weights: map[uint64]float64{}}
	q := m.tokenizer.Query(text)
	heaviest := 0.0
	for i, term := range q.Terms {
		at := slices.IndexFunc(weighed, func(w engine.WeighedWord) bool { return w.Word == q.Words[i] })
		switch {
		case len(weighed) == 0:
			m.weights[term] = 1
		case at >= 0:
			m.weights[term] = max(m.weights[term], weighed[at].Weight)
		}
		heaviest = max(heaviest, m.weights[term])
	}
	for term, weight := range m.weights {
		if weight < leastShown*heaviest {
			delete(m.weights, term)
		}
	}
	return m
}

// match is a place of a text, in bytes, that has a word of the query.
type match struct {
	start, end int
	term       uint64
}

// matches are the places of a text that have words of the query, in their order.
func (m *marker) matches(text string) (all []match) {
	if m == nil {
		return nil
	}
	for _, token := range m.tokenizer.Append(nil, text) {
		if _, asked := m.weights[token.Term]; asked {
			all = append(all, match{token.Start, token.End, token.Term})
		} else if first, ok := token.First(text); ok && m.weights[first.Term] > 0 {
			all = append(all, match{first.Start, first.End, first.Term})
		}
	}
	slices.SortStableFunc(all, func(a, b match) int { return a.start - b.start })
	return all
}

// row is a line on a terminal: bytes of a text, behind some blanks.
type row struct{ start, end, indent int }

// rowsOf breaks a text into rows of width columns. Its lines stay lines, with the blanks
// before them, which the further rows of a long line get too. Of several empty lines
// one is left, and none at the ends.
func rowsOf(text string, width int) (rows []row) {
	at, empty := 0, false
	for line := range strings.Lines(text) {
		start := at
		at += len(line)
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if line == "" {
			empty = len(rows) > 0
			continue
		}
		if empty {
			rows = append(rows, row{start: start, end: start})
			empty = false
		}
		inner := strings.TrimLeftFunc(line, unicode.IsSpace)
		blanks := len(line) - len(inner)
		indent := min(uniseg.StringWidth(shown(line[:blanks])), width/2)
		for _, r := range breakLine(inner, width-indent) {
			rows = append(rows, row{start + blanks + r.start, start + blanks + r.end, indent})
		}
	}
	return rows
}

// filled is a text of a source whose soft breaks are blanks, byte for byte: in Markdown, the ends of lines
// within a paragraph. Where a part of a fence is missing nobody knows what is code, and it stays as it is.
func filled(text, source string) string {
	if ext := strings.ToLower(filepath.Ext(source)); ext != ".md" && ext != ".markdown" {
		return text
	}
	b, fenced, before, at := []byte(text), false, "", 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") {
			fenced, before = !fenced, ""
		} else if fenced {
			before = ""
		} else {
			if softBreak(before, line) {
				b[at-1] = ' '
			}
			before = line
		}
		at += len(line)
	}
	if fenced {
		return text
	}
	return string(b)
}

// softBreak reports whether two lines of Markdown are of one paragraph, without a break that is asked for.
func softBreak(before, line string) bool {
	if strings.TrimSpace(before) == "" || strings.TrimSpace(line) == "" || strings.HasSuffix(before, "  \n") || strings.HasSuffix(before, "\\\n") {
		return false
	}
	numbered := strings.TrimLeft(line, "0123456789")
	return !strings.ContainsAny(before[:1], " \t#|:=") && !strings.ContainsAny(line[:1], " \t#|:=<>-*+") &&
		(numbered == line || !strings.HasPrefix(numbered, ".") && !strings.HasPrefix(numbered, ")"))
}

// breakLine breaks a line at blanks, and between wide characters where UAX 14 allows it,
// into rows of width columns without the blanks at their ends. A longer word is broken
// anywhere.
func breakLine(line string, width int) (rows []row) {
	begin, allowed, used, since := 0, 0, 0, 0 // since: columns behind the last place where a break is allowed
	end := func(at int) {
		rows = append(rows, row{start: begin, end: begin + len(strings.TrimRight(line[begin:at], " \t"))})
		begin, allowed = at, at
	}
	at, state := 0, -1
	for rest := line; rest != ""; {
		cluster, after, boundaries, next := uniseg.StepString(rest, state)
		rest, state = after, next
		w := uniseg.StringWidth(shown(cluster))
		blank := cluster == " " || cluster == "\t"
		if used+w > width && at > begin && !blank {
			if allowed > begin {
				end(allowed)
				used = since
			} else {
				end(at)
				used = 0
			}
			since = used
		}
		at += len(cluster)
		used += w
		since += w
		if (blank || w > 1) && boundaries&uniseg.MaskLine != uniseg.LineDontBreak {
			allowed, since = at, 0
		}
	}
	if begin < len(line) {
		end(len(line))
	}
	return rows
}

// tab is what a tab is shown as.
const tab = "    "

// shown is a part of a line as it is shown on a terminal.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) && unicode.IsSpace(r) {
			return ' ' // such as a form feed
		}
		return r
	}, text)
	return strings.ReplaceAll(visible(text), "\t", tab)
}

// excerpt chooses n of the rows with text that follow each other: those with most of the query, by the
// weights of its words, and of such the first, with a row before what matches, where that is of the same
// paragraph. It returns the first and the one behind the last. Empty lines between them do not count.
func (m *marker) excerpt(rows []row, matches []match, n int) (from, to int) {
	full := withText(rows)
	if n < 1 || n >= len(full) {
		return 0, len(rows)
	}
	terms := termsOf(rows, matches)
	best, distance, at := 0.0, 0, 0
	for start := range len(full) - n + 1 {
		weight, first := 0.0, n
		seen := map[uint64]bool{}
		for i, row := range full[start : start+n] {
			for _, term := range terms[row] {
				if first = min(first, i); !seen[term] {
					weight += m.weights[term]
					seen[term] = true
				}
			}
		}
		off := 0
		if first < n {
			before := 1
			if at := full[start+first]; at == 0 || rows[at-1].start == rows[at-1].end {
				before = 0
			}
			off = max(first-before, before-first)
		}
		if weight > best+1e-9 || weight > best-1e-9 && off < distance {
			best, distance, at = weight, off, start
		}
	}
	return full[at], full[at+n-1] + 1
}

// withText returns the places of the rows that are no empty lines.
func withText(rows []row) (places []int) {
	for i, r := range rows {
		if r.start < r.end {
			places = append(places, i)
		}
	}
	return places
}

// mostPassages is about how many passages of a text are compared with the query: of a long one some,
// spread over it. They take some 2 ms.
const mostPassages = 64

// nearest chooses p.lines rows of a longer text that follow each other: those that p.near chooses.
func (p *printer) nearest(text string, rows []row) (from, to int) {
	full := withText(rows)
	last := len(full) - p.lines
	step := 1 + last/mostPassages
	var passages []string
	for start := 0; start <= last; start += step {
		passages = append(passages, text[rows[full[start]].start:rows[full[start+p.lines-1]].end])
	}
	at := p.near(passages) * step
	return full[at], full[at+p.lines-1] + 1
}

// termsOf are the terms that match in each row.
func termsOf(rows []row, matches []match) [][]uint64 {
	terms := make([][]uint64, len(rows))
	i := 0
	for _, m := range matches {
		for i < len(rows) && rows[i].end <= m.start {
			i++
		}
		if i < len(rows) {
			terms[i] = append(terms[i], m.term)
		}
	}
	return terms
}

// passage writes a text as it is shown below a heading, and an empty line.
func (p *printer) passage(text string) {
	p.excerpted(text)
	p.WriteByte('\n')
}

// excerpted writes the lines that p shows of a text, with the words of the query in bold, or those
// nearest in meaning where it has none of these.
func (p *printer) excerpted(text string) {
	rows := rowsOf(text, max(p.width-passageIndent-2, 1))
	matches := p.marker.matches(text)
	from, to := p.marker.excerpt(rows, matches, p.lines)
	if to-from < len(rows) && len(matches) == 0 && p.near != nil {
		from, to = p.nearest(text, rows)
	}
	for i := from; i < to; i++ {
		before, behind := strings.Repeat(" ", passageIndent), ""
		if i == from && from > 0 {
			before = " " + p.styled(styleDim, "…") + " "
		}
		if i == to-1 && to < len(rows) {
			behind = " " + p.styled(styleDim, "…")
		}
		line := strings.Repeat(" ", rows[i].indent) + p.marked(text, rows[i], matches)
		p.WriteString(strings.TrimRight(before+line, " ") + behind + "\n")
	}
}

// marked is a row with what matches in bold.
func (p *printer) marked(text string, r row, matches []match) string {
	var b strings.Builder
	at := r.start
	for _, m := range matches {
		start, end := max(m.start, at), min(m.end, r.end)
		if start >= end {
			continue
		}
		b.WriteString(shown(text[at:start]) + p.styled(styleBold, shown(text[start:end])))
		at = end
	}
	return b.String() + shown(text[at:r.end])
}
