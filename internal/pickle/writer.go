package pickle

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
)

// writeProto is the protocol that is written: every Python 3.4 and newer reads it.
const writeProto = 4

// Writer writes a pickle piece by piece, each method one opcode or one whole
// value. An error of the underlying writer comes out of Close.
type Writer struct {
	w     *bufio.Writer
	slots uint32            // of the memo, so far
	keys  map[string]uint32 // texts written by Key, and their slots
}

// maxKeys bounds the texts that are remembered, and maxKey their length.
const (
	maxKeys = 1 << 12
	maxKey  = 1 << 8
)

// NewWriter begins a pickle.
func NewWriter(w io.Writer) *Writer {
	p := &Writer{w: bufio.NewWriterSize(w, 1<<16), keys: map[string]uint32{}}
	p.op(opProto, writeProto)
	return p
}

// Close ends the pickle.
func (p *Writer) Close() error {
	p.op(opStop)
	return p.w.Flush()
}

func (p *Writer) op(b ...byte) { p.w.Write(b) }

func (p *Writer) op32(op byte, n uint32) {
	p.w.Write(binary.LittleEndian.AppendUint32([]byte{op}, n))
}

func (p *Writer) op64(op byte, n uint64) {
	p.w.Write(binary.LittleEndian.AppendUint64([]byte{op}, n))
}

// Text writes a text.
func (p *Writer) Text(s string) {
	switch n := len(s); {
	case n < 1<<8:
		p.op(opShortBinUnicode, byte(n))
	case n <= math.MaxUint32:
		p.op32(opBinUnicode, uint32(n))
	default:
		p.op64(opBinUnicode8, uint64(n))
	}
	p.w.WriteString(s)
}

// Key writes a text that comes often, as the keys of dicts do: from the second
// time on as a reference, which spares the file and the reader's memory.
func (p *Writer) Key(s string) {
	slot, known := p.keys[s]
	switch {
	case known:
		p.Again(slot)
	case len(p.keys) < maxKeys && len(s) <= maxKey:
		p.Text(s)
		p.keys[s] = p.Memoize()
	default:
		p.Text(s)
	}
}

// Int writes an int.
func (p *Writer) Int(n int64) {
	switch {
	case n >= 0 && n < 1<<8:
		p.op(opBinInt1, byte(n))
	case n == int64(int32(n)):
		p.op32(opBinInt, uint32(int32(n)))
	default:
		p.big(big.NewInt(n))
	}
}

// big writes an int of any size, little-endian in two's complement.
func (p *Writer) big(n *big.Int) {
	size := n.BitLen()/8 + 1 // with room for the sign
	x := n
	if n.Sign() < 0 {
		x = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	b := x.FillBytes(make([]byte, size))
	if size < 1<<8 {
		p.op(opLong1, byte(size))
	} else {
		p.op32(opLong4, uint32(size))
	}
	for i := range b {
		p.op(b[size-1-i])
	}
}

// Float writes a float.
func (p *Writer) Float(x float64) {
	p.w.Write(binary.BigEndian.AppendUint64([]byte{opBinFloat}, math.Float64bits(x)))
}

// None writes None.
func (p *Writer) None() { p.op(opNone) }

// Bytes begins bytes: the caller writes n of them to the returned writer.
func (p *Writer) Bytes(n int64) io.Writer {
	p.op64(opBinBytes8, uint64(n))
	return p.w
}

// Memoize remembers the value written last and returns its slot, for Again.
func (p *Writer) Memoize() uint32 {
	p.op(opMemoize)
	p.slots++
	return p.slots - 1
}

// Again writes a value that was memoized.
func (p *Writer) Again(slot uint32) {
	if slot < 1<<8 {
		p.op(opBinGet, byte(slot))
		return
	}
	p.op32(opLongBinGet, slot)
}

// Class names a class.
func (p *Writer) Class(module, name string) {
	p.Text(module)
	p.Text(name)
	p.op(opStackGlobal)
}

// New makes an instance of the class written last.
func (p *Writer) New() { p.op(opEmptyTuple, opNewObj) }

// Build gives the instance before it the state written last.
func (p *Writer) Build() { p.op(opBuild) }

// Dict begins an empty dict.
func (p *Writer) Dict() { p.op(opEmptyDict) }

// Set begins an empty set.
func (p *Writer) Set() { p.op(opEmptySet) }

// Mark begins what SetItems and AddItems put.
func (p *Writer) Mark() { p.op(opMark) }

// SetItem puts the key and the value written last into a dict.
func (p *Writer) SetItem() { p.op(opSetItem) }

// SetItems puts the keys and values since Mark into a dict.
func (p *Writer) SetItems() { p.op(opSetItems) }

// AddItems puts the values since Mark into a set.
func (p *Writer) AddItems() { p.op(opAddItems) }

// Tuple makes a tuple of the two or three values written last.
func (p *Writer) Tuple(n int) { p.op(opTuple1 + byte(n) - 1) }

// JSON writes a JSON value: objects as dicts, arrays as lists, numbers as ints
// where they have neither point nor exponent.
func (p *Writer) JSON(raw json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return p.next(d)
}

func (p *Writer) next(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case nil:
		p.None()
	case bool:
		p.bool(t)
	case string:
		p.Text(t)
	case json.Number:
		return p.number(t)
	case json.Delim:
		return p.nested(d, t)
	}
	return nil
}

func (p *Writer) bool(b bool) {
	if b {
		p.op(opNewTrue)
		return
	}
	p.op(opNewFalse)
}

func (p *Writer) number(n json.Number) error {
	if strings.ContainsAny(n.String(), ".eE") {
		x, _ := n.Float64() // out of range is infinite, as in Python
		p.Float(x)
		return nil
	}
	x, ok := new(big.Int).SetString(n.String(), 10)
	switch {
	case !ok || len(n) > maxDigits:
		return fmt.Errorf("the number %.40s has more than %d digits", n, maxDigits)
	case x.IsInt64():
		p.Int(x.Int64())
	default:
		p.big(x)
	}
	return nil
}

// batch is how many items are put into a container at once, as CPython does:
// a reader's stack stays small.
const batch = 1000

func (p *Writer) nested(d *json.Decoder, open json.Delim) error {
	begin, fill := byte(opEmptyDict), byte(opSetItems)
	if open == '[' {
		begin, fill = opEmptyList, opAppends
	}
	p.op(begin)
	for n := 0; d.More(); n++ {
		if n%batch == 0 {
			if n > 0 {
				p.op(fill)
			}
			p.Mark()
		}
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			p.Key(key.(string)) // encoding/json checks that it is one
		}
		if err := p.next(d); err != nil {
			return err
		}
		if !d.More() {
			p.op(fill)
		}
	}
	_, err := d.Token()
	return err
}
