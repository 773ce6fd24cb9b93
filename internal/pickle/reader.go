package pickle

import (
	"errors"
	"io"
)

// MaxDepth is how deep values may lie in one another; CPython's own pickler
// gives up at about twice that.
const MaxDepth = 200

// memoryBase is what a reader may hold beside the size of the file.
const memoryBase = 64 << 20

// Options are what a caller adds to the value types.
type Options struct {
	// Object tells whether instances of a class are wanted as an *[Object],
	// and whether that is deferred: its state is then given to Check once and
	// not kept.
	Object func(module, name string) (wanted, deferred bool)
	// Check looks at a deferred object's state.
	Check func(state *Dict) error
	// Take, where set, is offered each key and value that a dict outside of
	// deferred objects is filled with. The dict does not keep what it takes.
	Take func(into *Dict, key, value Value) (taken bool, err error)
}

// Reader reads one pickle.
type Reader struct {
	m machine
}

// NewReader walks the pickle in the first size bytes of r once and returns a
// Reader for it. What is wrong with a file is an *[Error], here and later.
func NewReader(r io.ReaderAt, size int64, o Options) (*Reader, error) {
	src := source{r: r, size: size}
	memo, err := scan(&src)
	if err != nil {
		return nil, err
	}
	return &Reader{machine{src: src, options: o, memo: memo, limit: memoryBase + size, classes: map[string]*Class{}}}, nil
}

// Load builds the value that the pickle holds.
func (r *Reader) Load() (Value, error) {
	m := &r.m
	m.src.pos = 0
	if err := m.run(opStop); err != nil {
		return nil, err
	}
	if len(m.stack) != 1 || len(m.marks) != 0 {
		return nil, &Error{m.src.size, "the pickle does not end with one value"}
	}
	v := m.stack[0]
	m.stack = nil
	return v, nil
}

// late stands for the class of an object whose state is read again.
var late = &Class{Name: "deferred object", object: true}

// State reads the state of a deferred object that Load met.
func (r *Reader) State(p Place) (*Dict, error) {
	again := &Object{part: part{weight: holderWeight}, Class: late}
	m := machine{
		src: r.m.src, options: r.m.options, memo: r.m.memo, limit: r.m.limit, classes: r.m.classes,
		puts: int64(p.puts), again: again, stack: append(r.m.stack[:0], again),
	}
	m.src.pos = p.start
	err := m.run(opBuild)
	r.m.src, r.m.stack = m.src, m.stack // the window and the stack's room go on
	if err != nil {
		return nil, err
	}
	state, ok := again.State.(*Dict)
	if !ok || m.src.pos != p.start+int64(p.size) {
		return nil, errors.New("the file changed while it was read")
	}
	return state, nil
}

// Halves is how many texts Load met that held half of a surrogate pair, which
// no UTF-8 has; U+FFFD stands in its place.
func (r *Reader) Halves() int { return r.m.halves }
