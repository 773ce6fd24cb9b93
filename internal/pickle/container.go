package pickle

import (
	"errors"
	"fmt"
	"slices"
)

// container executes the instructions that make and fill lists, tuples, dicts
// and sets.
func (m *machine) container(op byte) error {
	switch op {
	case opEmptyTuple: // one for all, as in Python: each document is made of one
		if m.nothing == nil {
			m.nothing = &Tuple{part: part{weight: holderWeight}}
		}
		return m.push(m.nothing)
	case opEmptyList, opEmptyDict, opEmptySet:
		return m.make(op, nil)
	case opTuple1, opTuple2, opTuple3:
		items, err := m.popN(int(op) - opTuple1 + 1)
		if err != nil {
			return err
		}
		return m.make(opTuple, items)
	case opList, opTuple, opDict, opFrozenSet:
		items, err := m.popMark()
		if err != nil {
			return err
		}
		return m.make(op, items)
	}
	return m.fill(op)
}

// make pushes a new container with items.
func (m *machine) make(op byte, items []Value) error {
	own := m.part()
	var v holder
	switch op {
	case opEmptyList, opList:
		v = &List{part: own}
	case opTuple:
		v = &Tuple{part: own}
	case opEmptySet, opFrozenSet:
		v = &Set{part: own, Frozen: op == opFrozenSet}
	default:
		v = &Dict{part: own}
	}
	if err := m.charge(holderWeight); err != nil {
		return err
	}
	if err := m.extend(v, items); err != nil {
		return err
	}
	return m.push(v)
}

// fill adds the topmost values, or those above the mark, to the container
// below them.
func (m *machine) fill(op byte) (err error) {
	var items []Value
	switch op {
	case opAppend:
		items, err = m.popN(1)
	case opSetItem:
		items, err = m.popN(2)
	default:
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	into, err := m.top()
	if err != nil {
		return err
	}
	switch c := into.(type) {
	case *List:
		if op == opAppend || op == opAppends {
			return m.extend(c, items)
		}
	case *Dict:
		if op == opSetItem || op == opSetItems {
			return m.extend(c, items)
		}
	case *Set:
		if op == opAddItems && !c.Frozen {
			return m.extend(c, items)
		}
	}
	return fmt.Errorf("%s cannot be filled so", describe(into))
}

// extend adds items to a container.
func (m *machine) extend(into holder, items []Value) error {
	if err := errors.Join(m.reach(into), m.charge(slotWeight*int64(len(items)))); err != nil {
		return err
	}
	for _, item := range items {
		if err := into.self().hold(item); err != nil {
			return err
		}
	}
	switch c := into.(type) {
	case *List:
		c.Items = append(c.Items, items...)
	case *Tuple:
		c.Items = append(c.Items, items...)
		for _, item := range items {
			c.unhashable = c.unhashable || !hashable(item)
		}
	case *Set:
		for _, item := range items {
			if !hashable(item) {
				return fmt.Errorf("%s cannot be in a set", describe(item))
			}
		}
		c.Items = append(c.Items, items...)
	case *Dict:
		return m.enter(c, items)
	}
	return nil
}

// enter adds keys and values in turn to a dict.
func (m *machine) enter(d *Dict, items []Value) error {
	if len(items)%2 != 0 {
		return errors.New("a key without a value")
	}
	d.Entries = slices.Grow(d.Entries, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		if !hashable(items[i]) {
			return fmt.Errorf("%s cannot be a key", describe(items[i]))
		}
		taken, err := m.offer(d, items[i], items[i+1])
		if err != nil {
			return err
		}
		if !taken {
			d.Entries = append(d.Entries, Entry{items[i], items[i+1]})
		}
	}
	return nil
}

// offer asks the caller whether it takes an entry. Its value goes then: an
// object by its place, a short text by the memo. Its key and the entry itself
// still count, for what the caller keeps.
func (m *machine) offer(d *Dict, key, value Value) (taken bool, err error) {
	if m.options.Take == nil || m.open != nil || m.again != nil {
		return false, nil
	}
	taken, err = m.options.Take(d, key, value)
	if !taken {
		return false, err
	}
	m.held -= shortWeight(value)
	if o, ok := value.(*Object); ok && o.place.size > 0 && !o.shared && !o.taken {
		o.taken = true
		m.held -= 2 * holderWeight
	}
	return true, err
}
