package pickle

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"

	"github.com/google/uuid"

	"sheaf/internal/pyfloat"
)

var (
	errArguments = errors.New("its arguments are not those of a pickle that Python writes")
	errMade      = errors.New("it is made in a way that no LangChain store needs")
)

// states holds the classes of metadata whose instances are made from a state.
var states = map[string]func(state *Dict) (Value, error){"uuid.UUID": newUUID}

// newObject returns an instance that has no state yet.
func newObject(c *Class) (Value, error) {
	if !c.object && states[c.plain] == nil {
		return nil, errMade
	}
	return &Object{node: node{weight: nodeWeight, unhashable: c.object}, Class: c}, nil
}

// one returns the only argument of a call, if it is of a type.
func one[T any](args []Value) (v T, ok bool) {
	if len(args) == 1 {
		v, ok = args[0].(T)
	}
	return v, ok
}

// two returns the two arguments of a call, if they are of two types.
func two[T, U any](args []Value) (v T, w U, ok bool) {
	if len(args) != 2 {
		return v, w, false
	}
	v, ok1 := args[0].(T)
	w, ok2 := args[1].(U)
	return v, w, ok1 && ok2
}

// iterable returns the items of the only argument, a list or a tuple.
func iterable(args []Value) ([]Value, error) {
	if l, ok := one[*List](args); ok {
		return l.Items, nil
	}
	if t, ok := one[*Tuple](args); ok {
		return t.Items, nil
	}
	return nil, errArguments
}

func newSet(m *machine, args []Value) (Value, error)       { return m.set(args, false) }
func newFrozenSet(m *machine, args []Value) (Value, error) { return m.set(args, true) }

func (m *machine) set(args []Value, frozen bool) (Value, error) {
	items, err := iterable(args)
	if err != nil {
		return nil, err
	}
	s := &Set{node: node{weight: nodeWeight, unhashable: !frozen}}
	return s, m.extend(s, items)
}

// newDict calls OrderedDict() or defaultdict(type).
func newDict(_ *machine, args []Value) (Value, error) {
	_, class := one[*Class](args)
	if _, null := one[none](args); len(args) > 0 && !class && !null {
		return nil, errArguments
	}
	return &Dict{node: node{weight: nodeWeight, unhashable: true}}, nil
}

// newCounter calls Counter(dict).
func newCounter(_ *machine, args []Value) (Value, error) {
	if counts, ok := one[*Dict](args); ok {
		return counts, nil
	}
	return nil, errArguments
}

// newDeque calls deque() or deque(items, maxlen).
func newDeque(m *machine, args []Value) (Value, error) {
	d := &List{node: node{weight: nodeWeight, unhashable: true}}
	if len(args) == 0 {
		return d, nil
	}
	items, err := iterable(args[:1])
	if err != nil || len(args) > 2 {
		return nil, errArguments
	}
	return d, m.extend(d, items)
}

// newRange returns a range as Python's repr, since its numbers can be many.
func newRange(_ *machine, args []Value) (Value, error) {
	if len(args) != 3 {
		return nil, errArguments
	}
	var numbers []string
	for _, arg := range args {
		n, ok := bigInt(arg)
		if !ok {
			return nil, errArguments
		}
		numbers = append(numbers, n.String())
	}
	if numbers[2] == "1" {
		numbers = numbers[:2]
	}
	return Plain("range(" + strings.Join(numbers, ", ") + ")"), nil
}

// getattr calls the function by which Python names a method, or a member of an
// enum.
func getattr(m *machine, args []Value) (Value, error) {
	c, name, ok := two[*Class, string](args)
	switch {
	case ok && c.unknown:
		return m.newUnknown(c, name)
	case ok && c.plain == "zoneinfo.ZoneInfo" && name == "_unpickle":
		return &Class{Name: c.Name + "." + name, plain: c.plain + "." + name}, nil
	}
	return nil, errArguments
}

// reconstructor calls the function by which protocols 0 and 1 make an instance.
func reconstructor(_ *machine, args []Value) (Value, error) {
	if len(args) == 3 && args[2] == None {
		if c, base, ok := two[*Class, *Class](args[:2]); ok && base.plain == "builtins.object" {
			return newObject(c)
		}
	}
	return nil, errArguments
}

// encode calls the function by which protocols 0 to 2 make bytes, from a text in
// Latin-1.
func encode(m *machine, args []Value) (Value, error) {
	text, encoding, ok := two[string, string](args)
	if !ok || encoding != "latin1" && encoding != "latin-1" {
		return nil, errArguments
	}
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, fmt.Errorf("%q is not in Latin-1", r)
		}
		b = append(b, byte(r))
	}
	return &Bytes{r: strings.NewReader(string(b)), n: int64(len(b))}, m.charge(nodeWeight + int64(len(b)))
}

