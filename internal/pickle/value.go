package pickle

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
)

// Value is what a pickle holds: [None], bool, int64, *big.Int (beyond int64),
// float64, string, *[Bytes], *[List], *[Tuple], *[Set], *[Dict], *[Object],
// *[Class], [Plain], *[Array], and the parts that some of these are made of.
type Value any

type none struct{}

// None is Python's None.
var None Value = none{}

// Plain is a value of a class that JSON knows as a text: a date, a UUID.
type Plain string

// Part is what every value that holds others has.
type part struct {
	weight int64
	depth  int
	// placed: it lies in another value and may not change any more, which is
	// why no value can hold itself.
	placed bool
	era    uint32 // how many deferred objects were begun before it was made
}

func (p *part) self() *part { return p }

type holder interface{ self() *part }

// List is a Python list.
type List struct {
	part
	Items []Value
}

// Tuple is a Python tuple.
type Tuple struct {
	part
	Items []Value

	unhashable bool // it holds a list or another value that cannot be in a key
}

// Set is a set or a frozenset.
type Set struct {
	part
	Items  []Value
	Frozen bool
}

// Dict is a dict, an OrderedDict or a defaultdict, in the order of the file. A
// key that is there twice counts with its last value.
type Dict struct {
	part
	Entries []Entry
}

// Entry is a key of a Dict and what it stands for.
type Entry struct{ Key, Value Value }

// Get returns the value of a text key.
func (d *Dict) Get(key string) (Value, bool) {
	for i := len(d.Entries) - 1; i >= 0; i-- {
		if d.Entries[i].Key == key {
			return d.Entries[i].Value, true
		}
	}
	return nil, false
}

// Object is an instance of a class that the caller named.
type Object struct {
	part
	Class *Class
	// State is what the object is made from; nil while it has none, and for
	// objects that are deferred: see [Reader.State].
	State Value

	built  bool
	place  Place // of a deferred one
	held   int64 // memory held before its state
	shared bool  // the memo keeps it
	taken  bool  // it is not counted any more
}

// Place is where in the file the state of a deferred object is, in 16 bytes.
type Place struct {
	start int64  // of the instructions that make it
	size  uint32 // theirs; 0: none
	puts  uint32 // memo slots filled before them
}

// Deferred returns the place of the object's state; false where State has it.
func (o *Object) Deferred() (Place, bool) { return o.place, o.place.size > 0 }

// Bytes are bytes, which stay in the file until they are asked for.
type Bytes struct {
	r       io.ReaderAt
	off, n  int64
	mutable bool // a bytearray, which cannot be a key
}

// Size is how many they are.
func (b *Bytes) Size() int64 { return b.n }

// Place is where in the file r they begin; an error for bytes that a pickle of
// an early protocol holds as text.
func (b *Bytes) Place(r io.ReaderAt) (int64, error) {
	if b.r != r {
		return 0, errors.New("bytes that the file holds in another form")
	}
	return b.off, nil
}

// read returns all of them where they are not more than a text may be.
func (b *Bytes) read() ([]byte, error) {
	if b.n > maxText {
		return nil, fmt.Errorf("%d bytes: %d at most", b.n, maxText)
	}
	data := make([]byte, b.n)
	_, err := io.ReadFull(io.NewSectionReader(b.r, b.off, b.n), data)
	return data, err
}

// What values weigh besides the bytes of their texts: about what they take in
// memory, and as JSON.
const (
	slotWeight   = 16
	holderWeight = 64
)

// shortText is how long a text may be that the memo makes anew each time.
const shortText = 128

// shortWeight is what such a text takes; nothing for other values.
func shortWeight(v Value) int64 {
	if s, ok := v.(string); ok && len(s) <= shortText {
		return weigh(s)
	}
	return 0
}

// Weight is about how many bytes a value takes when it is written out: what
// is shared counts as often as it is met.
func Weight(v Value) int64 { return weigh(v) }

func weigh(v Value) int64 {
	switch v := v.(type) {
	case holder:
		return v.self().weight
	case string:
		return slotWeight + int64(len(v))
	case Plain:
		return slotWeight + int64(len(v))
	case *Bytes:
		return slotWeight + v.n
	case *big.Int:
		return slotWeight + int64(v.BitLen())
	}
	return slotWeight
}

// hold makes p hold v, which from now on cannot change.
func (p *part) hold(v Value) error {
	if p.placed {
		return errPlaced
	}
	if h, ok := v.(holder); ok {
		child := h.self()
		child.placed = true
		if child == p {
			return errPlaced
		}
		if p.depth = max(p.depth, child.depth+1); p.depth > MaxDepth {
			return fmt.Errorf("values are nested deeper than %d", MaxDepth)
		}
	}
	p.weight = min(p.weight+weigh(v), math.MaxInt64/4)
	return nil
}

// hashable tells whether v can be a key or in a set.
func hashable(v Value) bool {
	switch v := v.(type) {
	case *List, *Dict, *Array:
		return false
	case *Object:
		return !v.Class.object
	case *Set:
		return v.Frozen
	case *Bytes:
		return !v.mutable
	case *Tuple:
		return !v.unhashable
	}
	return true
}

// describe names the type of a value for errors.
func describe(v Value) string {
	switch v := v.(type) {
	case none:
		return "None"
	case bool:
		return "a bool"
	case int64, *big.Int:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a text"
	case *Bytes:
		return "bytes"
	case *List:
		return "a list"
	case *Tuple:
		return "a tuple"
	case *Set:
		return "a set"
	case *Dict:
		return "a dict"
	case *Class:
		return fmt.Sprintf("the class %q", v.Name)
	case *Object:
		return fmt.Sprintf("a %q", v.Class.Name)
	}
	return "another value"
}

// Describe names the type of a value, for errors: "a list".
func Describe(v Value) string { return describe(v) }
