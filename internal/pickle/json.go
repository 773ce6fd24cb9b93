package pickle

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sheaf/internal/metadata"
	"sheaf/internal/pyfloat"
)

// Notes say what is lost when a value is written as JSON.
type Notes struct {
	Mapped  bool   // it has types that JSON does not have
	Unknown string // the name of the first class in it that is not known
	Opaque  string // of the first such class that is not called as for a member of an enum
}

// AppendJSON appends a value as JSON. Types that JSON does not have become what
// docs/langchain.md lists. The caller should check [Weight] first, since a small
// pickle can hold a large value.
func AppendJSON(dst []byte, v Value) ([]byte, Notes, error) {
	var w jsonWriter
	dst, err := w.value(dst, v)
	return dst, w.notes, err
}

// jsonWriter appends values as JSON.
type jsonWriter struct {
	notes  Notes
	inCall bool // within the text of an Unknown
}

func (w *jsonWriter) value(dst []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case none:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case *big.Int:
		return v.Append(dst, 10), nil
	case float64:
		w.notes.Mapped = w.notes.Mapped || math.IsNaN(v) || math.IsInf(v, 0)
		return appendFloat(dst, v), nil
	case string:
		return metadata.AppendQuoted(dst, v), nil
	case *List:
		return w.list(dst, v.Items)
	case *Dict:
		return w.dict(dst, v)
	case *Object:
		if !v.Class.object && v.State != nil {
			return w.value(dst, v.State)
		}
	default:
		w.notes.Mapped = true
		return w.foreign(dst, v)
	}
	return dst, fmt.Errorf("%s is no value", Describe(v))
}

// foreign appends a value of a type that JSON does not have.
func (w *jsonWriter) foreign(dst []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case timeDelta:
		return appendFloat(dst, v.seconds()), nil
	case zoneInfo:
		return metadata.AppendQuoted(dst, string(v)), nil
	case Plain:
		return metadata.AppendQuoted(dst, string(v)), nil
	case *Bytes:
		b, err := v.read()
		return metadata.AppendQuoted(dst, base64.StdEncoding.EncodeToString(b)), err
	case *Tuple:
		return w.list(dst, v.Items)
	case *Set:
		return w.set(dst, v.Items)
	case *Array:
		rows, err := v.rows()
		if err != nil {
			return dst, err
		}
		return w.value(dst, rows)
	case *Unknown:
		return w.unknown(dst, v)
	case *Class:
		return metadata.AppendQuoted(dst, w.opaque(v)), nil
	case timeZone:
		return metadata.AppendQuoted(dst, v.name()), nil
	}
	return dst, fmt.Errorf("%s is no value", Describe(v))
}

// unknown appends what the class was called with, if that is one value as for a
// member of an enum, and otherwise a text that shows the call. A call within a call
// is not quoted again: the quotes would double the text each time.
func (w *jsonWriter) unknown(dst []byte, u *Unknown) ([]byte, error) {
	if u.isMember() {
		w.notes.Unknown = cmp.Or(w.notes.Unknown, u.Class.Name)
		return w.value(dst, u.Items[0])
	}
	name := w.opaque(u.Class)
	if u.attribute != "" {
		name += "." + u.attribute
	} else if len(u.Items) == 1 {
		if _, ok := u.Items[0].(container); !ok {
			return w.value(dst, u.Items[0])
		}
	}
	outer := w.inCall
	w.inCall = true
	items, err := w.list(nil, u.Items)
	w.inCall = outer
	if err != nil {
		return dst, err
	}
	if len(u.Items) > 0 || u.attribute == "" {
		name += "(" + string(items[1:len(items)-1]) + ")"
	}
	if outer {
		return append(dst, name...), nil
	}
	return metadata.AppendQuoted(dst, spaced([]byte(name))), nil
}

