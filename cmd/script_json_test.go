package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// checkJSON compares a value in a file of one or more JSON values with the JSON
// text that it should be: json FILE PATH WANT. The path is made of keys and
// indexes, as in 0.hits.1.score, beginning with the index of the value in the
// file; len at its end is the length of an array.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] json FILE PATH WANT")
	}
	got, err := lookUp(ts.ReadFile(args[0]), args[1])
	ts.Check(err)
	if (string(got) == args[2]) == neg {
		ts.Fatalf("%s of %s is %s, want %s", args[1], args[0], got, args[2])
	}
}

// checkKeys compares the keys of an object, in order: keys FILE PATH KEY...
func checkKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: keys FILE PATH KEY...")
	}
	object, err := lookUp(ts.ReadFile(args[0]), args[1])
	ts.Check(err)
	keys, err := keysOf(object)
	ts.Check(err)
	if got, want := strings.Join(keys, " "), strings.Join(args[2:], " "); got != want {
		ts.Fatalf("the keys of %s are\n%s, want\n%s", args[1], got, want)
	}
}

// lookUp returns the compact JSON text at a path of text.
func lookUp(text, path string) (json.RawMessage, error) {
	var values []json.RawMessage
	d := json.NewDecoder(strings.NewReader(text))
	for d.More() {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%w in %q", err, text)
		}
		values = append(values, v)
	}
	whole, err := marshal(values)
	if err != nil {
		return nil, err
	}
	at := json.RawMessage(whole)
	for step := range strings.SplitSeq(path, ".") {
		if at, err = stepInto(at, step); err != nil {
			return nil, fmt.Errorf("%s at %q: %w in %s", path, step, err, text)
		}
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, at)
	return compact.Bytes(), err
}

func stepInto(at json.RawMessage, step string) (json.RawMessage, error) {
	if !bytes.HasPrefix(at, []byte("[")) {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(at, &object); err != nil {
			return nil, err
		}
		v, ok := object[step]
		if !ok {
			return nil, errors.New("no such key")
		}
		return v, nil
	}
	var array []json.RawMessage
	if err := json.Unmarshal(at, &array); err != nil {
		return nil, err
	}
	if step == "len" {
		return []byte(strconv.Itoa(len(array))), nil
	}
	i, err := strconv.Atoi(step)
	if err != nil || i >= len(array) {
		return nil, fmt.Errorf("no such element among %d", len(array))
	}
	return array[i], nil
}

func keysOf(object json.RawMessage) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var keys []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		keys = append(keys, fmt.Sprint(key))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func TestLookUp(t *testing.T) {
	t.Parallel()
	const text = `{"a": {"b": [1, {"c": "d"}]}, "e": []}` + "\n" + `{"n": 2.50}`
	tests := []struct{ path, want string }{
		{"0.a.b.1.c", `"d"`}, {"0.a.b.len", "2"}, {"0.e.len", "0"}, {"1.n", "2.50"}, {"len", "2"},
	}
	for _, tt := range tests {
		if got, err := lookUp(text, tt.path); err != nil || string(got) != tt.want {
			t.Errorf("lookUp(%q) = %s, %v, want %s", tt.path, got, err, tt.want)
		}
	}
	for _, path := range []string{"0.x", "0.a.b.7", "0.a.b.0.c"} {
		if got, err := lookUp(text, path); err == nil {
			t.Errorf("lookUp(%q) = %s, want an error", path, got)
		}
	}
}
