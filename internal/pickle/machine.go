package pickle

import (
	"fmt"
	"time"
)

// Options say which classes are read beside those of metadata, and how.
type Options struct {
	// Object reports whether instances of a class become an *[Object], and
	// whether these are streamed: each is given to Stream as soon as it is
	// complete, and its state is not kept.
	Object func(module, name string) (wanted, streamed bool)
	// Stream is called with the state of each streamed object, in the order of
	// the file. It must not keep the state. What it returns becomes
	// [Object.State].
	Stream func(state *Dict) (Value, error)
	// Unknown allows classes that are neither wanted nor known in the states of
	// streamed objects. Their instances become an *[Unknown].
	Unknown bool
	// Take, unless it is nil, is called with each entry of each dict, but for
	// those in states of streamed objects. The dict does not keep an entry for
	// which it returns true.
	//
	// Where the file ends with a dict whose keys count from 0 and whose values were
	// in the file before, listed returns the value of key n ahead of it: nil where
	// there is none, or it did not come yet. Only Take may call it. What it returns is a guess
	// until that dict itself has been read, since the memo may change before.
	Take func(into *Dict, key, value Value, listed func(n int) Value) (taken bool, err error)
}

// UnknownClassError reports a class that is neither wanted nor one of metadata.
type UnknownClassError struct {
	Name     string
	Streamed bool // it is in the state of a streamed object: [Options.Unknown] allows it
}

func (e *UnknownClassError) Error() string {
	return fmt.Sprintf("the class %q is not one that LangChain's stores or plain metadata are made of", e.Name)
}

// machine is the state of the machine that builds the values of a pickle.
type machine struct {
	stack
	src     source
	memo    *memo
	slots   []uint32 // see listing
	options Options
	classes map[string]*Class // the classes met so far, by name
	zones   map[zoneInfo]*time.Location

	puts       int64  // PUT instructions executed so far
	empty      *Tuple // the empty tuple, once there is one
	surrogates int    // see Load

	memory, limit int64 // bytes, about, beside those of the memo

	streaming bool    // the state of a streamed object is being built
	spare     []Value // the stack of the last streamed object, for the next one
	memoized  []Value // what its state put into the memo, but for short texts
	dicts     pool[Dict]
	sets      pool[Set]
	texts     textBlock
}

// charge counts n bytes of memory.
func (m *machine) charge(n int64) error {
	if m.memory += n; m.memory+m.memo.memory > m.limit {
		return fmt.Errorf("its values take more than %d MB of memory", m.limit>>20)
	}
	return nil
}

// put stores the top value in a memo slot.
func (m *machine) put(in *instruction) error {
	slot := in.n
	if in.op == opMemoize {
		slot = m.puts
	}
	m.puts++
	v, err := m.top()
	if err != nil {
		return err
	}
	rank, read := m.memo.rank(slot)
	if !read {
		return nil
	}
	if o, ok := v.(*Object); ok {
		o.shared = true
	}
	if m.streaming && copyWeight(v) == 0 {
		m.memoized = append(m.memoized, v)
	}
	m.memo.set(rank, v)
	return m.charge(0)
}

// get pushes the value of a memo slot. The value is sealed: the memory of a
// streamed object's state is free after it, so nothing of it may go into a value
// that was there before. Python fills values before it reads them from the memo.
func (m *machine) get(slot int64) error {
	var v Value
	if rank, ok := m.memo.rank(slot); ok {
		v = m.memo.get(rank)
	}
	if v == nil {
		return fmt.Errorf("memo slot %d was never filled", slot)
	}
	if c, ok := v.(container); ok {
		c.base().sealed = true
	}
	return m.copied(v)
}

// listed returns a value of the dict with which the file ends: see Options.Take.
func (m *machine) listed(n int) Value {
	if n >= len(m.slots) {
		return nil
	}
	rank, _ := m.memo.rank(int64(m.slots[n]))
	return m.memo.get(rank)
}

// dup pushes the top value again.
func (m *machine) dup() error {
	v, err := m.top()
	if err != nil {
		return err
	}
	return m.copied(v)
}

// copied pushes a value that is elsewhere too.
func (m *machine) copied(v Value) error {
	if err := m.charge(copyWeight(v)); err != nil {
		return err
	}
	return m.push(v)
}
