package pickle

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
)

// instruction is an opcode with its argument. Its texts are valid until the
// next instruction is read.
type instruction struct {
	op           byte
	at           int64  // offset of the opcode
	n            int64  // the argument as a number; the length of counted data
	text, second []byte // the lines of the argument
	data         int64  // offset of counted data; 0: none
}

// next reads an instruction. It checks that the file has all counted data, and
// leaves it to the caller to read or to skip.
func (s *source) next(in *instruction) error {
	in.at, in.data = s.pos, 0
	// The fast path: the longest instruction without lines lies in the window.
	if at := s.pos - s.start; at >= 0 && at+9 <= int64(len(s.window)) {
		in.op = s.window[at]
		if kind := operands[in.op]; kind == bare {
			s.pos++
			return nil
		} else if kind >= uint8Arg {
			size := sizes[kind]
			s.pos += 1 + int64(size)
			return s.argument(in, kind, binary.LittleEndian.Uint64(s.window[at+1:])&(1<<(8*size)-1))
		}
	}
	b, err := s.take(1)
	if err != nil {
		return err
	}
	in.op = b[0]
	switch kind := operands[in.op]; kind {
	case unknown:
		return &Error{in.at, fmt.Errorf("there is no opcode 0x%02x", in.op)}
	case bare:
		return nil
	case line, lines:
		return s.text(in, kind)
	default:
		return s.number(in, kind)
	}
}

// text reads an argument of one or two lines.
func (s *source) text(in *instruction, kind operand) (err error) {
	if kind == lines {
		first, err := s.line()
		if err != nil {
			return err
		}
		in.text = append([]byte(nil), first...)
		in.second, err = s.line()
		return err
	}
	if in.text, err = s.line(); err != nil || in.op != opGet && in.op != opPut {
		return err
	}
	in.n, err = strconv.ParseInt(string(in.text), 10, 64)
	if err != nil || in.n < 0 {
		return &Error{in.at, fmt.Errorf("memo slot %.40q", in.text)}
	}
	return nil
}

// number reads an argument that begins with a number.
func (s *source) number(in *instruction, kind operand) error {
	var wide [8]byte
	b, err := s.take(sizes[kind])
	if err != nil {
		return err
	}
	copy(wide[:], b)
	return s.argument(in, kind, binary.LittleEndian.Uint64(wide[:]))
}

// argument sets the argument from n, the number that it begins with.
func (s *source) argument(in *instruction, kind operand, n uint64) error {
	in.n = int64(n)
	switch kind {
	case int32Arg, countedInt4:
		in.n = int64(int32(in.n))
	case float64Arg:
		in.n = int64(bits.ReverseBytes64(n))
	}
	if kind < counted1 {
		return nil
	}
	in.data = s.pos
	if in.n >= 0 && in.n <= s.size-s.pos {
		return nil
	}
	announced := fmt.Sprint(uint64(in.n))
	if kind == countedInt4 {
		announced = fmt.Sprint(in.n)
	}
	return &Error{in.at, fmt.Errorf("%s bytes are announced and %d are left", announced, s.size-s.pos)}
}
