package ingest

import (
	"encoding/json"
	"testing"
)

func TestObject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"order and big integers survive", `{"z": 12345678901234567890, "a": [1, 2.50]}`, `{"z":12345678901234567890,"a":[1,2.50],"k":"v"}`},
		{"a given key wins, in its place", `{"k": 1, "b": 2}`, `{"k":"v","b":2}`},
		{"the last of equal keys counts", `{"b": 1, "b": 2}`, `{"b":2,"k":"v"}`},
		{"none", ``, `{"k":"v"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, err := parseObject(json.RawMessage(c.in))
			if err != nil {
				t.Fatal(err)
			}
			got, err := o.set("k", quote("v")).compact()
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	for _, in := range []string{`[1]`, `3`, `{"a"`, `{"a": }`} {
		if o, err := parseObject(json.RawMessage(in)); err == nil {
			t.Errorf("%s is read as %v", in, o)
		}
	}
	if got := string(quote("<a & \"b\">")); got != `"<a & \"b\">"` {
		t.Errorf("quoted: %s", got)
	}
}
