package pickle

import "sync"

// calls holds the classes and functions of metadata that a pickle may call, and
// what a call returns.
var calls = sync.OnceValue(func() map[string]func(m *machine, args []Value) (Value, error) {
	return map[string]func(m *machine, args []Value) (Value, error){
		"builtins.set":           newSet,
		"builtins.frozenset":     newFrozenSet,
		"builtins.bytes":         newBytes,
		"builtins.bytearray":     newByteArray,
		"builtins.complex":       newComplex,
		"_codecs.encode":         encode,
		"copyreg._reconstructor": reconstructor,
		"builtins.range":         newRange,
		"builtins.xrange":        newRange, // in Python 2
		"builtins.getattr":       getattr,

		"collections.OrderedDict": newDict,
		"collections.defaultdict": newDict,
		"collections.Counter":     newCounter,
		"collections.deque":       newDeque,

		"datetime.datetime":  newDateTime,
		"datetime.date":      newDate,
		"datetime.time":      newTime,
		"datetime.timedelta": newTimeDelta,
		"datetime.timezone":  newTimeZone,
		"decimal.Decimal":    newDecimal,
		"fractions.Fraction": newFraction,
		"http.HTTPStatus":    newEnum,

		"ipaddress.IPv4Address": newIPv4,
		"ipaddress.IPv6Address": newIPv6,

		"zoneinfo.ZoneInfo._unpickle": newZoneInfo,

		"pathlib.PurePath":        newPosixPath,
		"pathlib.Path":            newPosixPath,
		"pathlib.PurePosixPath":   newPosixPath,
		"pathlib.PosixPath":       newPosixPath,
		"pathlib.PureWindowsPath": newWindowsPath,
		"pathlib.WindowsPath":     newWindowsPath,

		"numpy.dtype":                        newDType,
		"numpy.core.multiarray._reconstruct": newArray,
		"numpy.core.multiarray.scalar":       newScalar,
		"numpy.core.numeric._frombuffer":     fromBuffer,
	}
})

// named holds classes that a pickle may only name, as the type of a defaultdict's
// values, the base of a class or what a method belongs to.
var named = map[string]bool{
	"builtins.object": true, "builtins.list": true, "builtins.dict": true, "builtins.int": true, "builtins.float": true,
	"builtins.str": true, "builtins.bool": true, "builtins.tuple": true, "numpy.ndarray": true,
	"zoneinfo.ZoneInfo": true,
}

// known reports whether a pickle may name a class.
func known(name string) bool { return calls()[name] != nil || states[name] != nil || named[name] }
