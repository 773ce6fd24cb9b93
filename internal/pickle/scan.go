package pickle

import (
	"errors"
	"fmt"
	"math"
)

// maxProto is the newest protocol; Python 3.8 introduced it.
const maxProto = 5

// scan reads all instructions without executing them. It checks opcodes, lengths
// and frames, and that the file ends with the pickle, and returns an empty memo
// with room for the slots that the pickle reads, and those that its last dict lists.
func scan(s *source) (*memo, []uint32, error) {
	c := scanner{read: &bitset{}}
	var last listing
	var in instruction
	for in.op != opStop {
		err := s.next(&in)
		if err == nil {
			if in.data != 0 {
				s.pos = in.data + in.n
			}
			err = c.check(&in, s)
		}
		if err != nil {
			if own := (*Error)(nil); errors.As(err, &own) && in.at == 0 {
				own.Err = fmt.Errorf("not a pickle: %w", own.Err)
			}
			return nil, nil, err
		}
		last.follow(&in)
	}
	if s.pos != s.size {
		return nil, nil, &Error{s.pos, fmt.Errorf("%d bytes follow the end of the pickle", s.size-s.pos)}
	}
	return newMemo(*c.read), last.all(), nil
}

// listing finds a dict at the end of a file whose keys count from 0 and whose values
// come from the memo, as LangChain's index_to_docstore_id does: the last instructions
// are then those of such a dict and of the tuple that it is in.
type listing struct {
	slots []uint32 // of the values so far
	open  bool     // nothing else came since the dict began
	key   bool     // the key of the next value came
}

// slotBytes is the memory of one of them.
const slotBytes = 4

func (l *listing) follow(in *instruction) {
	switch in.op {
	case opEmptyDict:
		*l = listing{slots: l.slots[:0], open: true}
	case opBinInt, opBinInt1, opBinInt2:
		l.open = l.open && !l.key && in.n == int64(len(l.slots))
		l.key = true
	case opBinGet, opLongBinGet, opGet:
		if l.open = l.open && l.key; l.open {
			l.slots = append(l.slots, uint32(in.n))
		}
		l.key = false
	case opMark, opSetItem, opSetItems, opMemoize, opPut, opBinPut, opLongBinPut, opFrame, opTuple2, opStop:
	default:
		l.open = false
	}
}

// all are the slots of the values; none where the file does not end so.
func (l *listing) all() []uint32 {
	if !l.open {
		return nil
	}
	return l.slots
}

// scanner holds the state of scan between instructions.
type scanner struct {
	puts  int64   // memo slots written so far, at most
	frame int64   // offset of the end of the last frame
	read  *bitset // memo slots that are read
}

func (c *scanner) check(in *instruction, s *source) error {
	end := s.pos
	if in.at < c.frame && end > c.frame {
		return &Error{in.at, errors.New("an instruction runs over the end of its frame")}
	}
	switch in.op {
	case opProto:
		if in.n > maxProto {
			return &Error{in.at, fmt.Errorf("protocol %d is not known", in.n)}
		}
	case opFrame:
		if in.at < c.frame || in.n < 0 || in.n > s.size-end {
			return &Error{in.at, fmt.Errorf("a frame of %d bytes, of which %d are left", uint64(in.n), s.size-end)}
		}
		c.frame = end + in.n
	case opMemoize:
		c.puts++
	case opPut, opBinPut, opLongBinPut:
		// Picklers number slots from 0 or 1 without gaps.
		if c.puts++; in.n > c.puts {
			return &Error{in.at, fmt.Errorf("memo slot %d after %d slots", in.n, c.puts-1)}
		}
	case opGet, opBinGet, opLongBinGet:
		if in.n > c.puts {
			return &Error{in.at, fmt.Errorf("memo slot %d was never filled", in.n)}
		}
		c.read.set(in.n)
	}
	if c.puts > math.MaxUint32 {
		return &Error{in.at, errors.New("more than 2^32 memo slots")}
	}
	return nil
}
