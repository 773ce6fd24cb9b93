package unigram

import (
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// lexicon knows the pieces of a model and their scores.
type lexicon interface {
	// extend extends the best path to the position at, where text begins, by each piece that text
	// begins with, and by an unknown one if its first character, of width bytes, is no piece. It
	// returns the length of the longest.
	extend(s *scratch, at int, text []byte, width int) (longest int)
	// id returns the id of a piece, by what extend knows it by.
	id(ref uint32) int32
}

// splitter finds the best path through normal forms. It is safe for concurrent use.
type splitter struct {
	lexicon lexicon
	unknown int32     // id
	pool    sync.Pool // of *scratch
}

// scratch is the working memory of one text.
type scratch struct {
	text []byte   // normal form
	ends []end    // by byte since the last position that every path meets
	refs []uint32 // the pieces so far, as the lexicon knows them
	lead float64  // the least by which the best path led, wherever it met another
	kept []repeat // words and how they were split
}

// end is the best path to a position.
type end struct {
	score  float64 // of all pieces since the beginning of the text
	lead   float64 // over the next best path to here
	length int32   // bytes of the last piece; 0: no path leads here so far
	ref    uint32  // what the lexicon knows the last piece by; 0: it is unknown
}

// scratch returns memory to work in, for keep to have back.
func (p *splitter) scratch() *scratch {
	s, _ := p.pool.Get().(*scratch)
	if s == nil {
		s = &scratch{ends: make([]end, 1)}
	}
	return s
}

// maxKept bounds what a scratch that is kept holds, in elements.
const maxKept = 1 << 16

func (p *splitter) keep(s *scratch) {
	if cap(s.text) <= maxKept && cap(s.ends) <= maxKept {
		p.pool.Put(s)
	}
}

// split appends the ids of a normal form.
func (p *splitter) split(ids []int32, s *scratch, text []byte) []int32 {
	s.ends[0].score = 0
	return p.goOn(ids, len(ids), s, text)
}

// goOn appends the ids of a part of a normal form, before which all paths meet. It finds the best path
// through the positions of the text from the left. Wherever all paths meet, as they do between words,
// the pieces so far are settled, so that few positions are looked at. The text's ids begin at first.
func (p *splitter) goOn(ids []int32, first int, s *scratch, text []byte) []int32 {
	s.refs, s.lead = s.refs[:0], math.Inf(1)
	met, reach := 0, 0
	for start := 0; start < len(text); {
		if reach <= start { // nothing leads past this position
			ids = p.settle(s, ids, first, start-met)
			met = start
		}
		width := 1
		if text[start] >= utf8.RuneSelf {
			_, width = utf8.DecodeRune(text[start:])
		}
		reach = max(reach, start+p.lexicon.extend(s, start-met, text[start:], width))
		start += width
	}
	return p.settle(s, ids, first, len(text)-met)
}

// offer takes the path e to a position unless one that is as good leads there.
func (s *scratch) offer(at int, e end) {
	if at >= len(s.ends) {
		s.ends = append(s.ends, make([]end, at+1)...)
	}
	switch old := &s.ends[at]; {
	case old.length == 0:
		e.lead = math.Inf(1)
		*old = e
	case e.score > old.score:
		e.lead = e.score - old.score
		*old = e
	default:
		old.lead = min(old.lead, old.score-e.score)
	}
}

// settle appends the pieces of the best path to a position, which becomes position 0. Neighbouring
// unknown ones are one. The text's ids begin at first.
func (p *splitter) settle(s *scratch, ids []int32, first, at int) []int32 {
	settled := len(s.refs)
	for i := at; i > 0; i -= int(s.ends[i].length) {
		s.refs, s.lead = append(s.refs, s.ends[i].ref), min(s.lead, s.ends[i].lead)
	}
	slices.Reverse(s.refs[settled:])
	for _, ref := range s.refs[settled:] {
		id := p.unknown
		if ref != 0 {
			id = p.lexicon.id(ref)
		}
		if id != p.unknown || len(ids) == first || ids[len(ids)-1] != id {
			ids = append(ids, id)
		}
	}
	score := s.ends[at].score
	clear(s.ends[:at+1])
	s.ends[0].score = score
	return ids
}
