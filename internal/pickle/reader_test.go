package pickle_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"sheaf/internal/pickle"
)

// options make instances of the class "t.Thing" objects, and stream those of "t.Doc".
var options = pickle.Options{Object: things, Stream: func(*pickle.Dict) (pickle.Value, error) { return pickle.None, nil }}

func things(module, name string) (wanted, streamed bool) {
	return module == "t" && (name == "Thing" || name == "Doc"), name == "Doc"
}

func load(stream string) (pickle.Value, error) { return loadWith(stream, options) }

func loadWith(stream string, o pickle.Options) (pickle.Value, error) {
	v, _, err := pickle.Load(strings.NewReader(stream), int64(len(stream)), o)
	return v, err
}

// asJSON loads a pickle without its last opcode and writes the value as JSON.
func asJSON(stream string) (string, error) {
	v, err := load(stream + ".")
	if err != nil {
		return "", err
	}
	b, _, err := pickle.AppendJSON(nil, v)
	return string(b), err
}

// The classes of the streams below, as GLOBAL names them.
const (
	cEncode   = "c_codecs\nencode\n"
	cSet      = "c__builtin__\nset\n"
	cDateTime = "cdatetime\ndatetime\n"
	cDelta    = "cdatetime\ntimedelta\n"
	cZone     = "cdatetime\ntimezone\n"
	cDType    = "cnumpy\ndtype\n"
	cScalar   = "cnumpy.core.multiarray\nscalar\n"
	cArray    = "cnumpy._core.multiarray\n_reconstruct\n"
	cNdarray  = "cnumpy\nndarray\n"
)

