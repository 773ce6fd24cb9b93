package pickle_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sheaf/internal/pickle"
)

// TestStream: states are complete when they are streamed, and what they have in
// common is shared through the memo.
func TestStream(t *testing.T) {
	t.Parallel()
	stream := "](ct\nDoc\n)\x81}q\x00(" + short("a") + "](K\x01eq\x01" + short("b") + "K\x02ub" +
		"ct\nDoc\n)\x81q\x02}(" + short("a") + "h\x01" + short("n") + cSet + "](K\x05e\x85Rubh\x02e."
	var states []string
	v, err := loadWith(stream, pickle.Options{Object: things, Stream: func(state *pickle.Dict) (pickle.Value, error) {
		b, _, err := pickle.AppendJSON(nil, state)
		states = append(states, string(b))
		return int64(len(states)), err
	}})
	if err != nil {
		t.Fatal(err)
	}
	items := v.(*pickle.List).Items
	if want := []string{`{"a":[1],"b":2}`, `{"a":[1],"n":[5]}`}; len(items) != 3 || fmt.Sprint(states) != fmt.Sprint(want) {
		t.Fatalf("%v, states %q", items, states)
	}
	for i, want := range []int64{1, 2, 2} {
		if got := items[i].(*pickle.Object).State; got != want {
			t.Errorf("object %d stands for state %v, want %d", i, got, want)
		}
	}
	_, err = loadWith("ct\nDoc\n)\x81}b.", pickle.Options{Object: things, Stream: func(*pickle.Dict) (pickle.Value, error) { return nil, errors.New("no") }})
	if err == nil || err.Error() != "byte 10: no" {
		t.Errorf("%v", err)
	}
}

// TestStatesApart: a dict and a set of one state that the memo has stay what they are in the next one.
func TestStatesApart(t *testing.T) {
	t.Parallel()
	stream := "(ct\nDoc\nq\x00)\x81}(" + short("a") + "}" + short("x") + "K\x01sq\x01" + short("b") + "\x8f(K\x05\x90q\x02ub" +
		"h\x00)\x81}(" + short("a") + "}" + short("y") + "K\x02s" + short("b") + "\x8f(K\x06\x90" + short("c") + "h\x01" + short("d") + "h\x02ubt."
	var states []string
	_, err := loadWith(stream, pickle.Options{Object: things, Stream: func(state *pickle.Dict) (pickle.Value, error) {
		b, _, err := pickle.AppendJSON(nil, state)
		states = append(states, string(b))
		return pickle.None, err
	}})
	if want := []string{`{"a":{"x":1},"b":[5]}`, `{"a":{"y":2},"b":[6],"c":{"x":1},"d":[5]}`}; err != nil || fmt.Sprint(states) != fmt.Sprint(want) {
		t.Errorf("%q, %v, want %q", states, err, want)
	}
}

// TestUnknown: where it is allowed, a class that is not known does not end the
// reading, and its instances are written so that a person sees what they were.
func TestUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct{ value, want string }{
		{"capp\nColor\nK\x03\x85R", "3"}, {"capp\nColor\n" + short("red") + "\x85R", `"red"`}, // an enum's member
		{"cbuiltins\ngetattr\ncapp\nColor\n" + short("RED") + "\x86R", `"app.Color.RED"`},
		{"cos\nsystem\nVrm\nK\x01\x86R", `"os.system(\"rm\", 1)"`}, {"cos\nsystem\n)R", `"os.system()"`}, {"capp\nColor\n", `"app.Color"`},
		{"capp\nThing\n)\x81}Va\nK\x01sb", `"app.Thing({\"a\": 1})"`}, {"capp\nThing\nK\x02\x85}Va\nK\x01s\x92", `"app.Thing(2, {\"a\": 1})"`},
		{"capp\nList\n)R(K\x01K\x02e", `"app.List(1, 2)"`}, {"capp\nDict\n)R(K\x01K\x02u", `"app.Dict(1, 2)"`}, {"capp\nList\n)RK\x01a", "1"},
		{"cbuiltins\ngetattr\ncapp\nColor\n" + short("make") + "\x86RK\x01K\x02\x86R", `"app.Color.make([1, 2])"`},
		{"capp\nA\nVx\ncapp\nB\nVy\nVz\n\x86R\x86R", `"app.A(\"x\", app.B(\"y\", \"z\"))"`},
		{"](capp\nf\nK\x01K\x02\x86Rcapp\nf\nK\x01K\x02\x86Re", `["app.f(1, 2)","app.f(1, 2)"]`}, {"cbuiltins\ngetattr\ncapp\nColor\n" + short("RED") + "\x86RK\x05b", `"app.Color.RED(5)"`},
		{"capp\nkind\nK\x03\x85R", "3"}, {"cbuiltins\nValueError\nVx\n\x85R", `"x"`},
		{"]capp\nColor\nK\x03\x85Ra", "[3]"}, {"}capp\nColor\nVa\nVb\n\x86RK\x01s", `{"app.Color(\"a\", \"b\")":1}`},
	}
	for _, tt := range tests {
		var got string
		var notes pickle.Notes
		o := pickle.Options{Object: things, Unknown: true, Stream: func(state *pickle.Dict) (_ pickle.Value, err error) {
			v, _ := state.Get("v")
			b, n, err := pickle.AppendJSON(nil, v)
			got, notes = string(b), n
			return pickle.None, err
		}}
		stream := "ct\nDoc\n)\x81}Vv\n" + tt.value + "sb."
		if _, err := loadWith(stream, o); err != nil || got != tt.want || notes.Unknown == "" {
			t.Errorf("%q: %s, %v, %v, want %s", tt.value, got, notes, err, tt.want)
		}
		o.Unknown = false
		_, err := loadWith(stream, o)
		if unknown := (*pickle.UnknownClassError)(nil); !errors.As(err, &unknown) || !unknown.Streamed || unknown.Name != notes.Unknown {
			t.Errorf("%q: %v, want an UnknownClassError", tt.value, err)
		}
		o.Unknown = true
		_, err = loadWith(tt.value+".", o)
		if unknown := (*pickle.UnknownClassError)(nil); !errors.As(err, &unknown) || unknown.Streamed {
			t.Errorf("%q: %v, want an UnknownClassError", tt.value, err)
		}
	}
}