func newBytes(_ *machine, args []Value) (Value, error) {
	if len(args) > 0 {
		return nil, errArguments
	}
	return &Bytes{r: strings.NewReader("")}, nil
}

// newByteArray takes nothing, bytes or, as in Python 2, a text in Latin-1.
func newByteArray(m *machine, args []Value) (Value, error) {
	b, ok := one[*Bytes](args)
	if !ok {
		call := newBytes
		if len(args) > 0 {
			call = encode
		}
		v, err := call(m, args)
		if err != nil {
			return nil, err
		}
		b = v.(*Bytes)
	}
	return &Bytes{r: b.r, off: b.off, n: b.n, mutable: true}, nil
}

func newComplex(_ *machine, args []Value) (Value, error) {
	if re, im, ok := two[float64, float64](args); ok {
		return complexText(re, im), nil
	}
	return nil, errArguments
}

func newDecimal(_ *machine, args []Value) (Value, error) {
	if text, ok := one[string](args); ok {
		return Plain(text), nil
	}
	return nil, errArguments
}

// newFraction takes a text or, from Python 3.12 on, two ints.
func newFraction(m *machine, args []Value) (Value, error) {
	if len(args) == 2 {
		n, ok1 := bigInt(args[0])
		d, ok2 := bigInt(args[1])
		if ok1 && ok2 && d.Sign() > 0 {
			if err := m.charge(weigh(n) + weigh(d)); err != nil { // limits the time to reduce them, too
				return nil, err
			}
			return Plain(new(big.Rat).SetFrac(n, d).RatString()), nil
		}
	}
	return newDecimal(m, args)
}

func bigInt(v Value) (*big.Int, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

func newIPv4(_ *machine, args []Value) (Value, error) { return address(args, 4) }
func newIPv6(_ *machine, args []Value) (Value, error) { return address(args, 16) }

// address returns an IP address of some bytes: the only argument is its number, or its text where it has a zone.
func address(args []Value, size int) (Value, error) {
	if text, ok := one[string](args); ok {
		return Plain(text), nil
	}
	if len(args) != 1 {
		return nil, errArguments
	}
	n, ok := bigInt(args[0])
	if !ok || n.Sign() < 0 || n.BitLen() > 8*size {
		return nil, errArguments
	}
	a, _ := netip.AddrFromSlice(n.FillBytes(make([]byte, size)))
	return Plain(a.String()), nil
}

// newUUID reads the state of a UUID, a number of 128 bits.
func newUUID(state *Dict) (Value, error) {
	v, _ := state.Get("int")
	n, ok := bigInt(v)
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return nil, errArguments
	}
	var id uuid.UUID
	n.FillBytes(id[:])
	return Plain(id.String()), nil
}

// newEnum returns the value of a member of an enum.
func newEnum(_ *machine, args []Value) (Value, error) {
	if n, ok := one[int64](args); ok {
		return n, nil
	}
	return nil, errArguments
}

func newPosixPath(m *machine, args []Value) (Value, error)   { return m.path(args, "/") }
func newWindowsPath(m *machine, args []Value) (Value, error) { return m.path(args, `\`) }

// path joins the parts of a path: the anchor, if there is one, and names.
func (m *machine) path(args []Value, separator string) (Value, error) {
	var path strings.Builder
	for i, arg := range args {
		part, ok := arg.(string)
		if !ok {
			return nil, errArguments
		}
		if err := m.charge(weigh(part)); err != nil {
			return nil, err
		}
		anchor := strings.HasSuffix(path.String(), separator) || i == 1 && separator == `\` && strings.HasSuffix(path.String(), ":")
		if i > 0 && !anchor {
			path.WriteString(separator)
		}
		path.WriteString(part)
	}
	if path.Len() == 0 {
		return Plain("."), nil
	}
	return Plain(path.String()), nil
}

// complexText formats a complex number as Python's str does.
func complexText(re, im float64) Plain {
	imaginary := shortFloat(im) + "j"
	if re == 0 && !math.Signbit(re) {
		return Plain(imaginary)
	}
	if imaginary[0] != '-' {
		imaginary = "+" + imaginary
	}
	return Plain("(" + shortFloat(re) + imaginary + ")")
}

func shortFloat(x float64) string {
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 0):
		return map[bool]string{true: "inf", false: "-inf"}[x > 0]
	}
	return strings.TrimSuffix(string(pyfloat.Append(nil, x)), ".0")
}
