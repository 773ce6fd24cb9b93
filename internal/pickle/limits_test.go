package pickle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sheaf/internal/pickle"
)

// dateTime is datetime.datetime of ten bytes.
func dateTime(b ...byte) string { return cDateTime + raw(string(b)) + "\x85R" }

// offset is datetime.timezone of an offset of days, seconds and microseconds.
func offset(days, seconds, micros string) string {
	return cZone + cDelta + "I" + days + "\nI" + seconds + "\nI" + micros + "\n\x87R\x85R"
}

// array is numpy.ndarray with a state.
func array(shape, dtype, order, data string) string {
	return cArray + cNdarray + "K\x00\x85" + raw("b") + "\x87R(K\x01" + shape + dtype + order + data + "tb"
}

// TestLimits reads values on both sides of limits; "" stands for an error.
func TestLimits(t *testing.T) {
	t.Parallel()
	midnight := raw("\x07\xe8\x01\x01\x00\x00\x00\x00\x00\x00")
	zoned := func(zone string) string { return cDateTime + midnight + zone + "\x86R" }
	cTime := "cdatetime\ntime\n" + raw("\x07\x08\x09\x00\x00\x00")
	state := func(items string) string { return cDType + short("i2") + "\x85R(K\x03" + short("<") + items + "tb0N" }
	unit := func(items string) string {
		return cDType + short("M8") + "\x85R(K\x03" + short("<") + "NNNNNN(" + items + "ttb0N"
	}
	bigEndian := strings.Replace(dtype("i2"), short("<"), short(">"), 1)
	tests := []struct{ stream, want string }{
		{dateTime(0, 1, 1, 1, 0, 0, 0, 0, 0, 0), `"0001-01-01T00:00:00"`}, {dateTime(0, 0, 1, 1, 0, 0, 0, 0, 0, 0), ""},
		{dateTime(0x27, 0x0f, 12, 31, 23, 59, 59, 0x0f, 0x42, 0x3f), `"9999-12-31T23:59:59.999999"`}, {dateTime(0x27, 0x10, 1, 1, 0, 0, 0, 0, 0, 0), ""},
		{dateTime(7, 0xe8, 13, 1, 0, 0, 0, 0, 0, 0), ""}, {dateTime(7, 0xe8, 1, 32, 0, 0, 0, 0, 0, 0), ""}, {dateTime(7, 0xe8, 0, 1, 0, 0, 0, 0, 0, 0), ""},
		{dateTime(7, 0xe8, 1, 1, 24, 0, 0, 0, 0, 0), ""}, {dateTime(7, 0xe8, 1, 1, 0, 60, 0, 0, 0, 0), ""}, {dateTime(7, 0xe8, 1, 1, 0, 0, 60, 0, 0, 0), ""}, {dateTime(7, 0xe8, 1, 1, 0, 0, 0, 0x0f, 0x42, 0x40), ""},
		{zoned(offset("0", "0", "0")), `"2024-01-01T00:00:00+00:00"`}, {zoned(offset("0", "0", "5")), `"2024-01-01T00:00:00+00:00:00.000005"`}, {zoned(offset("0", "5", "0")), `"2024-01-01T00:00:00+00:00:05"`},
		{zoned(offset("1", "0", "0")), ""}, {zoned(offset("-1", "0", "0")), ""}, {zoned(offset("-1", "0", "1")), `"2024-01-01T00:00:00-23:59:59.999999"`}, {zoned(offset("9000000000", "9000000000", "0")), ""}, {zoned(offset("213503982334602", "0", "0")), ""},

		{cTime + offset("0", "3600", "0") + "\x86R", `"07:08:09+01:00"`}, {cTime + "N\x86R", `"07:08:09"`},
		{at64("Y", 8029), `"9999"`}, {at64("Y", 8030), ""}, {at64("Y", -1970), `"0000"`}, {at64("Y", -1971), ""}, {at64("M", 12*8030-1), `"9999-12"`}, {at64("M", 12*8030), ""}, {at64("M", -12*1970), `"0000-01"`}, {at64("M", -12*1970-1), ""},
		{at64("M", 1<<62), ""}, {at64("M", -1<<62), ""}, {at64("Y", -1<<62), ""}, {at64("s", -1<<62), ""}, {at64("W", 1<<61), ""}, {at64("Y", 1_000_001), ""}, {at64("M", 1_000_001), ""},
		{state(""), ""}, {state("NNN"), ""}, {state("NNNNN"), ""}, {state("NNNNNN"), "null"}, {state("K\x00NNNNN"), ""}, {state("NK\x00NNNN"), ""}, {state("NNK\x00NNN"), ""},
		{unit("NN"), ""}, {unit("N(" + raw("s") + "K\x01K\x01K\x01t"), "null"}, {unit("N(" + raw("s") + "K\x01t"), "null"}, {unit("N(" + raw("s") + "t"), ""}, {unit("N(" + short("s") + "K\x01t"), "null"}, {unit("N(NK\x01t"), ""}, {unit("N(" + raw("s") + "Nt"), ""}, {unit("N"), ""}, {unit("NNN"), ""},
		{short("a") + "N\x93", ""}, {"N" + short("a") + "\x93", ""},
		{"}" + short(`a"b`) + "K\x01K\x02\x87Ns", `{"[\"a\\\"b\", 1, 2]":null}`},
		{short("ab\xed\xa0"), ""}, {short("\xff\xa0\x80"), ""}, {short("\xc0\xa0\x80"), ""},
		{cScalar + bigEndian + raw("\x01\x02") + "\x86R", "258"}, {cScalar + dtype("i2") + raw("\x01\x02") + "\x86R", "513"},
		{cDType + "V\n\x85R", ""}, {cDType + short("U1048576") + "\x85R0N", "null"}, {cDType + short("U1048577") + "\x85R0N", ""}, {cScalar + dtype("U0") + raw("") + "\x86R", `""`},
		{cScalar + dtype("U1") + raw("\xff\xff\x10\x00") + "\x86R", `"` + "\U0010ffff" + `"`}, {cScalar + dtype("U1") + raw("\x00\x00\x11\x00") + "\x86R", ""},
		{cScalar + "N" + raw("a") + "\x86R", ""}, {cScalar + dtype("i1") + "N\x86R", ""},
		{array("K\x02K\x03\x86", dtype("i1"), "\x89", raw("\x01\x02\x03\x04\x05\x06")), "[[1,2,3],[4,5,6]]"}, {array("K\x02K\x03\x86", dtype("i1"), "\x88", raw("\x01\x02\x03\x04\x05\x06")), "[[1,3,5],[2,4,6]]"},
		{array("K\x01K\x02K\x02\x87", dtype("i1"), "\x89", raw("\x01\x02\x03\x04")), "[[[1,2],[3,4]]]"}, {array("K\x00\x85", dtype("i1"), "\x89", raw("")), "[]"}, {array("K\x00K\x01\x86", dtype("i1"), "\x89", raw("")), "[]"},
		{array("("+strings.Repeat("K\x01", 64)+"t", dtype("i1"), "\x89", raw("\x05")), strings.Repeat("[", 64) + "5" + strings.Repeat("]", 64)}, {array("("+strings.Repeat("K\x01", 65)+"t", dtype("i1"), "\x89", raw("\x05")), ""},
		{array("J\xff\xff\xff\xff\x85", dtype("i1"), "\x89", raw("")), ""}, {array("N\x85", dtype("i1"), "\x89", raw("")), ""}, {array("N", dtype("i1"), "\x89", raw("")), ""}, {array(")", "N", "\x89", raw("")), ""},
		{array("J\x01\x00\x00\x04K\x00\x86", dtype("i1"), "\x89", raw("")), ""}, {array("J\x00\x00\x00\x04J\x00\x00\x00\x04K\x00\x87", dtype("i1"), "\x89", raw("")), ""}, {array("K\x01\x85", dtype("i1"), "N", raw("a")), ""},
		{"cnumpy.core.numeric\n_frombuffer\n(" + raw("\x01\x02\x03\x04") + dtype("i1") + "K\x02K\x02\x86" + short("F") + "tR", "[[1,3],[2,4]]"}, {"cnumpy.core.numeric\n_frombuffer\n(" + raw("\x01\x02\x03\x04") + dtype("i1") + "K\x02K\x02\x86" + short("C") + "tR", "[[1,2],[3,4]]"},

		{strings.Repeat("]", 201) + strings.Repeat("a", 200), strings.Repeat("[", 201) + strings.Repeat("]", 201)}, {strings.Repeat("]", 202) + strings.Repeat("a", 201), ""},
		{"]2\x85a", ""}, {"]]2\x85aa", ""}, {"]\x85\x85", "[[[]]]"}, // a value that is in another one does not change
		{"\x80\x05N", "null"}, {"\x80\x06N", ""}, {"\x95\x02\x00\x00\x00\x00\x00\x00\x00N", "null"}, {"\x95\x03\x00\x00\x00\x00\x00\x00\x00N", ""}, {"\x95\xff\xff\xff\xff\xff\xff\xff\xffN", ""},
		{"\x95\x00\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00\x00N", "null"}, {"\x95\x01\x00\x00\x00\x00\x00\x00\x00K\x01", ""},
		{"K\x01\x94q\x02h\x02\x86", "[1,1]"}, {"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a", `"YQ=="`},
		{"cuuid\nUUID\n)\x81}" + short("int") + "\x8a\x11" + strings.Repeat("\xff", 16) + "\x00sb", `"ffffffff-ffff-ffff-ffff-ffffffffffff"`}, {"cuuid\nUUID\n)\x81}" + short("int") + "\x8a\x11" + strings.Repeat("\x00", 16) + "\x01sb", ""}, {"cuuid\nUUID\n)\x81}" + short("int") + "K\x00sb", `"00000000-0000-0000-0000-000000000000"`},
		{short("\xed\xa0\x80"), `"�"`}, {short("a\xed\xbf\xbf"), `"a�"`}, {short("\xed\x9f\xbf"), "\"\ud7ff\""}, {short("\xed\xa0"), ""}, {short("\xed\xc0\x80"), ""}, {short("\xed\xa0\xc0"), ""}, {short("\xee\xa0"), ""},
		{"Va\\\n", `"a\\"`}, {"V\\u00e9b\n", `"éb"`}, {"V\\u00e\n", ""}, {"V\\U0010ffff\n", "\"\U0010ffff\""}, {"V\\U00110000\n", ""}, {"V\\\\n\n", `"\\\\n"`},
		{"L" + strings.Repeat("1", 4300) + "L\n", strings.Repeat("1", 4300)}, {"L-" + strings.Repeat("1", 4300) + "L\n", "-" + strings.Repeat("1", 4300)}, {"L" + strings.Repeat("1", 4303) + "\n", ""}, {"I" + strings.Repeat(" ", 8192) + "1\n", ""}, {"I" + strings.Repeat(" ", 8191) + "1\n", "1"},
		{cEncode + "V\xff\nVlatin1\n\x86R", `"/w=="`}, {"ccopy_reg\n_reconstructor\n(cuuid\nUUID\nNNtR", ""}, {"cbuiltins\ncomplex\nF1\nN\x86R", ""}, {"cfractions\nFraction\nNK\x01\x86R", ""}, {"cfractions\nFraction\nK\x01N\x86R", ""},
		{"cpathlib\nPureWindowsPath\n" + short("C:") + short("a") + short("b") + "\x87R", `"C:a\\b"`}, {"cpathlib\nPath\n" + short("C:") + short("a") + "\x86R", `"C:/a"`}, {"cpathlib\nPureWindowsPath\n" + short("a") + short("b:") + short("c") + "\x87R", `"a\\b:\\c"`},
		{"cipaddress\nIPv4Address\nK\x00\x85R", `"0.0.0.0"`}, {"cipaddress\nIPv4Address\n\x8a\x05\xff\xff\xff\xff\x00\x85R", `"255.255.255.255"`}, {"cipaddress\nIPv4Address\n\x8a\x05\x00\x00\x00\x00\x01\x85R", ""},
		{"ccopy_reg\n_reconstructor\n(ct\nThing\nc__builtin__\nobject\nK\x01tR}b", ""}, {cZone + "NNN\x87R", ""}, {cDateTime + midnight + "NN\x87R", ""}, {cDateTime + "N\x85R", ""}, {cDateTime + raw("\x07\xe8\x01") + "\x85R", ""},
		{cDType + "(" + short("i1") + "\x89\x88\x89tR0N", ""}, {cArray + cSet + "NN\x87R", ""}, {array("K\x01\x85", dtype("i1"), "\x89", raw("a")) + "(K\x01K\x01\x85" + dtype("i1") + "\x89" + raw("a") + "tb", ""}, {cArray + cNdarray + "NN\x87R(K\x01K\x01\x85" + dtype("i1") + "\x89tb", ""},
		{cDateTime + midnight + zone("../UTC") + "\x86R", ""}, {cDateTime + midnight + zone("Local") + "\x86R", ""}, {cDateTime + midnight + zone("") + "\x86R", ""},
		{"cbuiltins\ncomplex\nF1\nF0\n\x86R", `"(1+0j)"`}, {"cfractions\nFraction\nK\x01K\x01\x86R", `"1"`},
		{short("a") + "20", `"a"`}, {"Nq\x00h\x000q\x00", "null"}, {"N" + cSet + "0", "null"}, {"N" + short("collections") + short("OrderedDict") + "\x930", "null"}, {"Nct\nThing\n0", "null"},
		{"(" + raw("a") + "\x91", `["YQ=="]`}, {"\x8f(" + raw("a") + "\x90", `["YQ=="]`}, {"}" + raw("a") + "\x85Ns", `{"[\"YQ==\"]":null}`}, {array("K\x01\x85", dtype("O8"), "\x89", "]("+raw("a")+"e"), `["YQ=="]`},
		{"ct\nThing\n)\x810N", "null"}, {strings.Replace(at64("s", 1), raw("s"), short("s"), 1), `"1970-01-01T00:00:01"`},
		{cSet + "](" + raw("a") + "e\x85R", `["YQ=="]`}, {"c__builtin__\nfrozenset\n](" + raw("a") + "e\x85R", `["YQ=="]`}, {"ccollections\ndeque\n](" + raw("a") + "e\x85R", `["YQ=="]`},
	}
	for _, tt := range tests {
		got, err := asJSON(tt.stream)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%.100q: %.100s, %v, want %s", tt.stream, got, err, tt.want)
		}
		if tt.want != "" {
			readsThatFail(t, tt.stream+".")
			takesMemory(t, tt.stream+".")
		}
	}
}

