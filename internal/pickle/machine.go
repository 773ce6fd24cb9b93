package pickle

import (
	"errors"
	"fmt"
)

// What a machine may hold at once while it builds values.
const (
	maxStack = 1 << 20
	maxMarks = 1 << 16
)

var (
	errPlaced    = errors.New("a value changes after it was put into another, or holds itself")
	errUnderflow = errors.New("a value is taken from an empty stack")
	errBeside    = errors.New("the state of an object changes what is beside it")
)

// machine runs a pickle: it builds values on a stack.
type machine struct {
	src     source
	options Options
	memo    *memo
	classes map[string]*Class // those met, by name

	stack []Value
	marks []int
	puts  int64 // memo slots filled so far

	nothing *Tuple // the empty one

	halves int // texts that held half of a surrogate pair

	held, limit int64   // bytes of memory, about
	open        *Object // the deferred object that waits for its state
	base        int     // what is below it on the stack, which its state leaves alone
	baseMarks   int     // the marks of that
	era         uint32  // deferred objects begun so far
	kept        []Value // what the memo keeps of that state
	again       *Object // the deferred object whose state is read again
}

// run executes instructions up to the first of op last at the outermost level:
// STOP for a whole pickle, BUILD for the state of the object that is read again.
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
			return &Error{in.at, err.Error()}
		}
		if in.op == last && (last == opStop || len(m.stack) == 1 && len(m.marks) == 0) {
			return nil
		}
	}
}

func (m *machine) step(in *instruction) error {
	switch in.op {
	case opProto, opFrame, opStop:
		return nil
	case opMark:
		if len(m.marks) == maxMarks {
			return fmt.Errorf("more than %d marks", maxMarks)
		}
		m.marks = append(m.marks, len(m.stack))
		return nil
	case opPop:
		return m.drop()
	case opPopMark:
		_, err := m.popMark()
		return err
	case opDup:
		v, err := m.top()
		if err == nil {
			err = m.charge(shortWeight(v))
		}
		if err != nil {
			return err
		}
		return m.push(v)
	case opMemoize, opPut, opBinPut, opLongBinPut:
		return m.put(in)
	case opGet, opBinGet, opLongBinGet:
		return m.get(in.n)
	case opGlobal, opInst, opStackGlobal, opReduce, opNewObj, opBuild:
		return m.class(in)
	case opList, opTuple, opDict, opFrozenSet, opEmptyList, opEmptyTuple, opEmptyDict, opEmptySet, opTuple1, opTuple2, opTuple3,
		opAppend, opAppends, opSetItem, opSetItems, opAddItems:
		return m.container(in.op)
	}
	v, err := m.scalar(in)
	if err != nil {
		return err
	}
	return m.push(v)
}

func (m *machine) push(v Value) error {
	if len(m.stack) == maxStack {
		return fmt.Errorf("more than %d values at once", maxStack)
	}
	m.stack = append(m.stack, v)
	return nil
}

// floor is the part of the stack that the innermost mark protects, or the object
// that is open.
func (m *machine) floor() int {
	if len(m.marks) == m.baseMarks {
		return m.base
	}
	return m.marks[len(m.marks)-1]
}

// part is that of a new value.
func (m *machine) part() part { return part{weight: holderWeight, era: m.era} }

// reach tells whether a value may change: the memory that a deferred object's
// state took is free once it is checked, and so nothing of it may go into what
// was there before.
func (m *machine) reach(v holder) error {
	if m.open != nil && v.self().era != m.era {
		return errBeside
	}
	return nil
}

func (m *machine) top() (Value, error) {
	if len(m.stack) <= m.floor() {
		return nil, errUnderflow
	}
	return m.stack[len(m.stack)-1], nil
}

func (m *machine) pop() (Value, error) {
	v, err := m.top()
	if err == nil {
		m.stack[len(m.stack)-1] = nil
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// drop is POP, which takes a mark where one is on top.
func (m *machine) drop() error {
	if n := len(m.marks); n > m.baseMarks && m.marks[n-1] == len(m.stack) {
		m.marks = m.marks[:n-1]
		return nil
	}
	_, err := m.pop()
	return err
}

// popMark takes the values above the innermost mark. They are valid until the
// next push.
func (m *machine) popMark() ([]Value, error) {
	if len(m.marks) == m.baseMarks {
		return nil, errors.New("there is no mark")
	}
	at := m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return items, nil
}

// popN takes n values.
func (m *machine) popN(n int) ([]Value, error) {
	at := len(m.stack) - n
	if at < m.floor() {
		return nil, errUnderflow
	}
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return items, nil
}

// charge counts memory that a value takes.
func (m *machine) charge(n int64) error {
	if m.held += n; m.held > m.limit {
		return fmt.Errorf("its values take more than %d MB of memory", m.limit>>20)
	}
	return nil
}

// put fills a memo slot, where somebody asks for it again.
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
	i, wanted := m.memo.place(slot)
	filled := wanted && m.memo.filled(i)
	switch {
	case !wanted, filled && m.again != nil:
		return nil
	case filled: // what was read before would not be what is read again
		return fmt.Errorf("memo slot %d is filled twice", slot)
	case m.open != nil:
		m.kept = append(m.kept, v)
	}
	if o, ok := v.(*Object); ok {
		o.shared = true
	}
	return m.charge(m.memo.set(i, v))
}

func (m *machine) get(slot int64) error {
	i, _ := m.memo.place(slot)
	v := m.memo.get(i)
	if v == nil {
		return fmt.Errorf("memo slot %d was never filled", slot)
	}
	if err := m.charge(shortWeight(v)); err != nil {
		return err
	}
	return m.push(v)
}
