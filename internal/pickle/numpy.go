package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DType is a numpy.dtype, the type of a number.
type DType struct {
	kind  byte // numpy's dtype.kind: b i u f c S U M O
	size  int  // bytes
	order binary.ByteOrder
	unit  string // of a datetime64
	count int64
}

// dtypeSizes holds the sizes of each kind that are read; nil: any.
var dtypeSizes = map[byte][]int{
	'b': {1}, 'i': {1, 2, 4, 8}, 'u': {1, 2, 4, 8}, 'f': {2, 4, 8}, 'c': {8, 16}, 'S': nil, 'U': nil, 'M': {8}, 'O': {8},
}

// maxTextItem limits one text in an array.
const maxTextItem = 1 << 20

// newDType reads the name of a type: a letter and the number of bytes.
func newDType(_ *machine, args []Value) (Value, error) {
	if len(args) == 0 || len(args) > 3 {
		return nil, errArguments
	}
	name, _ := args[0].(string)
	if name == "" {
		return nil, errArguments
	}
	t := &DType{kind: name[0], order: binary.LittleEndian}
	size, err := strconv.Atoi(name[1:])
	sizes, known := dtypeSizes[t.kind]
	fits := sizes == nil && size <= maxTextItem
	for _, s := range sizes {
		fits = fits || s == size
	}
	if !known || !fits || err != nil || size < 0 {
		return nil, fmt.Errorf("arrays of type %.40q are not read", name)
	}
	if t.size = size; t.kind == 'U' {
		t.size *= 4
	}
	return t, nil
}

// build reads the state of a dtype: version, byte order, and six items that plain
// types leave empty. A datetime64 adds its unit.
func (t *DType) build(state Value) error {
	s, ok := state.(*Tuple)
	if !ok || len(s.Items) < 8 || s.Items[2] != None || s.Items[3] != None || s.Items[4] != None {
		return errors.New("numpy.dtype: arrays of a structured type are not read")
	}
	switch s.Items[1] {
	case "<", "|", "=":
	case ">":
		t.order = binary.BigEndian
	default:
		return errors.New("numpy.dtype: an unknown byte order")
	}
	if t.kind != 'M' {
		return nil
	}
	if len(s.Items) == 9 {
		if about, ok := s.Items[8].(*Tuple); ok && len(about.Items) == 2 {
			return t.timeUnit(about.Items[1])
		}
	}
	return errors.New("numpy.dtype: a datetime64 without a unit")
}

func (t *DType) timeUnit(v Value) error {
	about, ok := v.(*Tuple)
	if !ok || len(about.Items) < 2 {
		return errArguments
	}
	count, ok := about.Items[1].(int64)
	if !ok {
		return errArguments
	}
	t.count = count
	switch name := about.Items[0].(type) {
	case string:
		t.unit = name
	case *Bytes:
		b, err := name.read()
		if err != nil {
			return err
		}
		t.unit = string(b)
	default:
		return errArguments
	}
	return nil
}

// newScalar returns a number of numpy's as the Python number.
func newScalar(_ *machine, args []Value) (Value, error) {
	t, b, ok := two[*DType, *Bytes](args)
	if !ok || t.kind == 'O' || b.n != int64(t.size) {
		return nil, errArguments
	}
	data, err := b.read()
	if err != nil {
		return nil, err
	}
	return t.item(data)
}

// item reads one number or text.
func (t *DType) item(b []byte) (Value, error) {
	switch t.kind {
	case 'b':
		return b[0] != 0, nil
	case 'i':
		shift := 64 - 8*t.size
		return int64(t.uint(b)<<shift) >> shift, nil
	case 'u':
		return integer(new(big.Int).SetUint64(t.uint(b))), nil
	case 'f':
		return t.float(b), nil
	case 'c':
		half := &DType{kind: 'f', size: t.size / 2, order: t.order}
		return complexText(half.float(b[:half.size]), half.float(b[half.size:])), nil
	case 'S':
		text := strings.TrimRight(string(b), "\x00")
		return &Bytes{r: strings.NewReader(text), n: int64(len(text))}, nil
	case 'M':
		return dateTime64(int64(t.uint(b)), t.unit, t.count)
	}
	var text strings.Builder
	for i := 0; i < len(b); i += 4 {
		r := t.order.Uint32(b[i:])
		if r > utf8.MaxRune {
			return nil, fmt.Errorf("a text has the character 0x%x", r)
		}
		text.WriteRune(rune(r))
	}
	return strings.TrimRight(text.String(), "\x00"), nil
}

func (t *DType) uint(b []byte) uint64 {
	switch t.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(t.order.Uint16(b))
	case 4:
		return uint64(t.order.Uint32(b))
	}
	return t.order.Uint64(b)
}

