package pickle

import (
	"errors"
	"io"
	"time"
)

// memoryBase is what may be in memory beside the size of the file.
const memoryBase = 64 << 20

var errNoState = errors.New("a document inside another, or without a state")

// Load returns the value of the pickle in the first size bytes of r. It also
// returns the number of texts with an unpaired surrogate, which UTF-8 does not
// have: U+FFFD replaces it. Faults of the pickle are an *[Error].
func Load(r io.ReaderAt, size int64, o Options) (v Value, surrogates int, err error) {
	m := newMachine(r, size, o)
	v, err = m.load()
	return v, m.surrogates, err
}

func newMachine(r io.ReaderAt, size int64, o Options) *machine {
	return &machine{src: source{r: r, size: size}, options: o, classes: map[string]*Class{}, zones: map[zoneInfo]*time.Location{}, limit: memoryBase + size}
}

// load executes the whole pickle.
func (m *machine) load() (v Value, err error) {
	if m.memo, m.slots, err = scan(&m.src); err != nil {
		return nil, err
	}
	m.src.pos, m.memory = 0, slotBytes*int64(len(m.slots))
	if err := m.run(opStop); err != nil {
		return nil, err
	}
	if len(m.values) != 1 || len(m.marks) != 0 {
		return nil, &Error{m.src.size, errors.New("the pickle does not end with one value")}
	}
	return m.values[0], nil
}

// run executes instructions up to STOP, or up to the BUILD of the only value on
// the stack.
func (m *machine) run(last byte) error {
	var in instruction
	for {
		if err := m.src.next(&in); err != nil {
			return err
		}
		if err := m.step(&in); err != nil {
			if own := (*Error)(nil); errors.As(err, &own) {
				return err
			}
			return &Error{in.at, err}
		}
		if in.op == last && (last == opStop || len(m.values) == 1 && len(m.marks) == 0) {
			return nil
		}
	}
}

// step executes an instruction.
func (m *machine) step(in *instruction) error {
	switch in.op {
	case opProto, opFrame:
		return nil
	case opStop:
		if m.streaming {
			return errNoState
		}
		return nil
	case opMark:
		return m.mark()
	case opPop:
		return m.drop()
	case opPopMark:
		_, err := m.popMark()
		return err
	case opDup:
		return m.dup()
	case opMemoize, opPut, opBinPut, opLongBinPut:
		return m.put(in)
	case opGet, opBinGet, opLongBinGet:
		return m.get(in.n)
	case opGlobal, opInst, opStackGlobal:
		return m.global(in)
	case opBuild:
		return m.build()
	case opReduce, opNewObj, opNewObjEx:
		v, err := m.construct(in.op)
		if o, ok := v.(*Object); ok && o.Class.streamed {
			err = m.stream(o)
		}
		if err != nil {
			return err
		}
		return m.push(v)
	case opList, opTuple, opDict, opFrozenSet, opEmptyList, opEmptyTuple, opEmptyDict, opEmptySet, opTuple1, opTuple2, opTuple3,
		opAppend, opAppends, opSetItem, opSetItems, opAddItems:
		return m.containerOp(in.op)
	}
	v, err := m.scalar(in)
	if err != nil {
		return err
	}
	return m.push(v)
}

// stream executes the instructions that build the state of an object, on a stack
// of their own, and gives the state to the caller. Its memory is free then, but
// for what is in the memo.
func (m *machine) stream(o *Object) error {
	if m.streaming {
		return errNoState
	}
	outer, before := m.stack, m.memory
	m.streaming, m.memoized = true, m.memoized[:0]
	m.stack = stack{values: append(m.spare[:0], o)}
	if err := m.run(opBuild); err != nil {
		return err
	}
	state, ok := o.State.(*Dict)
	if !ok {
		return errNoState
	}
	v, err := m.options.Stream(state)
	if err != nil {
		return &Error{m.src.pos - 1, err} // at BUILD
	}
	o.State, o.node = v, node{weight: nodeWeight, sealed: true, unhashable: true}
	m.spare, m.stack = m.values, outer
	m.streaming, m.memory = false, before
	for _, v := range m.memoized {
		m.memory += min(weigh(v), m.limit)
	}
	if len(m.memoized) > 0 { // those may be held by what is in the memo
		m.dicts, m.sets = pool[Dict]{}, pool[Set]{}
	}
	m.dicts.clear((*Dict).empty)
	m.sets.clear((*Set).empty)
	clear(m.memoized)
	return m.charge(0)
}
