package pickle

import (
	"errors"
	"fmt"
	"slices"
)

// containerOp executes an opcode that makes or fills a list, tuple, dict or set.
func (m *machine) containerOp(op byte) error {
	switch op {
	case opEmptyTuple: // one for all, as in Python: each document is made with it
		if m.empty == nil {
			m.empty = &Tuple{node: node{weight: nodeWeight}}
		}
		return m.push(m.empty)
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
	own := node{weight: nodeWeight, unhashable: op != opTuple && op != opFrozenSet}
	var v container
	switch op {
	case opEmptyList, opList:
		v = &List{node: own}
	case opTuple:
		v = &Tuple{node: own}
	case opEmptySet, opFrozenSet:
		s := m.sets.next(m.streaming)
		s.node = own
		v = s
	default:
		d := m.dicts.next(m.streaming)
		d.node = own
		v = d
	}
	if err := m.charge(nodeWeight); err != nil {
		return err
	}
	if err := m.extend(v, items); err != nil {
		return err
	}
	return m.push(v)
}

// fill adds the top values, or those above the mark, to the container below
// them.
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
	fits := false
	switch c := into.(type) {
	case *List:
		fits = op == opAppend || op == opAppends
	case *Dict:
		fits = op == opSetItem || op == opSetItems
	case *Set:
		fits = op == opAddItems && c.unhashable // a frozenset is never filled
	case *Unknown:
		fits = true
	}
	if !fits {
		return fmt.Errorf("%s cannot be filled so", Describe(into))
	}
	return m.extend(into.(container), items)
}

// extend adds items to a container.
func (m *machine) extend(into container, items []Value) error {
	if err := m.charge(slotWeight * int64(len(items))); err != nil {
		return err
	}
	for _, item := range items {
		if err := into.base().add(item); err != nil {
			return err
		}
	}
	switch c := into.(type) {
	case *List:
		c.Items = append(c.Items, items...)
	case *Tuple:
		c.Items = append(c.Items, items...)
		c.unhashable = c.unhashable || slices.ContainsFunc(items, unhashable)
	case *Set:
		if i := slices.IndexFunc(items, unhashable); i >= 0 {
			return fmt.Errorf("%s cannot be in a set", Describe(items[i]))
		}
		c.Items = append(c.Items, items...)
	case *Unknown: // hashable without dicts, so that no key has keys in it
		c.Items = append(c.Items, items...)
		c.unhashable = c.unhashable || slices.ContainsFunc(items, unhashable)
	case *Dict:
		return m.setItems(c, items)
	}
	return nil
}

// newUnknown returns an instance or an attribute of a class that is not known.
func (m *machine) newUnknown(c *Class, attribute string, items ...Value) (Value, error) {
	u := &Unknown{node: node{weight: nodeWeight + int64(len(c.Name)+len(attribute))}, Class: c, attribute: attribute}
	if err := m.charge(u.weight); err != nil {
		return nil, err
	}
	return u, m.extend(u, items)
}

// setItems adds entries to a dict, unless the caller takes them. The items are
// keys and values in turn.
func (m *machine) setItems(d *Dict, items []Value) error {
	if len(items)%2 != 0 {
		return errors.New("a key without a value")
	}
	d.Entries = slices.Grow(d.Entries, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		if unhashable(items[i]) {
			return fmt.Errorf("%s cannot be a key", Describe(items[i]))
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

// offer asks the caller whether it takes an entry. The memory of a value that it
// takes is free then, if nothing else has the value: a copy of a short text, or
// an object. The key and the entry stay counted, for what the caller keeps.
func (m *machine) offer(d *Dict, key, value Value) (taken bool, err error) {
	if m.options.Take == nil || m.streaming {
		return false, nil
	}
	taken, err = m.options.Take(d, key, value, m.listed)
	if !taken {
		return false, err
	}
	m.memory -= copyWeight(value)
	if o, ok := value.(*Object); ok && o.Class.streamed && !o.shared {
		m.memory -= nodeWeight
	}
	return true, err
}
