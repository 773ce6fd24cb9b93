package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxDigits limits an int, as Python's int() does.
	maxDigits = 4300
	// maxIntBytes is the size of an int of maxDigits decimal digits.
	maxIntBytes = 1786
)

// refused names the opcodes that are known and never executed.
var refused = map[byte]string{
	opPersID: "PERSID", opBinPersID: "BINPERSID", opExt1: "EXT1", opExt2: "EXT2", opExt4: "EXT4", opObj: "OBJ",
	opString: "STRING", opBinString: "BINSTRING", opShortBinString: "SHORT_BINSTRING",
	opNextBuffer: "NEXT_BUFFER", opReadOnlyBuffer: "READONLY_BUFFER",
}

// scalar returns the value that an instruction holds.
func (m *machine) scalar(in *instruction) (Value, error) {
	switch in.op {
	case opNone:
		return None, nil
	case opNewTrue:
		return true, nil
	case opNewFalse:
		return false, nil
	case opBinInt, opBinInt1, opBinInt2:
		return in.n, nil
	case opBinFloat:
		return math.Float64frombits(uint64(in.n)), nil
	case opInt, opLong, opFloat, opUnicode:
		return m.line(in)
	case opLong1, opLong4:
		return m.long(in)
	case opBinUnicode, opShortBinUnicode, opBinUnicode8:
		return m.text(in)
	case opBinBytes, opShortBinBytes, opBinBytes8, opByteArray8:
		m.src.pos = in.data + in.n
		return &Bytes{r: m.src.r, off: in.data, n: in.n, mutable: in.op == opByteArray8}, m.charge(nodeWeight)
	}
	return nil, fmt.Errorf("the opcode %s, which no LangChain store needs", refused[in.op])
}

// long reads a little-endian integer in two's complement.
func (m *machine) long(in *instruction) (Value, error) {
	if in.n > maxIntBytes {
		return nil, fmt.Errorf("an int of %d bytes: %d digits at most", in.n, maxDigits)
	}
	b, err := m.src.take(int(in.n))
	if err != nil {
		return nil, err
	}
	be := make([]byte, len(b))
	for i, c := range b {
		be[len(b)-1-i] = c
	}
	x := new(big.Int).SetBytes(be)
	if len(be) > 0 && be[0] >= 0x80 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(be))))
	}
	return integer(x), m.charge(nodeWeight)
}

// integer returns x as an int64 if it fits.
func integer(x *big.Int) Value {
	if x.IsInt64() {
		return x.Int64()
	}
	return x
}

// line reads the texts and numbers of protocol 0, which are lines.
func (m *machine) line(in *instruction) (Value, error) {
	if in.op == opUnicode {
		return m.escaped(in.text)
	}
	if len(in.text) > maxLine {
		return nil, fmt.Errorf("a number of %d digits: %d at most", len(in.text), maxDigits)
	}
	text := string(bytes.TrimSpace(in.text))
	switch {
	case in.op == opInt && text == "00":
		return false, nil
	case in.op == opInt && text == "01":
		return true, nil
	case in.op == opFloat:
		x, err := strconv.ParseFloat(text, 64)
		if (err != nil && !errors.Is(err, strconv.ErrRange)) || strings.ContainsAny(text, "xX_") {
			return nil, fmt.Errorf("%.40q is not a float", text)
		}
		return x, nil
	}
	x, ok := new(big.Int).SetString(strings.TrimSuffix(text, "L"), 10)
	if !ok || len(text) > maxDigits+2 {
		return nil, fmt.Errorf("%.40q is not an int of at most %d digits", text, maxDigits)
	}
	return integer(x), m.charge(nodeWeight)
}

// text reads a text with its length before it.
func (m *machine) text(in *instruction) (Value, error) {
	if in.n > maxText {
		return nil, fmt.Errorf("a text of %d bytes: %d at most", in.n, maxText)
	}
	b, err := m.src.take(int(in.n))
	if err != nil {
		return nil, err
	}
	if utf8.Valid(b) {
		return m.texts.add(b), m.charge(slotWeight + in.n)
	}
	m.surrogates++
	s, err := decode(b)
	if err != nil {
		return nil, err
	}
	return s, m.charge(slotWeight + int64(len(s)))
}

// decode reads UTF-8 in which Python encoded unpaired surrogates, which UTF-8
// does not have. Each becomes U+FFFD.
func decode(b []byte) (string, error) {
	var out strings.Builder
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			if len(b)-i < 3 || b[i] != 0xed || b[i+1] < 0xa0 || b[i+1] > 0xbf || b[i+2]&0xc0 != 0x80 {
				return "", fmt.Errorf("a text is not UTF-8: it has the byte 0x%02x at place %d", b[i], i)
			}
			size = 3
		}
		out.WriteRune(r)
		i += size
	}
	return out.String(), nil
}

// escaped reads a text of protocol 0 in Python's encoding raw-unicode-escape:
// Latin-1, with \u and \U for all other characters.
func (m *machine) escaped(b []byte) (Value, error) {
	var out strings.Builder
	surrogate := false
	for i := 0; i < len(b); i++ {
		digits := 0
		if b[i] == '\\' && i+1 < len(b) {
			digits = map[byte]int{'u': 4, 'U': 8}[b[i+1]]
		}
		if digits == 0 {
			out.WriteRune(rune(b[i]))
			continue
		}
		code := b[i+2:]
		if len(code) > digits {
			code = code[:digits]
		}
		r, err := strconv.ParseUint(string(code), 16, 32)
		if err != nil || len(code) < digits || r > utf8.MaxRune {
			return nil, fmt.Errorf("a text has a malformed escape %q", b[i:i+2+len(code)])
		}
		surrogate = surrogate || utf16.IsSurrogate(rune(r))
		out.WriteRune(rune(r)) // U+FFFD for a surrogate
		i += 1 + digits
	}
	if surrogate {
		m.surrogates++
	}
	s := out.String()
	return s, m.charge(slotWeight + int64(len(s)))
}
