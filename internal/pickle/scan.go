package pickle

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"sheaf/internal/dense"
)

// maxProto is the newest protocol; it came with Python 3.8.
const maxProto = 5

// scan walks the whole pickle without building anything. It checks that every
// opcode and length is sound, that frames hold what they say, that the file
// ends with the pickle, and returns which memo slots are ever asked for.
func scan(s *source) (*memo, error) {
	c := scanner{wanted: &bitset{}}
	var in instruction
	for in.op != opStop {
		err := s.next(&in)
		if err == nil {
			if in.data != 0 {
				s.pos = in.data + in.n
			}
			err = c.check(&in, s)
		}
		if own := (*Error)(nil); errors.As(err, &own) && in.at == 0 {
			own.Problem = "not a pickle: " + own.Problem
		}
		if err != nil {
			return nil, err
		}
	}
	if s.pos != s.size {
		return nil, &Error{s.pos, fmt.Sprintf("%d bytes follow the end of the pickle", s.size-s.pos)}
	}
	return newMemo(c.wanted), nil
}

// scanner is what scan remembers from one instruction to the next.
type scanner struct {
	puts   int64 // memo slots filled so far, at most
	frame  int64 // where the frame ends that began last
	wanted *bitset
}

func (c *scanner) check(in *instruction, s *source) error {
	end := s.pos
	if in.at < c.frame && end > c.frame {
		return &Error{in.at, "an instruction runs over the end of its frame"}
	}
	switch in.op {
	case opProto:
		if in.n > maxProto {
			return &Error{in.at, fmt.Sprintf("protocol %d is not known", in.n)}
		}
	case opFrame:
		if in.at < c.frame || in.n < 0 || in.n > s.size-end {
			return &Error{in.at, fmt.Sprintf("a frame of %d bytes, of which %d are left", uint64(in.n), s.size-end)}
		}
		c.frame = end + in.n
	case opMemoize:
		c.puts++
	case opPut, opBinPut, opLongBinPut:
		// Picklers number slots from 0 or 1 without gaps.
		if c.puts++; in.n > c.puts {
			return &Error{in.at, fmt.Sprintf("memo slot %d after %d slots", in.n, c.puts-1)}
		}
	case opGet, opBinGet, opLongBinGet:
		if in.n > c.puts {
			return &Error{in.at, fmt.Sprintf("memo slot %d was never filled", in.n)}
		}
		c.wanted.set(in.n)
	}
	if c.puts > math.MaxUint32 {
		return &Error{in.at, "more than 2^32 memo slots"}
	}
	return nil
}

// bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) set(n int64) {
	for int64(len(*b)) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

// memo holds the values that are asked for again, each in the place of its
// slot's rank among those. The first ones are what all documents share; most
// others are their ids, short texts, which are kept apart and made anew each time.
type memo struct {
	wanted  []uint64
	before  []uint32 // wanted slots before each word
	first   []Value
	handles []dense.Handle
	texts   dense.Texts
	others  map[uint32]Value
}

// firstPlaces is how many places are kept as values.
const firstPlaces = 1 << 10

func newMemo(wanted *bitset) *memo {
	m := &memo{wanted: *wanted}
	n := uint32(0)
	for _, word := range m.wanted {
		m.before = append(m.before, n)
		n += uint32(bits.OnesCount64(word))
	}
	m.first, m.handles, m.others = make([]Value, min(n, firstPlaces)), make([]dense.Handle, n), map[uint32]Value{}
	return m
}

// otherWeight is about what a value takes in a map.
const otherWeight = 64

// set fills a place and returns about how many bytes that takes.
func (m *memo) set(i uint32, v Value) int64 {
	s, ok := v.(string)
	switch {
	case i < firstPlaces:
		m.first[i] = v
		return slotWeight
	case ok && len(s) <= shortText:
		m.handles[i] = m.texts.Add(s)
		return shortWeight(v)
	}
	m.others[i] = v
	return otherWeight
}

// filled tells whether there is something in a place.
func (m *memo) filled(i uint32) bool {
	if i < firstPlaces {
		return m.first[i] != nil
	}
	return m.handles[i] != 0 || m.others[i] != nil
}

// get returns what is in a place; nil where it was never filled.
func (m *memo) get(i uint32) Value {
	switch {
	case i < uint32(len(m.first)):
		return m.first[i]
	case i >= uint32(len(m.handles)):
		return nil
	}
	if m.handles[i] == 0 {
		return m.others[i]
	}
	return m.texts.At(m.handles[i])
}

// place returns where a slot's value is; false for a slot nobody asks for.
func (m *memo) place(slot int64) (uint32, bool) {
	word := slot / 64
	if word >= int64(len(m.wanted)) || m.wanted[word]>>(slot%64)&1 == 0 {
		return 0, false
	}
	below := m.wanted[word] & (1<<(slot%64) - 1)
	return m.before[word] + uint32(bits.OnesCount64(below)), true
}