// dtype is numpy.dtype(name) of little-endian numbers.
func dtype(name string) string {
	return cDType + short(name) + "\x89\x88\x87R(K\x03" + short("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
}

// short is SHORT_BINUNICODE, raw is SHORT_BINBYTES.
func short(s string) string { return "\x8c" + string([]byte{byte(len(s))}) + s }
func raw(s string) string   { return "C" + string([]byte{byte(len(s))}) + s }

func TestValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ stream, want string }{
		{"N", "null"}, {"I00\n", "false"}, {"I01\n", "true"}, {"\x88", "true"}, {"\x89", "false"},
		{"I-12\n", "-12"}, {"K\xff", "255"}, {"M\xff\xff", "65535"}, {"J\xfe\xff\xff\xff", "-2"},
		{"L9223372036854775808L\n", "9223372036854775808"}, {"\x8a\x00", "0"}, {"\x8a\x01\xff", "-1"}, {"\x8a\x02\x00\x80", "-32768"},
		{"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01", "18446744073709551616"}, {"\x8b\x01\x00\x00\x00\x80", "-128"},
		{"F3\n", "3.0"}, {"F1e400\n", `"Infinity"`}, {"Fnan\n", `"NaN"`}, {"F-inf\n", `"-Infinity"`},
		{"G?\xf0\x00\x00\x00\x00\x00\x00", "1.0"}, {"F0.0001\n", "0.0001"}, {"F0.00001\n", "1e-05"}, {"F1e16\n", "1e+16"}, {"F1e15\n", "1000000000000000.0"},
		{"Va\\u00e9\\U0001f469\xe9\n", `"aé👩é"`}, {"V\\ud800\n", "\"\ufffd\""}, {"V\\x\n", `"\\x"`},
		{short("a<\"\x01"), `"a<\"\u0001"`}, {short("\xed\xa0\x80x"), "\"\ufffdx\""}, {"X\x01\x00\x00\x00a", `"a"`}, {"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a", `"a"`},
		{raw("\x00\xff"), `"AP8="`}, {"B\x01\x00\x00\x00a", `"YQ=="`}, {"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a", `"YQ=="`},
		{"\x96\x01\x00\x00\x00\x00\x00\x00\x00a", `"YQ=="`},
		{"]", "[]"}, {"(K\x01K\x02l", "[1,2]"}, {"](K\x01K\x02e", "[1,2]"}, {"]K\x01a", "[1]"},
		{")", "[]"}, {"(K\x01t", "[1]"}, {"K\x01\x85", "[1]"}, {"K\x01K\x02\x86", "[1,2]"}, {"K\x01K\x02K\x03\x87", "[1,2,3]"},
		{"}", "{}"}, {"(" + short("a") + "K\x01d", `{"a":1}`}, {"}" + short("a") + "K\x01s", `{"a":1}`},
		{"}(" + short("b") + "K\x01" + short("a") + "K\x02" + short("b") + "K\x03u", `{"b":3,"a":2}`},
		{"}(K\x01N" + short("1") + "NK\x01Nu", `{"1#2":null,"1":null,"1#3":null}`},
		{"}(" + raw("a") + "NFnan\nNcdecimal\nDecimal\n" + short("\"1") + "\x85RNu", `{"YQ==":null,"NaN":null,"\"1":null}`},
		{"}(NK\x01K\x02K\x02K\x05" + short(`a",:`) + "\x86K\x03u", `{"null":1,"2":2,"[5, \"a\\\",:\"]":3}`},
		{"\x8f(K\x0aK\x09\x90", "[10,9]"}, {"(K\x02K\x01\x91", "[1,2]"}, {cSet + "](K\x02K\x02e\x85R", "[2]"},
		{"K\x01K\x020", "1"}, {"(K\x01(0t", "[1]"}, {"K\x01(K\x02K\x031", "1"}, {"K\x07q\x00K\x010\x85", "[7]"},
		{"K\x072\x86", "[7,7]"}, {"](K\x07q\x00h\x00h\x00e", "[7,7,7]"}, {"K\x07p0\nh\x00\x86", "[7,7]"}, {"K\x07r\x01\x00\x00\x00g1\n\x86", "[7,7]"},
		{"K\x07\x94j\x00\x00\x00\x00\x86", "[7,7]"}, {"K\x07q\x00K\x08q\x00h\x00\x87", "[7,8,8]"}, {"K\x07q\x00K\x05p1\ng0\n\x87", "[7,5,7]"}, {"L01\n", "1"}, {"L00L\n", "0"},
		{cEncode + "V\xe9\nVlatin1\n\x86R", `"6Q=="`}, {"c__builtin__\nbytes\n)R", `""`},
		{"c__builtin__\nbytearray\nVab\nVlatin-1\n\x86R", `"YWI="`}, {"cbuiltins\nbytearray\n)R", `""`}, {"cbuiltins\nbytearray\n" + raw("a") + "\x85R", `"YQ=="`},
		{"cbuiltins\ncomplex\nF1\nF-2\n\x86R", `"(1-2j)"`}, {"cbuiltins\ncomplex\nF0\nF1.5\n\x86R", `"1.5j"`}, {"cbuiltins\ncomplex\nF-0.0\nFinf\n\x86R", `"(-0+infj)"`},
		{"cbuiltins\ncomplex\nFnan\nF-inf\n\x86R", `"(nan-infj)"`},
		{"cdecimal\nDecimal\n" + short("1.10") + "\x85R", `"1.10"`},
		{"cfractions\nFraction\n" + short("3/7") + "\x85R", `"3/7"`}, {"cfractions\nFraction\nK\x06K\x02\x86R", `"3"`}, {"cfractions\nFraction\nJ\xfd\xff\xff\xffK\x07\x86R", `"-3/7"`},
		{"ccollections\nCounter\n}" + short("a") + "K\x02s\x85R", `{"a":2}`}, {"ccollections\ndeque\n)RK\x01a", "[1]"}, {"ccollections\ndeque\n)K\x05\x86R(K\x01K\x02e", "[1,2]"}, {"ccollections\ndeque\n](K\x03eK\x05\x86R", "[3]"},
		{"c__builtin__\nxrange\nK\x01K\x0aK\x03\x87R", `"range(1, 10, 3)"`}, {"cbuiltins\nrange\nK\x00K\x05K\x01\x87R", `"range(0, 5)"`},
		{zone("Europe/Berlin"), `"Europe/Berlin"`},
		{"cipaddress\nIPv4Address\n\x8a\x04\x01\x00\x00\x0a\x85R", `"10.0.0.1"`}, {"cipaddress\nIPv6Address\nK\x01\x85R", `"::1"`}, {"cipaddress\nIPv6Address\n" + short("fe80::1%eth0") + "\x85R", `"fe80::1%eth0"`},
		{cZone + "cdatetime\ntimedelta\nK\x00K\x00K\x00\x87R\x85R", `"UTC"`}, {cZone + "cdatetime\ntimedelta\nK\x00M\x20\x1cK\x00\x87R\x85R", `"UTC+02:00"`},
		{"chttp\nHTTPStatus\nM\x94\x01\x85R", "404"},
		{"cuuid\nUUID\n)\x81}" + short("int") + "K\x05sb", `"00000000-0000-0000-0000-000000000005"`},
		{"cpathlib\nPurePosixPath\n(" + short("/") + short("a") + short("b") + "tR", `"/a/b"`}, {"cpathlib._local\nPosixPath\n" + short("/a/b") + "\x85R", `"/a/b"`},
		{"cpathlib\nPureWindowsPath\n(" + short(`C:\`) + short("a") + short("b") + "tR", `"C:\\a\\b"`}, {"cpathlib\nPureWindowsPath\n" + short("C:") + short("a") + "\x86R", `"C:a"`},
		{"cpathlib\nPurePath\n)R", `"."`}, {"cpathlib\nPurePath\n" + short("a") + short("b") + "\x86R", `"a/b"`},
		{"ccollections\nOrderedDict\n)R(" + short("z") + "K\x01" + short("a") + "K\x02u", `{"z":1,"a":2}`},
		{"ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R" + short("k") + "]s", `{"k":[]}`}, {"ccollections\ndefaultdict\nN\x85R", "{}"},
		{cDateTime + raw("\x07\xe8\x82\x1d\x17;:\x01\xe2@") + "\x85R", `"2024-02-29T23:59:58.123456"`},
		{cDateTime + raw("\x07\xe7\x01\x01\x00\x00\x00\x00\x00\x00") + cZone + cDelta + "K\x00J\xb0\xb9\xff\xffK\x00\x87R\x85R\x86R", `"2023-01-01T00:00:00-05:00"`},
		{cDateTime + raw("\x07\xe7\x01\x01\x00\x00\x00\x00\x00\x00") + cZone + cDelta + "K\x00K\x01K\x02\x87R" + short("odd") + "\x86R\x86R", `"2023-01-01T00:00:00+00:00:01.000002"`},
		{"cdatetime\ndate\n" + raw("\x07\xe4\x0a\x19") + "\x85R", `"2020-10-25"`}, {"cdatetime\ntime\n" + raw("\x87\x08\x09\x00\x00\x0a") + "\x85R", `"07:08:09.000010"`},
		{cDelta + "J\xfe\xff\xff\xffK\x05K\x07\x87R", "-172794.999993"}, {cDelta + "K\x01\x85R", "86400.0"},
		{cScalar + dtype("f4") + raw("\xcd\xcc\xcc=") + "\x86R", "0.10000000149011612"}, {cScalar + dtype("f2") + raw("\x00>") + "\x86R", "1.5"},
		{cScalar + dtype("f2") + raw("\x01\x80") + "\x86R", "-5.960464477539063e-08"}, {cScalar + dtype("f2") + raw("\x00\xfc") + "\x86R", `"-Infinity"`}, {cScalar + dtype("f2") + raw("\x01\x7c") + "\x86R", `"NaN"`},
		{cScalar + dtype("i1") + raw("\xff") + "\x86R", "-1"}, {cScalar + dtype("u2") + raw("\xff\xff") + "\x86R", "65535"}, {cScalar + dtype("i4") + raw("\xff\xff\xff\xff") + "\x86R", "-1"},
		{cScalar + dtype("u8") + raw(strings.Repeat("\xff", 8)) + "\x86R", "18446744073709551615"}, {cScalar + dtype("b1") + raw("\x01") + "\x86R", "true"},
		{cScalar + dtype("U2") + raw("h\x00\x00\x00\x00\x00\x00\x00") + "\x86R", `"h"`}, {cScalar + dtype("S3") + raw("ab\x00") + "\x86R", `"YWI="`},
		{cScalar + dtype("c8") + raw("\x00\x00\x80?\x00\x00\x00\xc0") + "\x86R", `"(1-2j)"`},
		{cArray + cNdarray + "K\x00\x85" + raw("b") + "\x87R(K\x01K\x02\x85" + dtype("i1") + "\x89" + raw("\x01\x02") + "tb", "[1,2]"},
		{cArray + cNdarray + "K\x00\x85" + raw("b") + "\x87R(K\x01K\x02K\x02\x86" + dtype("i1") + "\x88" + raw("\x01\x02\x03\x04") + "tb", "[[1,3],[2,4]]"},
		{cArray + cNdarray + "K\x00\x85" + raw("b") + "\x87R(K\x01)" + dtype("i1") + "\x89" + raw("\x05") + "tb", "5"},
		{cArray + cNdarray + "K\x00\x85" + raw("b") + "\x87R(K\x01K\x01\x85" + dtype("O8") + "\x89](" + short("x") + "etb", `["x"]`},
		{"cnumpy.core.numeric\n_frombuffer\n(" + raw("\x00\x01") + dtype("i1") + "K\x02\x85" + short("C") + "tR", "[0,1]"},
	}
	for _, tt := range tests {
		if got, err := asJSON(tt.stream); err != nil || got != tt.want {
			t.Errorf("%q: %s, %v, want %s", tt.stream, got, err, tt.want)
		}
		for end := range len(tt.stream) {
			if v, err := load(tt.stream[:end]); err == nil {
				t.Errorf("%q without its end: %v", tt.stream[:end], v)
			}
		}
		readsThatFail(t, tt.stream+".")
		takesMemory(t, tt.stream+".")
	}
}

// takesMemory loads a pickle with just as much memory as it takes, and with less.
func takesMemory(t *testing.T, stream string) {
	t.Helper()
	_, took, err := pickle.LoadWithin(stream, math.MaxInt64, options)
	if err != nil {
		t.Errorf("%q: %v", stream, err)
	}
	if _, _, err := pickle.LoadWithin(stream, took, options); err != nil {
		t.Errorf("%q, with the %d bytes that it takes: %v", stream, took, err)
	}
	if took == 0 {
		return
	}
	for _, less := range []int64{0, took / 2, took - 1} {
		if v, _, err := pickle.LoadWithin(stream, less, options); err == nil || !strings.Contains(err.Error(), "MB of memory") {
			t.Errorf("%q, with %d of %d bytes: %v, %v", stream, less, took, v, err)
		}
	}
}

var errRead = errors.New("a read fails")

// failingReader fails at one read: the one before which left is 1.
type failingReader struct {
	io.ReaderAt
	left int
}

func (r *failingReader) ReadAt(p []byte, off int64) (int, error) {
	if r.left--; r.left == 0 {
		return 0, errRead
	}
	return r.ReaderAt.ReadAt(p, off)
}

// readsThatFail has each read of a pickle and of its value's bytes fail alone.
func readsThatFail(t *testing.T, stream string) {
	t.Helper()
	for n := 1; ; n++ {
		r := &failingReader{strings.NewReader(stream), n}
		v, _, err := pickle.Load(r, int64(len(stream)), options)
		if err == nil {
			_, _, err = pickle.AppendJSON(nil, v)
		}
		if r.left > 0 {
			break
		}
		if !errors.Is(err, errRead) {
			t.Errorf("%q, read %d fails: %v", stream, n, err)
		}
	}
}

// zone is what zoneinfo.ZoneInfo(key) is in a pickle.
func zone(key string) string {
	return "cbuiltins\ngetattr\nczoneinfo\nZoneInfo\n" + short("_unpickle") + "\x86R" + short(key) + "\x88\x86R"
}

// TestZoneInfo compares with what isoformat returns in Python 3.11.
func TestZoneInfo(t *testing.T) {
	t.Parallel()
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		t.Skip("this machine has no time zones")
	}
	tests := []struct{ bytes, zone, want string }{
		{"\x07\xe8\x07\x01\x0c\x00\x00\x00\x00\x01", "Europe/Berlin", "2024-07-01T12:00:00.000001+02:00"},
		{"\x07\xe8\x01\x01\x00\x00\x00\x00\x00\x00", "Europe/Berlin", "2024-01-01T00:00:00+01:00"},
		{"\x07\xe8\x0a\x1b\x02\x1e\x00\x00\x00\x00", "Europe/Berlin", "2024-10-27T02:30:00+02:00"}, // twice
		{"\x07\xe8\x8a\x1b\x02\x1e\x00\x00\x00\x00", "Europe/Berlin", "2024-10-27T02:30:00+01:00"},
		{"\x07\xe8\x03\x1f\x02\x1e\x00\x00\x00\x00", "Europe/Berlin", "2024-03-31T02:30:00+01:00"}, // never
		{"\x07\xe8\x83\x1f\x02\x1e\x00\x00\x00\x00", "Europe/Berlin", "2024-03-31T02:30:00+02:00"},
		{"\x07\xe8\x03\x1f\x04\x00\x00\x00\x00\x00", "Europe/Berlin", "2024-03-31T04:00:00+02:00"},
		{"\x07\xe8\x07\x01\x0c\x00\x00\x00\x00\x00", "America/St_Johns", "2024-07-01T12:00:00-02:30"},
		{"\x07\xe8\x8a\x1a\x0c\x00\x00\x00\x00\x00", "Europe/Berlin", "2024-10-26T12:00:00+02:00"}, // once, the day before
		{"\x07\xe8\x07\x01\x0c\x00\x00\x00\x00\x00", "UTC", "2024-07-01T12:00:00+00:00"},
	}
	for _, tt := range tests {
		if got, err := asJSON(cDateTime + raw(tt.bytes) + zone(tt.zone) + "\x86R"); err != nil || got != `"`+tt.want+`"` {
			t.Errorf("%s, %v, want %q", got, err, tt.want)
		}
	}
	if got, err := asJSON("cdatetime\ntime\n" + raw("\x07\x08\x09\x00\x00\x00") + zone("Europe/Berlin") + "\x86R"); err != nil || got != `"07:08:09"` {
		t.Errorf("%s, %v, want a time without an offset", got, err)
	}
}

// at64 is a numpy.datetime64 of n units.
func at64(unit string, n int64) string {
	var data []byte
	for range 8 {
		data = append(data, byte(n))
		n >>= 8
	}
	return cScalar + cDType + short("M8") + "\x89\x88\x87R(K\x04" + short("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00N(" +
		raw(unit) + "K\x01K\x01K\x01t\x86tb" + raw(string(data)) + "\x86R"
}

func TestDateTime64(t *testing.T) {
	t.Parallel()
	tests := []struct {
		unit string
		n    int64
		want string
	}{
		{"s", 1714979289, "2024-05-06T07:08:09"}, {"ns", -1, "1969-12-31T23:59:59.999999999"}, {"ms", 1500, "1970-01-01T00:00:01.500"},
		{"D", 19849, "2024-05-06"}, {"W", 1, "1970-01-08"}, {"M", -1, "1969-12"}, {"Y", 54, "2024"}, {"h", 25, "1970-01-02T01"}, {"m", 61, "1970-01-01T01:01"},
		{"s", -1 << 63, "NaT"},
	}
	for _, tt := range tests {
		if got, err := asJSON(at64(tt.unit, tt.n)); err != nil || got != `"`+tt.want+`"` {
			t.Errorf("%d%s: %s, %v, want %q", tt.n, tt.unit, got, err, tt.want)
		}
	}
	for _, unit := range []string{"generic", "s", "Y"} {
		if got, err := asJSON(at64(unit, 1<<62)); err == nil {
			t.Errorf("2^62%s: %s, want an error", unit, got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ stream, want string }{
		{"", "not a pickle: ends too early"}, {"hello", "not a pickle: memo slot 101 was never filled"}, {"[1]", "not a pickle: there is no opcode 0x5b"},
		{"Fabc\n.", `"abc" is not a float`}, {"N", "ends too early"}, {"N.N", "1 bytes follow the end"}, {"\x80\x06N.", "protocol 6"}, {"NN.", "does not end with one value"}, {"(N.", "does not end with one value"},
		{"X\xff\xff\xff\xff.", "4294967295 bytes are announced and 1 are left"}, {"\x8b\xff\xff\xff\xff.", "-1 bytes are announced"}, {"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N.", "a frame of 255 bytes, of which 2 are left"},
		{"\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00K\x01.", "over the end of its frame"}, {"\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00\x95\x01\x00\x00\x00\x00\x00\x00\x00N.", "a frame of 1 bytes"},
		{"Np-1\n.", `memo slot "-1"`}, {"Nq\x05.", "memo slot 5 after 0 slots"}, {"Nq\x00h\x01.", "memo slot 1 was never filled"}, {"h\x00.", "never filled"}, {"I1", "ends within a line"},
		{"0.", "empty stack"}, {"2.", "empty stack"}, {"t.", "no mark"}, {"\x85.", "empty stack"}, {"K\x01(\x85.", "empty stack"}, {"q\x00.", "empty stack"}, {"1.", "no mark"}, {"a.", "empty stack"}, {"K\x01a.", "empty stack"},
		{"NN" + "a.", "None cannot be filled so"}, {")Na.", "a tuple cannot be filled so"}, {"](NNu.", "a list cannot be filled so"}, {"\x8f(Ne.", "a set cannot be filled so"}, {"(N\x91(N\x90.", "a set cannot be filled so"},
		{"}(Nu.", "a key without a value"}, {"}]Ns.", "a list cannot be a key"}, {"\x8f(]\x90.", "a list cannot be in a set"}, {"\x8f(]\x85\x90.", "a tuple cannot be in a set"}, {"\x8f(" + "\x96\x00\x00\x00\x00\x00\x00\x00\x00" + "\x90.", "bytes cannot be in a set"},
		{"]q\x00h\x00a.", "holds itself"}, {"]q\x00]h\x00ah\x00K\x01a.", "holds itself"}, {"}q\x00Nh\x00s.", "holds itself"},
		{strings.Repeat("]", 300) + strings.Repeat("a", 299) + ".", "nested deeper than 200"}, {"N" + strings.Repeat("\x85", 300) + ".", "nested deeper than 200"},
		{strings.Repeat("(", 70000) + ".", "more than 65536 marks"}, {strings.Repeat("N", 1<<20+1) + ".", "more than 1048576 values at once"},
		{"I" + strings.Repeat("1", 5000) + "\n.", "not an int of at most 4300 digits"}, {"L" + strings.Repeat("1", 9000) + "\n.", "a number of 9000 digits"}, {"Ix\n.", `"x" is not an int`}, {"F0x1p4\n.", "is not a float"},
		{"\x8b\xd0\x07\x00\x00" + strings.Repeat("\x01", 2000) + ".", "an int of 2000 bytes"},
		{short("\xff") + ".", "byte 0xff at place 0"}, {short("\xed\xa0") + ".", "not UTF-8"}, {"V\\u12\n.", "malformed escape"}, {"V\\Uffffffff\n.", "malformed escape"},
		{"cos\nsystem\n.", `the class "os.system"`}, {"(Vx\nios\nsystem\n.", `the class "os.system"`}, {"(icollections\nOrderedDict\n.", "INST"}, {short("posix") + short("system") + "\x93.", `the class "posix.system"`},
		{short("t") + short("Thing.x") + "\x93.", `the class "t.Thing.x"`}, {short("t\nT") + short("x") + "\x93.", `the class "t\nT.x"`}, {"NN\x93.", "a class whose name is not a text"},
		{"Pid\n.", "PERSID"}, {"NQ.", "BINPERSID"}, {"\x82\x01.", "EXT1"}, {"\x83\x01\x00.", "EXT2"}, {"\x84\x01\x00\x00\x00.", "EXT4"}, {"Sx\n.", "STRING"}, {"U\x01x.", "SHORT_BINSTRING"}, {"(o.", "OBJ"}, {"\x92.", "empty stack"}, {cSet + ")}\x92.", "made in a way"}, {"\x97.", "NEXT_BUFFER"}, {"\x98.", "READONLY_BUFFER"},
		{"N)R.", "None is called"}, {cSet + "NR.", `"__builtin__.set" is called with None`}, {cSet + ")\x81.", "made in a way"}, {"ct\nThing\n)R.", "made in a way"}, {"ct\nThing\nN\x85\x81.", "made in a way"}, {"cbuiltins\nlist\n)R.", "made in a way"},
		{"NNb.", "None gets a state"}, {"ct\nThing\n)\x81]b.", `the state of a "t.Thing" is a list`}, {"ct\nThing\n)\x81}b}b.", "changes after"}, {"](ct\nThing\n)\x81q\x00eh\x00}b.", "changes after"},
		{cSet + "N\x85R.", "its arguments"}, {cEncode + "V\\u0100\nVlatin1\n\x86R.", "not in Latin-1"}, {cEncode + "Va\nVutf8\n\x86R.", "its arguments"}, {cEncode + ")R.", "its arguments"}, {"cbuiltins\nbytes\nN\x85R.", "its arguments"}, {"cbuiltins\nbytearray\nN\x85R.", "its arguments"},
		{"ccopy_reg\n_reconstructor\n(csubprocess\nPopen\n", "ends too early"}, {"ccopy_reg\n_reconstructor\n(ct\nThing\nc__builtin__\ndict\nNtR.", "its arguments"}, {"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR.", "made in a way"}, {"ccopy_reg\n_reconstructor\n)R.", "its arguments"},
		{"ccollections\nOrderedDict\n]\x85R.", "its arguments"}, {"cbuiltins\ncomplex\nK\x01K\x02\x86R.", "its arguments"}, {"cbuiltins\ncomplex\n)R.", "its arguments"}, {"cdecimal\nDecimal\nK\x01\x85R.", "its arguments"}, {"cfractions\nFraction\nK\x01K\x00\x86R.", "its arguments"}, {"chttp\nHTTPStatus\nN\x85R.", "its arguments"},
		{"ccollections\nCounter\n)R.", "its arguments"}, {"ccollections\ndeque\nN\x85R.", "its arguments"}, {"ccollections\ndeque\n)NN\x87R.", "its arguments"}, {"cbuiltins\nrange\n)R.", "its arguments"}, {"cbuiltins\nrange\nNNN\x87R.", "its arguments"},
		{"cipaddress\nIPv4Address\n)R.", "its arguments"}, {"cipaddress\nIPv4Address\nJ\xff\xff\xff\xff\x85R.", "its arguments"}, {"cipaddress\nIPv4Address\nN\x85R.", "its arguments"},
		{"cbuiltins\ngetattr\n)R.", "its arguments"}, {"cbuiltins\ngetattr\ncbuiltins\nset\n" + short("_unpickle") + "\x86R.", "its arguments"}, {"cbuiltins\ngetattr\nczoneinfo\nZoneInfo\n" + short("clear_cache") + "\x86R.", "its arguments"}, {"czoneinfo\nZoneInfo\n)R.", "made in a way"}, {zone("x")[:len(zone("x"))-3] + "\x85R.", "its arguments"},
		{cDateTime + raw("\x07\xe7\x02\x01\x00\x00\x00\x00\x00\x00") + zone("Mars/Base") + "\x86R.", `the time zone "Mars/Base"`}, {cDateTime + raw("\x07\xe7\x02\x01\x00\x00\x00\x00\x00\x00") + zone("Local") + "\x86R.", `the time zone "Local"`}, {"cdatetime\ntime\n" + raw("\x07\x08\x09\x00\x00\x0a") + "K\x01\x86R.", "its arguments"},
		{"cuuid\nUUID\n)\x81}b.", "its arguments"}, {"cuuid\nUUID\n)\x81}" + short("int") + "J\xff\xff\xff\xffsb.", "its arguments"}, {"cpathlib\nPath\nN\x85R.", "its arguments"},
		{cDateTime + raw("\x07\xe7\x02\x1e\x00\x00\x00\x00\x00\x00") + "\x85R.", "its arguments"}, {cDateTime + raw("\x07\xe7\x02\x01\x18\x00\x00\x00\x00\x00") + "\x85R.", "its arguments"}, {cDateTime + raw("x") + "\x85R.", "its arguments"}, {cDateTime + ")R.", "its arguments"},
		{cDateTime + raw("\x07\xe7\x02\x01\x00\x00\x00\x00\x00\x00") + "K\x01\x86R.", "its arguments"}, {"cdatetime\ndate\n" + raw("\x00\x00\x01\x01") + "\x85R.", "its arguments"}, {"cdatetime\ntime\n)R.", "its arguments"},
		{cZone + cDelta + "K\x01\x85R\x85R.", "its arguments"}, {cZone + "N\x85R.", "its arguments"}, {cZone + ")R.", "its arguments"}, {cDelta + "N\x85R.", "its arguments"}, {cDelta + "(K\x01K\x01K\x01K\x01tR.", "its arguments"},
		{cDType + short("V8") + "\x85R.", `arrays of type "V8"`}, {cDType + short("f16") + "\x85R.", `arrays of type "f16"`}, {cDType + short("i") + "\x85R.", "arrays of type"}, {cDType + short("U-1") + "\x85R.", "arrays of type"}, {cDType + "N\x85R.", "its arguments"}, {cDType + ")R.", "its arguments"},
		{cDType + short("f4") + "\x85RNb.", "structured"}, {cDType + short("M8") + "\x85R(K\x03" + short("<") + "NNNK\x00K\x00K\x00tb.", "without a unit"}, {cDType + short("f4") + "\x85R(K\x03" + short("?") + "NNNK\x00K\x00K\x00tb.", "byte order"},
		{cScalar + dtype("f4") + raw("abc") + "\x86R.", "its arguments"}, {cScalar + dtype("O8") + raw("abcdefgh") + "\x86R.", "its arguments"}, {cScalar + ")R.", "its arguments"}, {cScalar + dtype("U1") + raw("\xff\xff\xff\xff") + "\x86R.", "the character"},
		{cArray + "N)N\x87R.", "its arguments"}, {cArray + ")R.", "its arguments"}, {cArray + cNdarray + "NN\x87RNb.", "its arguments"}, {cArray + cNdarray + "NN\x87R(K\x01K\x05\x85" + dtype("i1") + "\x89" + raw("ab") + "tb.", "does not fit its shape"},
		{cArray + cNdarray + "NN\x87R(K\x01J\x00\x00\x00\x04J\x00\x00\x00\x04K\x00\x87" + dtype("i1") + "\x89" + raw("") + "tb.", "more than"}, {cArray + cNdarray + "NN\x87R(K\x01J\xff\xff\xff\xff\x85" + dtype("i1") + "\x89" + raw("") + "tb.", "its shape"},
		{"cnumpy._core.numeric\n_frombuffer\n)R.", "its arguments"},
		{"ct\nDoc\n)\x81ct\nDoc\n)\x81.", "inside another, or without a state"}, {"ct\nDoc\n)\x81.", "inside another, or without a state"}, {"ct\nDoc\n)\x810ct\nThing\n)\x81}b.", "inside another, or without a state"},
		{"]q\x00ct\nDoc\n)\x81h\x00K\x01a0}b.", "changes after"}, {"ct\nThing\n)\x81q\x00ct\nDoc\n)\x81h\x00}b.", "changes after"},
		{"ct\nDoc\n)\x81q\x00Nh\x00}b.", "changes after"}, {"ct\nDoc\n)\x81q\x00(h\x00}b.", "changes after"},
		{"Nct\nDoc\n)\x8100.", "empty stack"}, {"(ct\nDoc\n)\x811.", "no mark"}, {"(ct\nDoc\n)\x8100.", "empty stack"},
		{"}q\x00ct\nDoc\n)\x81h\x00b0h\x00K\x01K\x02s.", "changes after"},
		{"N" + short("a") + "\x93.", "a class whose name is not a text"}, {short("a") + "N\x93.", "a class whose name is not a text"}, {cZone + cDelta + "K\x00\x85R" + short("a") + "N\x87R.", "its arguments"},
		{cArray + cSet + ")" + raw("b") + "\x87R.", "its arguments"}, {at64("Y", 8030) + ".", "in the year 10000"}, {at64("M", 12*8030) + ".", "in the year 10000"}, {at64("M", 1<<62) + ".", "in the year 1970"},
		{"C\x01a", "ends too early"}, {"ccopy_reg\n_reconstructor\n(ct\nThing\nc__builtin__\nobject\nK\x01tR}b.", "its arguments"}, {cEncode + "NVlatin1\n\x86R.", "its arguments"},
		{array("J\xff\xff\xff\xff\x85", dtype("i1"), "\x89", raw("")) + ".", "ndarray: its shape"}, {array("J\xff\xff\xff\x7f\x85", dtype("i1"), "\x89", raw("")) + ".", "ndarray: its shape"},
		{"X\xff\xff\xff\xff" + strings.Repeat("N", 20) + ".", "4294967295 bytes are announced and 21 are left"}, {"Ngx\n.", `memo slot "x"`}, {"Fx\n.", "is not a float"}, {"Ng-1\n.", `memo slot "-1"`},
		{cArray + cNdarray + "NN\x87Rq\x000h\x00(K\x01)" + dtype("i1") + "\x89" + raw("\x05") + "tb.", "its arguments"}, {cDType + short("Ux") + "\x85R.", `arrays of type "Ux"`},
	}
	for _, tt := range tests {
		v, err := load(tt.stream)
		var own *pickle.Error
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &own) {
			t.Errorf("%.80q: %v, %v, want an error with %q", tt.stream, v, err, tt.want)
		}
	}
	for _, stream := range []string{cDType + short("f4") + "\x85R", "ct\nThing\n)\x81}b", cArray + cNdarray + "NN\x87R"} {
		for _, in := range []string{stream, "]" + stream + "a", stream + "\x85", "}" + short("k") + stream + "s", "]]" + stream + "aa"} {
			if got, err := asJSON(in); err == nil {
				t.Errorf("%q: %s, want no JSON for it", in, got)
			}
		}
	}
}

// TestMapped: whoever asks for JSON learns where it has no type for a value.
func TestMapped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		stream string
		mapped bool
	}{
		{"](NK\x01\x88F0.5\n}" + short("a") + short("b") + "se", false},
		{cScalar + "(" + dtype("f4") + raw("\x00\x00\x00\x00") + "tR", false},
		{"](K\x01Fnan\ne", true}, {"](Fnan\nF1.5\ne", true}, {"Finf\n", true}, {raw("a"), true}, {")", true}, {"\x8f", true}, {"}K\x01Ns", true},
		{"cdecimal\nDecimal\n" + short("1.5") + "\x85R", true}, {cDelta + "(K\x00K\x01K\x00tR", true},
	}
	for _, tt := range tests {
		v, err := load(tt.stream + ".")
		if err != nil {
			t.Errorf("%q: %v", tt.stream, err)
			continue
		}
		if b, notes, err := pickle.AppendJSON(nil, v); notes.Mapped != tt.mapped || err != nil {
			t.Errorf("%q: %s: %v, %v, want %v", tt.stream, b, notes, err, tt.mapped)
		}
	}
}
