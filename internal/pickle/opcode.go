package pickle

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
)

// The opcodes, as pickletools.py names them.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opFloat           = 'F'
	opInt             = 'I'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opLong            = 'L'
	opBinInt2         = 'M'
	opNone            = 'N'
	opPersID          = 'P'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opString          = 'S'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opUnicode         = 'V'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opDict            = 'd'
	opEmptyDict       = '}'
	opAppends         = 'e'
	opGet             = 'g'
	opBinGet          = 'h'
	opInst            = 'i'
	opLongBinGet      = 'j'
	opList            = 'l'
	opEmptyList       = ']'
	opObj             = 'o'
	opPut             = 'p'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opEmptyTuple      = ')'
	opSetItems        = 'u'
	opBinFloat        = 'G'
	opProto           = 0x80
	opNewObj          = 0x81
	opExt1            = 0x82
	opExt2            = 0x83
	opExt4            = 0x84
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opByteArray8      = 0x96
	opNextBuffer      = 0x97
	opReadOnlyBuffer  = 0x98
)

// operand is how an opcode's argument is laid out.
type operand uint8

const (
	unknown operand = iota
	bare            // no argument
	line            // a line of text
	lines           // two of them
	uint8Arg
	uint16Arg
	int32Arg
	uint32Arg
	uint64Arg
	float64Arg
	counted1 // a length of 1, 4 or 8 bytes, and as many bytes of data
	counted4
	countedInt4 // the length is signed
	counted8
)

// operands tells for each opcode what follows it.
var operands = [256]operand{
	opMark: bare, opStop: bare, opPop: bare, opPopMark: bare, opDup: bare,
	opFloat: line, opInt: line, opLong: line, opString: line, opUnicode: line, opGet: line, opPut: line, opPersID: line,
	opGlobal: lines, opInst: lines,
	opBinInt: int32Arg, opBinInt1: uint8Arg, opBinInt2: uint16Arg, opBinFloat: float64Arg,
	opNone: bare, opNewTrue: bare, opNewFalse: bare, opBinPersID: bare,
	opReduce: bare, opBuild: bare, opObj: bare, opNewObj: bare, opNewObjEx: bare, opStackGlobal: bare,
	opAppend: bare, opAppends: bare, opSetItem: bare, opSetItems: bare, opAddItems: bare, opFrozenSet: bare,
	opDict: bare, opEmptyDict: bare, opList: bare, opEmptyList: bare, opEmptySet: bare,
	opTuple: bare, opEmptyTuple: bare, opTuple1: bare, opTuple2: bare, opTuple3: bare,
	opBinGet: uint8Arg, opBinPut: uint8Arg, opLongBinGet: uint32Arg, opLongBinPut: uint32Arg, opMemoize: bare,
	opProto: uint8Arg, opFrame: uint64Arg, opExt1: uint8Arg, opExt2: uint16Arg, opExt4: int32Arg,
	opLong1: counted1, opLong4: countedInt4,
	opBinString: countedInt4, opShortBinString: counted1,
	opBinUnicode: counted4, opShortBinUnicode: counted1, opBinUnicode8: counted8,
	opBinBytes: counted4, opShortBinBytes: counted1, opBinBytes8: counted8, opByteArray8: counted8,
	opNextBuffer: bare, opReadOnlyBuffer: bare,
}

// instruction is an opcode with its argument. Its texts are valid until the
// next one is read.
type instruction struct {
	op           byte
	at           int64  // where it begins
	n            int64  // the argument as a number; of counted data, its length
	text, second []byte // the argument's lines
	data         int64  // where counted data begins
}

// next reads an instruction. Counted data is checked to be there and left to
// be read or skipped.
func (s *source) next(in *instruction) error {
	in.at, in.data = s.pos, 0
	if at := s.pos - s.start; at >= 0 && at+9 <= int64(len(s.window)) { // most often
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
		return &Error{in.at, fmt.Sprintf("there is no opcode 0x%02x", in.op)}
	case bare:
		return nil
	case line, lines:
		return s.text(in, kind)
	default:
		return s.number(in, kind)
	}
}

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
		return &Error{in.at, fmt.Sprintf("memo slot %.40q", in.text)}
	}
	return nil
}

// sizes are the bytes of the numbers that arguments begin with.
var sizes = [...]int{
	uint8Arg: 1, uint16Arg: 2, int32Arg: 4, uint32Arg: 4, uint64Arg: 8, float64Arg: 8,
	counted1: 1, counted4: 4, countedInt4: 4, counted8: 8,
}

func (s *source) number(in *instruction, kind operand) error {
	var wide [8]byte
	b, err := s.take(sizes[kind])
	if err != nil {
		return err
	}
	copy(wide[:], b)
	return s.argument(in, kind, binary.LittleEndian.Uint64(wide[:]))
}

// argument takes the number that an argument begins with.
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
	return &Error{in.at, fmt.Sprintf("%s bytes are announced and %d are left", announced, s.size-s.pos)}
}