// TestNothingIsWanted: without options no class is an object, and none is called.
func TestNothingIsWanted(t *testing.T) {
	t.Parallel()
	var unknown *pickle.UnknownClassError
	if v, err := loadWith("ct\nThing\n)\x81}b.", pickle.Options{}); !errors.As(err, &unknown) || unknown.Name != "t.Thing" {
		t.Errorf("%v, %v", v, err)
	}
}

// TestSurrogates: texts with an unpaired surrogate are counted.
func TestSurrogates(t *testing.T) {
	t.Parallel()
	stream := "](V\\ud800\\udc00\nVa\n" + short("\xed\xa0\x80\xed\xa0\x80") + short("é") + "V\\udfffa\nV\\ud800\\u0041\ne."
	if _, n, err := pickle.Load(strings.NewReader(stream), int64(len(stream)), options); n != 4 || err != nil {
		t.Errorf("%d texts, %v, want 4", n, err)
	}
}

// TestMemo reads back more values than the memo stores as they are, of each kind.
func TestMemo(t *testing.T) {
	t.Parallel()
	const n = 3000
	var puts, gets strings.Builder
	var want []string
	for i := range uint32(n) {
		value := fmt.Sprintf("I%d\n", i)
		json := fmt.Sprint(i)
		if size := []int{0, 1, 127, 128, 129, 300}[i%6]; i%7 != 0 {
			text := strings.Repeat("x", size)
			value, json = "V"+text+"\n", `"`+text+`"`
		}
		puts.WriteString(value + "\x940")
		gets.Write(binary.LittleEndian.AppendUint32([]byte("j"), i))
		want = append(want, json)
	}
	// A slot that is never read, and one that is filled again.
	stream := "N\x940" + puts.String()
	stream += "I-1\nr" + string(binary.LittleEndian.AppendUint32(nil, n-1)) + "0"
	if got, err := asJSON(stream + "(" + strings.ReplaceAll(gets.String(), "j\x00\x00\x00\x00", "j\x01\x00\x00\x00") + "l"); err != nil || !strings.HasPrefix(got, "["+want[0]+",") {
		t.Errorf("%.100s, %v", got, err)
	}
	var b bytes.Buffer
	for i := range uint32(n) {
		b.Write(binary.LittleEndian.AppendUint32([]byte("j"), i+1))
	}
	want[n-2] = "-1"
	if got, err := asJSON(stream + "(" + b.String() + "l"); err != nil || got != "["+strings.Join(want, ",")+"]" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestOffset(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("C\x02ab.")
	v, _, err := pickle.Load(r, r.Size(), options)
	if err != nil {
		t.Fatal(err)
	}
	b := v.(*pickle.Bytes)
	if at, err := b.Offset(r); at != 2 || err != nil || b.Size() != 2 {
		t.Errorf("%d bytes at %d, %v, want 2 at 2", b.Size(), at, err)
	}
	if at, err := b.Offset(strings.NewReader("C\x02ab.")); err == nil {
		t.Errorf("at %d of another file", at)
	}
}

func TestWeights(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]int64{
		"N": 16, short("abc"): 19, raw("abc"): 19, "cpathlib\nPath\n" + short("abc") + "\x85R": 19, "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01": 81,
		"]": 64, "]K\x01a": 80, ")": 64, "}" + short("abc") + "Ns": 99, zone("abc"): 19, "]K\x01a\x85": 144,
		array("K\x02K\x03\x86", dtype("i2"), "\x89", raw(strings.Repeat("x", 12))): 64 + 4*64 + 6*16 + 12,
	} {
		v, err := load(stream + ".")
		if err != nil {
			t.Fatal(err)
		}
		if got := pickle.Weight(v); got != want {
			t.Errorf("%q: %d, want %d", stream, got, want)
		}
	}
}