func (t *DType) float(b []byte) float64 {
	bits := t.uint(b)
	switch t.size {
	case 2:
		return half(uint16(bits))
	case 4:
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// half reads a float of 16 bits: 1 of sign, 5 of exponent, 10 of fraction. They are
// moved to their places in a float of 32 bits, whose exponent is 112 larger.
func half(b uint16) float64 {
	const exponent = 0x7c00
	bits := uint32(b&0x7fff) << 13
	x := math.Float32frombits(bits) * 0x1p112
	if b&exponent == exponent {
		x = math.Float32frombits(bits | 0x7f800000) // Inf or NaN
	}
	return math.Copysign(float64(x), float64(int16(b)))
}

// Array is a numpy.ndarray.
type Array struct {
	node
	dtype   *DType
	shape   []int
	columns bool  // in Fortran order: the first index varies fastest
	data    Value // *Bytes, or a *List of Python values
}

// maxAxes is numpy's own limit.
const maxAxes = 64

func emptyArray() *Array { return &Array{node: node{weight: nodeWeight, unhashable: true}} }

// newArray returns an array that has no state yet.
func newArray(_ *machine, args []Value) (Value, error) {
	if len(args) != 3 {
		return nil, errArguments
	}
	if c, ok := args[0].(*Class); !ok || c.plain != "numpy.ndarray" {
		return nil, errArguments
	}
	return emptyArray(), nil
}

// build reads the state: version, shape, type, order and data.
func (a *Array) build(state Value) error {
	s, ok := state.(*Tuple)
	if !ok || len(s.Items) != 5 || a.dtype != nil || a.sealed {
		return errors.New("numpy.ndarray: " + errArguments.Error())
	}
	columns, ok := s.Items[3].(bool)
	if !ok {
		return errors.New("numpy.ndarray: " + errArguments.Error())
	}
	return a.set(s.Items[1], s.Items[2], columns, s.Items[4])
}

// fromBuffer calls the function by which protocol 5 makes an array.
func fromBuffer(_ *machine, args []Value) (Value, error) {
	if len(args) != 4 {
		return nil, errArguments
	}
	a := emptyArray()
	return a, a.set(args[2], args[1], args[3] == "F", args[0])
}

// set checks the parts of an array against each other.
func (a *Array) set(shape, dtype Value, columns bool, data Value) error {
	axes, ok1 := shape.(*Tuple)
	t, ok2 := dtype.(*DType)
	if !ok1 || !ok2 || len(axes.Items) > maxAxes {
		return errors.New("numpy.ndarray: " + errArguments.Error())
	}
	lists, count := int64(1), int64(1) // of the array as JSON, and numbers in them
	for _, axis := range axes.Items {
		n, ok := axis.(int64)
		if !ok || n < 0 || n > maxText {
			return errors.New("numpy.ndarray: its shape")
		}
		lists += count
		if count *= n; lists > maxText || count > maxText {
			return fmt.Errorf("numpy.ndarray: more than %d numbers", maxText)
		}
		a.shape = append(a.shape, int(n))
	}
	size := int64(-1)
	switch d := data.(type) {
	case *Bytes:
		size = d.n
	case *List:
		size = int64(len(d.Items)) * int64(t.size)
	}
	if _, list := data.(*List); list != (t.kind == 'O') || size != count*int64(t.size) {
		return errors.New("numpy.ndarray: its data does not fit its shape")
	}
	a.dtype, a.columns, a.data = t, columns, data
	a.weight += lists*nodeWeight + count*slotWeight + size
	if list, ok := data.(*List); ok {
		return a.add(list)
	}
	return nil
}

// rows returns the array as nested lists of Python values.
func (a *Array) rows() (Value, error) {
	if a.dtype == nil {
		return nil, errors.New("an array without a state")
	}
	item := func(i int) (Value, error) { return a.data.(*List).Items[i], nil }
	if b, ok := a.data.(*Bytes); ok {
		data, err := b.read()
		if err != nil {
			return nil, err
		}
		item = func(i int) (Value, error) { return a.dtype.item(data[i*a.dtype.size:][:a.dtype.size]) }
	}
	steps := make([]int, len(a.shape)) // distance in items from one index of an axis to the next
	step := 1
	for i := range a.shape {
		axis := len(a.shape) - 1 - i
		if a.columns {
			axis = i
		}
		steps[axis] = step
		step *= a.shape[axis]
	}
	return nest(a.shape, steps, 0, item)
}

// nest returns the part of an array that begins at an item.
func nest(shape, steps []int, at int, item func(int) (Value, error)) (Value, error) {
	if len(shape) == 0 {
		return item(at)
	}
	l := &List{Items: make([]Value, shape[0])}
	for i := range l.Items {
		v, err := nest(shape[1:], steps[1:], at+i*steps[0], item)
		if err != nil {
			return nil, err
		}
		l.Items[i] = v
	}
	return l, nil
}
