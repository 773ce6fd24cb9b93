package pickle

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Class is a class or function that a pickle names. Nothing of it is ever
// run: what its calls and states mean is written down here, in Go.
type Class struct {
	Name string // module.name, as the pickle says it

	call     func(m *machine, args []Value) (Value, error) // REDUCE; nil: refused
	instance func(state *Dict) (Value, error)              // NEWOBJ and BUILD; nil: refused
	object   bool                                          // wanted by the caller as an *Object
	deferred bool
}

// values are the classes and functions of metadata. Those that may only be
// named, as what a defaultdict makes or what an object derives from, have nothing.
var values = map[string]Class{
	"builtins.object": {}, "builtins.list": {}, "builtins.dict": {}, "builtins.int": {}, "builtins.float": {}, "builtins.str": {},
	"builtins.bool": {}, "builtins.tuple": {},
	"builtins.set":           {call: newSet},
	"builtins.frozenset":     {call: newFrozenSet},
	"builtins.bytes":         {call: newBytes},
	"builtins.bytearray":     {call: newByteArray},
	"builtins.complex":       {call: newComplex},
	"_codecs.encode":         {call: encode},
	"copyreg._reconstructor": {call: reconstructor},

	"collections.OrderedDict": {call: newDict},
	"collections.defaultdict": {call: newDict},

	"datetime.datetime":  {call: newDateTime},
	"datetime.date":      {call: newDate},
	"datetime.time":      {call: newTime},
	"datetime.timedelta": {call: newTimeDelta},
	"datetime.timezone":  {call: newTimeZone},
	"decimal.Decimal":    {call: newDecimal},
	"fractions.Fraction": {call: newFraction},
	"uuid.UUID":          {instance: newUUID},
	"http.HTTPStatus":    {call: newEnum},

	"pathlib.PurePath":        {call: newPosixPath},
	"pathlib.Path":            {call: newPosixPath},
	"pathlib.PurePosixPath":   {call: newPosixPath},
	"pathlib.PosixPath":       {call: newPosixPath},
	"pathlib.PureWindowsPath": {call: newWindowsPath},
	"pathlib.WindowsPath":     {call: newWindowsPath},

	"numpy.dtype":                        {call: newDType},
	"numpy.ndarray":                      {},
	"numpy.core.multiarray._reconstruct": {call: newArray},
	"numpy.core.multiarray.scalar":       {call: newScalar},
	"numpy.core.numeric._frombuffer":     {call: fromBuffer},
}

// renamedModules are modules that had, or have got, another name.
var renamedModules = map[string]string{
	"__builtin__.": "builtins.", "copy_reg.": "copyreg.", "pathlib._local.": "pathlib.", "numpy._core.": "numpy.core.",
}

// find returns the class of a name, or refuses it.
func (m *machine) find(module, name string) (*Class, error) {
	full := module + "." + name
	if c, ok := m.classes[full]; ok {
		return c, nil
	}
	var c Class
	wanted, deferred := false, false
	if m.options.Object != nil {
		wanted, deferred = m.options.Object(module, name)
	}
	if wanted {
		c = Class{object: true, deferred: deferred}
	} else {
		known, ok := values[plainName(full)]
		if !ok {
			return nil, fmt.Errorf("the class %q is not one that LangChain's stores or plain metadata are made of", full)
		}
		c = known
	}
	c.Name = full
	m.classes[full] = &c
	return &c, m.charge(holderWeight + int64(len(full)))
}

// plainName is a class's name under the module names of today.
func plainName(full string) string {
	for old, now := range renamedModules {
		if rest, ok := strings.CutPrefix(full, old); ok {
			return now + rest
		}
	}
	return full
}

