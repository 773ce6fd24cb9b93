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

// writeProto is the protocol that is written. Python reads it since version 3.4.
const writeProto = 4

// Writer writes a pickle. Each method writes one opcode or one whole value. Close
// returns the first error of the underlying writer.
type Writer struct {
	w     *bufio.Writer
	slots uint32            // memo slots used so far
	keys  map[string]uint32 // memo slots of texts that Key wrote
}

// maxKeys limits the texts that Key puts into the memo, and maxKey their length.
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

// Key writes a text that occurs often, such as a key of dicts. From the second
// time on it is a reference to the memo, which saves space in the file and memory
// in the reader.
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

// big writes an int of any size, as little-endian two's complement.
func (p *Writer) big(n *big.Int) {
	size := n.BitLen()/8 + 1 // with the sign
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

// Bytes begins a bytes value. The caller must write n bytes to the returned writer.
func (p *Writer) Bytes(n int64) io.Writer {
	p.op64(opBinBytes8, uint64(n))
	return p.w
}

// Memoize puts the value written last into the memo and returns its slot, for Again.
func (p *Writer) Memoize() uint32 {
	p.op(opMemoize)
	p.slots++
	return p.slots - 1
}

// Again writes a reference to a value in the memo.
func (p *Writer) Again(slot uint32) {
	if slot < 1<<8 {
		p.op(opBinGet, byte(slot))
		return
	}
	p.op32(opLongBinGet, slot)
}

// Class writes a class by its name, as in [Class].
func (p *Writer) Class(name string) {
	i := strings.LastIndexByte(name, '.')
	p.Text(name[:i])
	p.Text(name[i+1:])
	p.op(opStackGlobal)
}

// New replaces the class written last by a new instance of it.
func (p *Writer) New() { p.op(opEmptyTuple, opNewObj) }

// Build makes the value written last the state of the instance before it.
func (p *Writer) Build() { p.op(opBuild) }

// Dict begins an empty dict.
func (p *Writer) Dict() { p.op(opEmptyDict) }

// Set begins an empty set.
func (p *Writer) Set() { p.op(opEmptySet) }

// Mark begins the items of SetItems and AddItems.
func (p *Writer) Mark() { p.op(opMark) }

// Entry begins the i-th entry of a large dict: the caller must write its key and
// its value.
func (p *Writer) Entry(i int) { p.item(i, opSetItems) }

// EndEntries ends the last of n entries.
func (p *Writer) EndEntries(n int) { p.endItems(n, opSetItems) }

// SetItem puts the key and value written last into the dict before them.
func (p *Writer) SetItem() { p.op(opSetItem) }

// SetItems puts the keys and values since Mark into the dict before it.
func (p *Writer) SetItems() { p.op(opSetItems) }

// AddItems puts the values since Mark into the set before it.
func (p *Writer) AddItems() { p.op(opAddItems) }

// Tuple replaces the n values written last, two or three, by a tuple of them.
func (p *Writer) Tuple(n int) { p.op(opTuple1 + byte(n) - 1) }

// JSON writes a JSON value. An object becomes a dict, an array a list, and a
// number without point and exponent an int.
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

// batch is the number of items that are put into a container at once, as in
// CPython. It limits the stack of a reader.
const batch = 1000

// item begins the i-th item of a container. The opcode fill adds the items before
// it when they are a batch.
func (p *Writer) item(i int, fill byte) {
	if i%batch != 0 {
		return
	}
	if i > 0 {
		p.op(fill)
	}
	p.Mark()
}

func (p *Writer) endItems(n int, fill byte) {
	if n > 0 {
		p.op(fill)
	}
}

func (p *Writer) nested(d *json.Decoder, open json.Delim) error {
	begin, fill := byte(opEmptyDict), byte(opSetItems)
	if open == '[' {
		begin, fill = opEmptyList, opAppends
	}
	p.op(begin)
	n := 0
	for ; d.More(); n++ {
		p.item(n, fill)
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			p.Key(key.(string)) // encoding/json has checked that
		}
		if err := p.next(d); err != nil {
			return err
		}
	}
	p.endItems(n, fill)
	_, err := d.Token()
	return err
}
