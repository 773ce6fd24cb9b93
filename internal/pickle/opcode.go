package pickle

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

// operand is the layout of an opcode's argument.
type operand uint8

const (
	unknown operand = iota
	bare            // no argument
	line            // a line of text
	lines           // two lines of text
	uint8Arg
	uint16Arg
	int32Arg
	uint32Arg
	uint64Arg
	float64Arg
	counted1 // a length of 1, 4 or 8 bytes, then that many bytes of data
	counted4
	countedInt4 // the length is signed
	counted8
)

// operands holds the layout of each opcode's argument.
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

// sizes holds the bytes of the number that each argument begins with.
var sizes = [...]int{
	uint8Arg: 1, uint16Arg: 2, int32Arg: 4, uint32Arg: 4, uint64Arg: 8, float64Arg: 8,
	counted1: 1, counted4: 4, countedInt4: 4, counted8: 8,
}
