package splitter

import (
	"index/suffixarray"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// locate returns the cuts of a text as chunks, with their start indexes and lines.
func locate(text string, cuts []cut, overlap int) []Chunk {
	chunks := make([]Chunk, 0, len(cuts))
	lines := lineCursor{text: text}
	ruler := newRuler(text)
	find := newFinder(text)
	index, size := 0, 0
	for _, c := range cuts {
		from := ruler.byteOf(max(0, index+size-overlap))
		index = ruler.runeOf(find.after(c.text, from))
		size = utf8.RuneCountInString(c.text)
		chunks = append(chunks, Chunk{
			Text: c.text, StartIndex: index,
			StartLine: lines.at(c.lo), EndLine: lines.at(c.hi - 1),
		})
	}
	return chunks
}

// A lineCursor returns the lines of offsets in a text. An offset near the last one
// is cheap.
type lineCursor struct {
	text   string
	offset int
	passed int // line breaks before offset
}

// at returns the line, from 1, of the byte at offset. A line break belongs to the
// line that it ends.
func (l *lineCursor) at(offset int) int {
	if offset >= l.offset {
		l.passed += strings.Count(l.text[l.offset:offset], "\n")
	} else {
		l.passed -= strings.Count(l.text[offset:l.offset], "\n")
	}
	l.offset = offset
	return l.passed + 1
}

// rulerStep is the distance in code points between a ruler's marks. A mark takes
// 8 bytes; what lies between two is counted.
const rulerStep = 128

// A ruler converts between offsets in bytes and in code points.
type ruler struct {
	text  string
	marks []int // byte offset of every rulerStep-th code point; nil: all are one byte
}

func newRuler(text string) *ruler {
	r := &ruler{text: text}
	count := utf8.RuneCountInString(text)
	if count == len(text) {
		return r
	}
	r.marks = make([]int, 0, count/rulerStep+1)
	i := 0
	for offset := range text {
		if i%rulerStep == 0 {
			r.marks = append(r.marks, offset)
		}
		i++
	}
	return r
}

// byteOf returns the offset of code point n, or the end of the text for one past it.
func (r *ruler) byteOf(n int) int {
	if r.marks == nil {
		return min(n, len(r.text))
	}
	if n/rulerStep >= len(r.marks) {
		return len(r.text)
	}
	offset := r.marks[n/rulerStep]
	for range n % rulerStep {
		_, size := utf8.DecodeRuneInString(r.text[offset:])
		offset += size
	}
	return offset
}

// runeOf returns the number of the code point at a byte offset, -1 for -1.
func (r *ruler) runeOf(offset int) int {
	if r.marks == nil || offset < 0 {
		return offset
	}
	mark := sort.SearchInts(r.marks, offset+1) - 1
	return mark*rulerStep + utf8.RuneCountInString(r.text[r.marks[mark]:offset])
}

// scanBudget is how many times its length a finder scans a text before it builds
// an index, which takes about as long.
const scanBudget = 64

// A finder searches a text for many strings. A string that the text lacks costs a
// scan to its end. So that the time stays linear a suffix array takes over once
// the scans had scanBudget times the length of the text.
type finder struct {
	text   string
	budget int
	index  *suffixarray.Index
	known  map[string][]int // sorted offsets of what was looked up in index
}

func newFinder(text string) *finder {
	return &finder{text: text, budget: scanBudget * len(text)}
}

// after returns the byte offset of the first s at or after from, or -1.
func (f *finder) after(s string, from int) int {
	if f.budget < 0 {
		return f.lookup(s, from)
	}
	i := strings.Index(f.text[from:], s)
	if i < 0 {
		f.budget -= len(f.text) - from
		return -1
	}
	f.budget -= i
	return from + i
}

func (f *finder) lookup(s string, from int) int {
	if f.index == nil {
		f.index, f.known = suffixarray.New([]byte(f.text)), map[string][]int{}
	}
	offsets, ok := f.known[s]
	if !ok {
		offsets = f.index.Lookup([]byte(s), -1)
		slices.Sort(offsets)
		f.known[s] = offsets
	}
	if i, _ := slices.BinarySearch(offsets, from); i < len(offsets) {
		return offsets[i]
	}
	return -1
}
