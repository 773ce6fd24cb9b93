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
// with room for the slots that the pickle reads.
func scan(s *source) (*memo, error) {
	c := scanner{read: &bitset{}}
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
			return nil, err
		}
	}
	if s.pos != s.size {
		return nil, &Error{s.pos, fmt.Errorf("%d bytes follow the end of the pickle", s.size-s.pos)}
	}
	return newMemo(*c.read), nil
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