// TestUnknownNested: quotes within quotes do not make a text larger than its weight.
func TestUnknownNested(t *testing.T) {
	t.Parallel()
	call := strings.Repeat("capp\nA\nVx\n", 150) + "N" + strings.Repeat("\x86R", 150)
	for _, value := range []string{call, "}" + call + "Ns"} {
		var weight int64
		var written []byte
		_, err := loadWith("ct\nDoc\n)\x81}Vv\n"+value+"sb.", pickle.Options{Object: things, Unknown: true, Stream: func(state *pickle.Dict) (_ pickle.Value, err error) {
			weight = pickle.Weight(state)
			written, _, err = pickle.AppendJSON(nil, state)
			return pickle.None, err
		}})
		if err != nil || int64(len(written)) > weight {
			t.Errorf("%d bytes of weight %d, %v", len(written), weight, err)
		}
	}
	for _, changed := range []string{"]\x85RNb", "N\x85R]b"} { // a list among what it was made of
		_, err := loadWith("ct\nDoc\n)\x81}Vv\n}capp\nA\n"+changed+"Nssb.", pickle.Options{Object: things, Unknown: true, Stream: options.Stream})
		if err == nil || !strings.Contains(err.Error(), "cannot be a key") {
			t.Errorf("%q: %v, want an error about a key that is a list", changed, err)
		}
	}
	nested := strings.Repeat("}capp\nA\n", 3) + "NN\x86R" + strings.Repeat("Ns\x85R", 3)
	_, err := loadWith("ct\nDoc\n)\x81}Vv\n"+nested+"sb.", pickle.Options{Object: things, Unknown: true, Stream: options.Stream})
	if err == nil || !strings.Contains(err.Error(), "cannot be a key") {
		t.Errorf("%v, want an error about a key with keys in it", err)
	}
}

// TestOpaque tells members of enums from what nobody can read: functions, exceptions, classes.
func TestOpaque(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"capp\nColor\nK\x03\x85R": "", "capp.kinds\nElement.Kind\n" + short("a") + "\x85R": "",
		"capp\ncolor\nK\x03\x85R": "app.color", "cbuiltins\nValueError\n" + short("a") + "\x85R": "builtins.ValueError", "cbuiltins\nlist\n": "builtins.list",
		"capp\nColor\nK\x03K\x04\x86R": "app.Color", "capp\nColor\n]\x85R": "app.Color", "capp\nColor\n": "app.Color",
		"capp\nColor\ncapp\nOther\nK\x01\x85R\x85R": "app.Color",
	} {
		var notes pickle.Notes
		_, err := loadWith("ct\nDoc\n)\x81}Vv\n"+value+"sb.", pickle.Options{Object: things, Unknown: true, Stream: func(state *pickle.Dict) (_ pickle.Value, err error) {
			v, _ := state.Get("v")
			_, notes, err = pickle.AppendJSON(nil, v)
			return pickle.None, err
		}})
		if err != nil || notes.Opaque != want || notes.Unknown == "" {
			t.Errorf("%q: %+v, %v, want %q", value, notes, err, want)
		}
	}
}