// class executes the instructions that are about classes.
func (m *machine) class(in *instruction) error {
	switch in.op {
	case opGlobal:
		return m.pushClass(string(in.text), string(in.second))
	case opInst:
		if _, err := m.find(string(in.text), string(in.second)); err != nil {
			return err
		}
		return errors.New("the opcode INST, which no LangChain store needs")
	case opStackGlobal:
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
	case opBuild:
		return m.build(m.src.pos)
	}
	pair, err := m.popN(2)
	if err != nil {
		return err
	}
	c, ok := pair[0].(*Class)
	if !ok {
		return fmt.Errorf("%s is called", describe(pair[0]))
	}
	args, ok := pair[1].(*Tuple)
	if !ok {
		return fmt.Errorf("%q is called with %s", c.Name, describe(pair[1]))
	}
	v, err := m.construct(in.op, c, args.Items)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return m.push(v)
}

func (m *machine) pushClass(module, name string) error {
	c, err := m.find(module, name)
	if err != nil {
		return err
	}
	return m.push(c)
}

// construct makes what a class makes of its arguments.
func (m *machine) construct(op byte, c *Class, args []Value) (Value, error) {
	if err := m.charge(holderWeight); err != nil {
		return nil, err
	}
	switch {
	case op == opNewObj && len(args) == 0:
		return m.instance(c)
	case op == opReduce && c.call != nil:
		v, err := c.call(m, args)
		if _, ok := v.(holder); ok || err != nil {
			return v, err // what it holds was counted
		}
		return v, m.charge(weigh(v))
	}
	return nil, errors.New("it is made in a way that no LangChain store needs")
}

// instance makes an object that waits for its state.
func (m *machine) instance(c *Class) (Value, error) {
	if !c.object && c.instance == nil {
		return nil, errors.New("it is made in a way that no LangChain store needs")
	}
	o := &Object{part: m.part(), Class: c}
	if c.deferred && m.again == nil {
		if m.open != nil {
			return nil, fmt.Errorf("a %q inside another, or without a state", c.Name)
		}
		o.place, o.held = Place{start: m.src.pos, puts: uint32(m.puts)}, m.held
		m.open, m.kept = o, m.kept[:0]
		m.base, m.baseMarks = len(m.stack), len(m.marks)
		m.era++
		o.era = m.era
	}
	return o, nil
}

// build gives a state to the value below it; end is where its instructions end.
func (m *machine) build(end int64) error {
	pair, err := m.popN(2)
	if err != nil {
		return err
	}
	target, state := pair[0], pair[1]
	if h, ok := target.(holder); ok {
		if err := m.reach(h); err != nil {
			return err
		}
	}
	switch t := target.(type) {
	case *Object:
		err = m.buildObject(t, state, end)
	case *DType:
		err = t.build(state)
	case *Array:
		err = t.build(m, state)
	default:
		err = fmt.Errorf("%s gets a state", describe(target))
	}
	if err != nil {
		return err
	}
	return m.push(target)
}

func (m *machine) buildObject(o *Object, state Value, end int64) error {
	d, ok := state.(*Dict)
	switch {
	case !ok:
		return fmt.Errorf("the state of a %q is %s", o.Class.Name, describe(state))
	case o.built || o.placed:
		return errPlaced
	}
	o.built = true
	switch {
	case o == m.open:
		return m.deferState(o, d, end)
	case o.Class.instance == nil:
		o.State = d
		return o.hold(d)
	}
	v, err := o.Class.instance(d)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Class.Name, err)
	}
	o.State = v
	return o.hold(v)
}

// deferState checks a state and lets it go, but for what the memo keeps of it.
func (m *machine) deferState(o *Object, state *Dict, end int64) error {
	if m.options.Check != nil {
		if err := m.options.Check(state); err != nil {
			return err
		}
	}
	if len(m.stack) != m.base || len(m.marks) != m.baseMarks {
		return errBeside
	}
	state.placed = true // what was checked is what is read again
	size := end - o.place.start
	if size > math.MaxUint32 {
		return fmt.Errorf("a state of %d bytes: %d at most", size, math.MaxUint32)
	}
	m.held, o.place.size = o.held, uint32(size)
	m.open, m.base, m.baseMarks = nil, 0, 0
	for _, v := range m.kept {
		m.held += min(weigh(v), m.limit)
	}
	clear(m.kept)
	return m.charge(holderWeight)
}
