package pickle

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
)

// MaxDepth is the depth to which values may be nested. CPython's pickler gives up
// at about twice that.
const MaxDepth = 200

// Value is a value of a pickle: [None], bool, int64, *big.Int (beyond int64),
// float64, string, *[Bytes], *[List], *[Tuple], *[Set], *[Dict], *[Object],
// *[Class], [Plain], *[Array], or an intermediate value that such a one is made
// from.
type Value any

type none struct{}

// None is Python's None.
var None Value = none{}

// Plain is a value whose class is a text in JSON, such as a date or a UUID.
type Plain string

// zoneInfo is the key of a zoneinfo.ZoneInfo.
type zoneInfo string

// Class is a class or a function. It is only a name: calls.go defines what
// calls of it return.
type Class struct {
	Name string // module.name, as in the pickle

	plain    string // Name with the module's present name
	object   bool   // the caller wants instances as *Object
	streamed bool
	unknown  bool // instances are *Unknown
}

// Unknown is a value whose class is not known ([Options.Unknown]), or an attribute
// of such a class. Items has what it is made of: the arguments of its class, its
// state and its items.
type Unknown struct {
	node
	Class *Class
	Items []Value

	attribute string // the name of an attribute
}

// node is the common part of values that hold other values.
type node struct {
	weight int64
	depth  int
	// sealed is set when the value is put into another or read from the memo. A
	// sealed value does not change any more, so no value can hold itself.
	sealed     bool
	unhashable bool // it cannot be a key or in a set
}

func (n *node) base() *node { return n }

// container is a value that holds others.
type container interface{ base() *node }

// List is a list.
type List struct {
	node
	Items []Value
}

// Tuple is a tuple.
type Tuple struct {
	node
	Items []Value
}

// Set is a set or a frozenset.
type Set struct {
	node
	Items []Value
}

// Dict is a dict, an OrderedDict or a defaultdict, in the order of the file. Of
// entries with the same key the last one counts.
type Dict struct {
	node
	Entries []Entry
}

// Entry is an entry of a Dict.
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

// Object is an instance of a class that the caller wants ([Options.Object]).
type Object struct {
	node
	Class *Class
	// State is the state that the pickle gives to the object, or for a streamed
	// object what [Options.Stream] returned for it; nil: none.
	State Value

	built  bool
	shared bool // it is in the memo
}

// Bytes are bytes. They stay in the file until they are needed.
type Bytes struct {
	r       io.ReaderAt
	off, n  int64
	mutable bool // a bytearray, which cannot be a key
}

// Size returns the number of bytes.
func (b *Bytes) Size() int64 { return b.n }

// Offset returns where in the file r the bytes begin. It is an error if the
// pickle has them in another form, as early protocols do.
func (b *Bytes) Offset(r io.ReaderAt) (int64, error) {
	if b.r != r {
		return 0, errors.New("bytes that the file holds in another form")
	}
	return b.off, nil
}

// read returns the bytes, of which there may be as many as in a text.
func (b *Bytes) read() ([]byte, error) {
	if b.n > maxText {
		return nil, fmt.Errorf("%d bytes: %d at most", b.n, maxText)
	}
	data := make([]byte, b.n)
	_, err := io.ReadFull(io.NewSectionReader(b.r, b.off, b.n), data)
	return data, err
}

// The weights of a value and of a container without its items: about the bytes
// that they take in memory, and as JSON.
const (
	slotWeight = 16
	nodeWeight = 64
)

// Weight returns about how many bytes a value takes when it is written out. A
// value that occurs several times counts as often.
func Weight(v Value) int64 { return weigh(v) }

func weigh(v Value) int64 {
	switch v := v.(type) {
	case container:
		return v.base().weight
	case string:
		return slotWeight + int64(len(v))
	case Plain:
		return slotWeight + int64(len(v))
	case zoneInfo:
		return slotWeight + int64(len(v))
	case *Class:
		return slotWeight + int64(len(v.Name))
	case *Bytes:
		return slotWeight + v.n
	case *big.Int:
		return slotWeight + int64(v.BitLen())
	}
	return slotWeight
}

var errSealed = errors.New("a value changes after it was put into another, or holds itself")

// add counts v as held by n, and seals v.
func (n *node) add(v Value) error {
	if n.sealed {
		return errSealed
	}
	if c, ok := v.(container); ok {
		child := c.base()
		child.sealed = true
		if child == n {
			return errSealed
		}
		if n.depth = max(n.depth, child.depth+1); n.depth > MaxDepth {
			return fmt.Errorf("values are nested deeper than %d", MaxDepth)
		}
	}
	n.weight = min(n.weight+weigh(v), math.MaxInt64/4)
	return nil
}

// unhashable reports whether v cannot be a key or in a set.
func unhashable(v Value) bool {
	switch v := v.(type) {
	case container:
		return v.base().unhashable
	case *Bytes:
		return v.mutable
	}
	return false
}

// Describe names the type of a value for errors, as in "a list".
func Describe(v Value) string {
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
