package metadata

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"verbatim", `{"z":12345678901234567890123,"a":{"y":[1.0,{"x":"<\u00e9> "}]}}`, `{"z":12345678901234567890123,"a":{"y":[1.0,{"x":"<\u00e9> "}]}}`},
		{"blanks", " { \"a b\" :\t[ 1 , \"x \\\" y\" ,{ \"k\" : null } ] ,\r\n\"b\": 2 } ", `{"a b":[1,"x \" y",{"k":null}],"b":2}`},
		{"repeated keys", `{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{"escaped keys", `{"gr\u00f6\u00dfe":1,"größe":2,"\u003ck\u003e":3}`, `{"größe":2,"<k>":3}`},
		{"brackets in strings", `{"k}":"]\\","l":[["]",{"m":"}"}]]}`, `{"k}":"]\\","l":[["]",{"m":"}"}]]}`},
		{"empty", ` { } `, `{}`},
	} {
		o, err := Parse([]byte(test.in))
		if err != nil || o.String() != test.want {
			t.Errorf("%s: %s, %v; want %s", test.name, o, err, test.want)
		}
	}
}

func TestNotAnObject(t *testing.T) {
	t.Parallel()
	for _, in := range []string{``, `[1]`, `3`, `null`, `{"a"`, `{"a": }`, `{} {}`} {
		if members, err := Raw([]byte(in)).Members(); err == nil {
			t.Errorf("%s: %v", in, members)
		}
		if text := Raw([]byte(in)).Text("a"); text != "" {
			t.Errorf("%s: text %q", in, text)
		}
	}
}

func TestZeroObject(t *testing.T) {
	t.Parallel()
	var o Object
	members, err := o.Members()
	if o.String() != "{}" || len(members) != 0 || err != nil || !o.Equal(Raw([]byte("{}"))) {
		t.Errorf("%s, %v, %v", o, members, err)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	o := Raw([]byte(`{"s":"a\u00e9","n":1,"e":""}`))
	for key, want := range map[string]string{"s": "aé", "n": "", "e": "", "none": ""} {
		if got := o.Text(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestBuilder(t *testing.T) {
	t.Parallel()
	var b Builder
	value := []byte(" [1, 2] ")
	b.Set("k", []byte("1"))
	b.Set("l", value)
	b.Set("k", []byte(`"last"`))
	o := b.Object()
	copy(value, "[broken]")
	place, ok := b.Place("l")
	_, other := b.Place("m")
	if place != 1 || !ok || other || b.Len() != 2 || o.String() != `{"k":"last","l":[1,2]}` {
		t.Errorf("%s", o)
	}
	b.Reset()
	_, ok = b.Place("k")
	if got := b.Object(); ok || !got.Equal(Object{}) || o.Text("k") != "last" {
		t.Errorf("after a reset %s, and %s", got, o)
	}
}

func TestTyped(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		kind Kind
		want any
	}{
		{"null", Null, []byte("null")},
		{"true", Bool, int64(1)},
		{"false", Bool, int64(0)},
		{"-0", Int, int64(0)},
		{"9223372036854775807", Int, int64(math.MaxInt64)},
		{"9223372036854775808", Other, []byte("9223372036854775808")},
		{"-1.50", Float, -1.5},
		{"1e3", Float, 1000.0},
		{"1e999", Other, []byte("1e999")},
		{`"a\u00e9\n<"`, String, "aé\n<"},
		{`[1]`, Other, []byte("[1]")},
		{`{}`, Other, []byte("{}")},
	} {
		kind, got := Member{Value: []byte(test.in)}.Typed()
		if kind != test.kind || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: kind %d, %#v; want %d, %#v", test.in, kind, got, test.kind, test.want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<a & "b">`: `"<a & \"b\">"`, "é\x00\u2028\xff\x7f": "\"é\\u0000\\u2028\\ufffd\x7f\"", `\`: `"\\"`, "": `""`,
	} {
		if got := string(Quote(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// Objects agree with encoding/json on what they hold, whatever it is and however it is written.
func TestAgainstEncodingJSON(t *testing.T) {
	t.Parallel()
	value := rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return rapid.String().Draw(t, "string")
		case 1:
			return rapid.Float64Range(-1e9, 1e9).Draw(t, "float")
		case 2:
			return rapid.SliceOf(rapid.String()).Draw(t, "array")
		}
		return rapid.MapOf(rapid.String(), rapid.Bool()).Draw(t, "object")
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.String(), value).Draw(t, "object")
		in, err := json.MarshalIndent(want, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		o, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		var compact map[string]json.RawMessage
		if err := json.Unmarshal(o.JSON(), &compact); err != nil {
			t.Fatalf("%s: %v", o, err)
		}
		members, err := o.Members()
		if err != nil || len(members) != len(want) {
			t.Fatalf("%d members of %d, %v", len(members), len(want), err)
		}
		for _, m := range members {
			if diff := cmp.Diff(string(compact[m.Key]), string(m.Value)); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// Reading takes each key once, however many there are: a search among all keys for each would not end.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&in, `,"%d":%d`, i, i)
	}
	o, err := Parse([]byte("{" + in.String()[1:] + "}"))
	if members, _ := o.Members(); err != nil || len(members) != 200_000 {
		t.Errorf("%d members, %v", len(members), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\"}"}],"c":null}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := Parse(in)
		if err != nil || !utf8.Valid(in) { // what reads records refuses other bytes
			return
		}
		if !json.Valid(o.JSON()) {
			t.Errorf("%q became %q", in, o.JSON())
		}
		again, err := Parse(o.JSON())
		if err != nil || !again.Equal(o) {
			t.Errorf("%q became %q, %v", o.JSON(), again.JSON(), err)
		}
	})
}
