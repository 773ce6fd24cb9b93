package splitter

import (
	"strings"
	"unicode/utf8"
)

// A merger joins pieces to chunks of at most size code points, as LangChain's
// TextSplitter._merge_splits does, with whole pieces of at most overlap code
// points repeated from one chunk to the next. It keeps the pieces of one
// chunk only. A chunk that is a part of the text, separators included, is not
// copied.
type merger struct {
	text          string
	sep           string
	sepSize       int
	size, overlap int
	strip         bool
	emit          func(cut)
	oversize      []int

	window []piece // the pieces of the chunk being made
	total  int     // their joined size, in code points
	first  int     // number of window[0], counted from the first piece of all
	// whole is the lowest number of a piece such that the pieces of the window
	// from it on follow each other in the text, with the separator between them.
	whole int
}

func newMerger(text, sep string, o Options, emit func(cut)) *merger {
	return &merger{
		text: text, sep: sep, sepSize: utf8.RuneCountInString(sep),
		size: o.ChunkSize, overlap: o.ChunkOverlap, strip: !o.NoStrip, emit: emit,
	}
}

func (m *merger) add(p piece) {
	if m.grown(p) > m.size {
		if m.total > m.size {
			m.oversize = append(m.oversize, m.total)
		}
		m.join()
		m.shed(p)
	}
	m.push(p)
}

// shed removes pieces from the front until the rest can be the overlap before p.
func (m *merger) shed(p piece) {
	rest := m.window
	for m.total > m.overlap || m.total > 0 && m.sum(len(rest), p) > m.size {
		m.total -= rest[0].size
		if len(rest) > 1 {
			m.total -= m.sepSize
		}
		rest = rest[1:]
	}
	m.first += len(m.window) - len(rest)
	m.window = append(m.window[:0], rest...)
}

// grown returns the size that the chunk would have with p.
func (m *merger) grown(p piece) int { return m.sum(len(m.window), p) }

// sum returns the total with p after a number of pieces.
func (m *merger) sum(pieces int, p piece) int {
	if pieces == 0 {
		return m.total + p.size
	}
	return m.total + p.size + m.sepSize
}

func (m *merger) push(p piece) {
	number := m.first + len(m.window)
	switch {
	case p.own != "":
		m.whole = number + 1
	case len(m.window) > 0 && !m.adjoins(p):
		m.whole = number
	}
	m.total = m.grown(p)
	m.window = append(m.window, p)
}

// adjoins reports whether only the separator lies between the last piece and p.
func (m *merger) adjoins(p piece) bool {
	end := m.window[len(m.window)-1].hi
	return end <= p.lo && m.text[end:p.lo] == m.sep
}

// flush emits the last chunk.
func (m *merger) flush() {
	m.join()
	m.first += len(m.window)
	m.window, m.total = m.window[:0], 0
}

// join emits the window as a chunk, unless that is empty.
func (m *merger) join() {
	if len(m.window) == 0 {
		return
	}
	joined, exact := m.joined()
	text, lo := joined, 0
	if m.strip {
		text, lo = strip(joined)
	}
	if text == "" {
		return
	}
	hi := lo + len(text)
	if exact {
		lo, hi = m.window[0].lo+lo, m.window[0].lo+hi
	} else {
		lo, hi = m.place(lo), m.place(hi-1)+1
	}
	m.emit(cut{text: text, lo: lo, hi: hi})
}

// joined returns the text of the window, and whether it is a part of the source.
func (m *merger) joined() (text string, exact bool) {
	last := m.window[len(m.window)-1]
	if m.whole <= m.first {
		return m.text[m.window[0].lo:last.hi], true
	}
	var b strings.Builder
	for i, p := range m.window {
		if i > 0 {
			b.WriteString(m.sep)
		}
		b.WriteString(p.in(m.text))
	}
	return b.String(), false
}

// place returns the byte of the source that a byte of the joined window came from.
func (m *merger) place(at int) int {
	for _, p := range m.window {
		length := len(p.in(m.text))
		if at < length {
			return min(p.lo+at, p.hi-1)
		}
		if at -= length; at < len(m.sep) {
			return p.hi
		}
		at -= len(m.sep)
	}
	return m.window[len(m.window)-1].hi - 1
}