// isMember reports whether a class was called as Python makes a member of an enum: with its value.
// What is named like a function is none.
func (u *Unknown) isMember() bool {
	name := u.Class.plain[strings.LastIndexByte(u.Class.plain, '.')+1:]
	if first, _ := utf8.DecodeRuneInString(name); len(u.Items) != 1 || u.attribute != "" || !unicode.IsUpper(first) || strings.HasPrefix(u.Class.plain, "builtins.") {
		return false
	}
	switch u.Items[0].(type) {
	case string, int64, *big.Int, float64, bool:
		return true
	}
	return false
}

// opaque returns the name of a class of which nobody can say what its instances stand for.
func (w *jsonWriter) opaque(c *Class) string {
	w.notes.Unknown, w.notes.Opaque = cmp.Or(w.notes.Unknown, c.Name), cmp.Or(w.notes.Opaque, c.Name)
	return c.Name
}

func (w *jsonWriter) list(dst []byte, items []Value) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = w.value(dst, item); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// set appends a set as a list, sorted by the JSON text of the items and without
// duplicates of that.
func (w *jsonWriter) set(dst []byte, items []Value) ([]byte, error) {
	texts := make([]string, len(items))
	for i, item := range items {
		b, err := w.value(nil, item)
		if err != nil {
			return dst, err
		}
		texts[i] = string(b)
	}
	slices.Sort(texts)
	dst = append(dst, '[')
	for i, text := range slices.Compact(texts) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, text...)
	}
	return append(dst, ']'), nil
}

// dict appends an object. Of entries with the same name the first one gives the
// position and the last one the value.
func (w *jsonWriter) dict(dst []byte, d *Dict) (_ []byte, err error) {
	keys, last, err := w.keys(d)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	written := 0
	for _, key := range keys {
		i := last[key]
		if i < 0 {
			continue
		}
		last[key] = -1
		if written++; written > 1 {
			dst = append(dst, ',')
		}
		dst = append(metadata.AppendQuoted(dst, key), ':')
		if dst, err = w.value(dst, d.Entries[i].Value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// keys returns the name of each entry of a dict in an object, and the last entry
// of each name. The name of a key that is not a text is its [KeyText], with #2, #3
// and so on if another key has that.
func (w *jsonWriter) keys(d *Dict) (keys []string, last map[string]int, err error) {
	keys, last = make([]string, len(d.Entries)), make(map[string]int, len(d.Entries))
	texts := 0
	for i, e := range d.Entries {
		if text, ok := e.Key.(string); ok {
			keys[i], last[text] = text, i
			texts++
		}
	}
	if texts == len(keys) {
		return keys, last, nil
	}
	w.notes.Mapped = true
	again := map[string]int{}
	for i, e := range d.Entries {
		if _, ok := e.Key.(string); ok {
			continue
		}
		name, err := w.key(e.Key)
		if err != nil {
			return nil, nil, err
		}
		keys[i] = name
		for taken := true; taken; {
			if _, taken = last[keys[i]]; taken {
				again[name]++
				keys[i] = name + "#" + strconv.Itoa(again[name]+1)
			}
		}
		last[keys[i]] = i
	}
	return keys, last, nil
}

// KeyText returns a key of a dict, or an id, as a text: a text itself, a value that
// is a text in JSON as that, and any other value as its JSON, with a space after
// each comma and colon.
func KeyText(v Value) (string, error) { return new(jsonWriter).key(v) }

func (w *jsonWriter) key(v Value) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := w.value(nil, v)
	if err != nil {
		return "", err
	}
	if b[0] == '"' {
		return metadata.Unquote(b), nil
	}
	return spaced(b), nil
}

// spaced returns compact JSON with the spaces that Python writes.
func spaced(b []byte) string {
	out := make([]byte, 0, len(b))
	quoted, escaped := false, false
	for _, c := range b {
		out = append(out, c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return string(out)
}

// appendFloat appends a float as Python's repr does, so that 3.0 stays a float,
// and one that JSON does not have as a text.
func appendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	return pyfloat.Append(dst, x)
}
