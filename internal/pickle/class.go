package pickle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// renamedModules maps the prefixes of names in modules that were renamed to their
// present ones.
var renamedModules = map[string]string{
	"__builtin__.": "builtins.", "copy_reg.": "copyreg.", "pathlib._local.": "pathlib.", "numpy._core.": "numpy.core.",
}

// plainName returns a class's name with the present name of its module.
func plainName(name string) string {
	for old, present := range renamedModules {
		if rest, ok := strings.CutPrefix(name, old); ok {
			return present + rest
		}
	}
	return name
}

// pushClass pushes the class of a name; a class that is not known is an error.
func (m *machine) pushClass(module, name string) error {
	full := module + "." + name
	if c, ok := m.classes[full]; ok {
		return m.push(c)
	}
	c := &Class{Name: full, plain: plainName(full)}
	if m.options.Object != nil {
		c.object, c.streamed = m.options.Object(module, name)
	}
	c.unknown = !c.object && !known(c.plain)
	if c.unknown && !(m.options.Unknown && m.streaming) {
		return &UnknownClassError{full, m.streaming}
	}
	if !c.unknown { // of which there can be any number
		m.classes[full] = c
	}
	if err := m.charge(nodeWeight + int64(len(full))); err != nil {
		return err
	}
	return m.push(c)
}

// global executes the opcodes that name a class.
func (m *machine) global(in *instruction) error {
	switch in.op {
	case opInst:
		if err := m.pushClass(string(in.text), string(in.second)); err != nil {
			return err
		}
		return errors.New("the opcode INST, which no LangChain store needs")
	case opGlobal:
		return m.pushClass(string(in.text), string(in.second))
	}
	names, err := m.popN(2)
	if err != nil {
		return err
	}
	module, ok1 := names[0].(string)
	name, ok2 := names[1].(string)
	if !ok1 || !ok2 {
		return errors.New("a class whose name is not a text")
	}
	return m.pushClass(module, name)
}

// construct executes REDUCE, NEWOBJ and NEWOBJ_EX, which call a class with a tuple
// of arguments, and returns the result.
func (m *machine) construct(op byte) (Value, error) {
	n := 2
	if op == opNewObjEx {
		n = 3 // with a dict of keyword arguments
	}
	pair, err := m.popN(n)
	if err != nil {
		return nil, err
	}
	if u, ok := pair[0].(*Unknown); ok {
		return m.newUnknown(u.Class, u.attribute, pair[1:]...)
	}
	c, ok := pair[0].(*Class)
	if !ok {
		return nil, fmt.Errorf("%s is called", Describe(pair[0]))
	}
	args, ok := pair[1].(*Tuple)
	if !ok {
		return nil, fmt.Errorf("%q is called with %s", c.Name, Describe(pair[1]))
	}
	if c.unknown {
		return m.newUnknown(c, "", append(slices.Clip(args.Items), pair[2:]...)...)
	}
	v, err := m.call(op, c, args.Items)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return v, nil
}

func (m *machine) call(op byte, c *Class, args []Value) (Value, error) {
	if err := m.charge(nodeWeight); err != nil {
		return nil, err
	}
	if op == opNewObj && len(args) == 0 {
		return newObject(c)
	}
	call := calls()[c.plain]
	if op != opReduce || call == nil || c.object {
		return nil, errMade
	}
	v, err := call(m, args)
	if _, ok := v.(container); ok || err != nil {
		return v, err // the call charged what it holds
	}
	return v, m.charge(weigh(v))
}

// build executes BUILD, which gives a state to the value below it.
func (m *machine) build() error {
	pair, err := m.popN(2)
	if err != nil {
		return err
	}
	target, state := pair[0], pair[1]
	switch t := target.(type) {
	case *Object:
		err = t.build(state)
	case *DType:
		err = t.build(state)
	case *Array:
		err = t.build(state)
	case *Unknown:
		err = m.extend(t, pair[1:])
	default:
		err = fmt.Errorf("%s gets a state", Describe(target))
	}
	if err != nil {
		return err
	}
	return m.push(target)
}

func (o *Object) build(state Value) error {
	d, ok := state.(*Dict)
	switch {
	case !ok:
		return fmt.Errorf("the state of a %q is %s", o.Class.Name, Describe(state))
	case o.built || o.sealed:
		return errSealed
	}
	o.built, o.State = true, d
	if !o.Class.object {
		v, err := states[o.Class.plain](d)
		if err != nil {
			return fmt.Errorf("%s: %w", o.Class.Name, err)
		}
		o.State = v
	}
	return o.add(o.State)
}
