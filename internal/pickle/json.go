package pickle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// AppendJSON appends a value as JSON: what JSON knows as it is, the other
// types as docs/langchain.md lists them, which mapped tells of. The caller looks
// at [Weight] first, for a small pickle can hold a large value.
func AppendJSON(dst []byte, v Value) (_ []byte, mapped bool, err error) {
	var w jsonWriter
	dst, err = w.value(dst, v)
	return dst, w.mapped, err
}

// jsonWriter appends values as JSON.
type jsonWriter struct {
	mapped bool // something was no type of JSON's
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
		w.mapped = w.mapped || math.IsNaN(v) || math.IsInf(v, 0)
		return appendFloat(dst, v), nil
	case string:
		return appendText(dst, v), nil
	case *List:
		return w.list(dst, v.Items)
	case *Dict:
		return w.dict(dst, v)
	case *Object:
		if !v.Class.object && v.State != nil {
			return w.value(dst, v.State)
		}
	default:
		w.mapped = true
		return w.foreign(dst, v)
	}
	return dst, fmt.Errorf("%s is no value", describe(v))
}

// foreign appends a value of a type that JSON does not have.
func (w *jsonWriter) foreign(dst []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case timeDelta:
		return appendFloat(dst, v.seconds()), nil
	case Plain:
		return appendText(dst, string(v)), nil
	case *Bytes:
		b, err := v.read()
		return appendText(dst, base64.StdEncoding.EncodeToString(b)), err
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
	}
	return dst, fmt.Errorf("%s is no value", describe(v))
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

// set writes a set, which has no order, in the order of its items' JSON, and
// what is the same as JSON once.
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

// dict writes an object. Keys that are no texts become their JSON text or, where
// another key has that, one with a number behind it. Of texts that are the same,
// which Python does not write, the first gives the place and the last the value.
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
		dst = append(appendText(dst, key), ':')
		if dst, err = w.value(dst, d.Entries[i].Value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// keys are the names of a dict's entries in an object, and the last entry of each
// name. Texts keep theirs.
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
	w.mapped = true
	again := map[string]int{}
	for i, e := range d.Entries {
		if _, ok := e.Key.(string); ok {
			continue
		}
		name, err := KeyText(e.Key)
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

// KeyText is what a key of a dict, or an id, is as text: itself; for a type that
// becomes a text as a value, that; for any other its JSON, with a blank after
// each comma and colon.
func KeyText(v Value) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, _, err := AppendJSON(nil, v)
	if err != nil {
		return "", err
	}
	if b[0] == '"' {
		var text string
		err := json.Unmarshal(b, &text)
		return text, err
	}
	return spaced(b), nil
}

// spaced is JSON as Python writes it.
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

// appendFloat writes a float as Python's repr does, so that 3.0 stays a float;
// JSON has no word for what is not finite.
func appendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	text := strconv.FormatFloat(x, 'e', -1, 64)
	mantissa := bytes.IndexByte([]byte(text), 'e')
	exponent, _ := strconv.Atoi(text[mantissa+1:])
	if exponent < -4 || exponent >= 16 {
		return append(dst, text...)
	}
	text = strconv.FormatFloat(x, 'f', -1, 64)
	if dst = append(dst, text...); !bytes.ContainsRune([]byte(text), '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

// complexText writes a complex number as Python's str does.
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
	return string(bytes.TrimSuffix(appendFloat(nil, x), []byte(".0")))
}

// appendText writes a JSON string, with <, > and & as they are.
func appendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return appendEscaped(dst, s)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func appendEscaped(dst []byte, s string) []byte {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // every string has a JSON form, and a buffer takes it
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// unsigned is an integer that may not fit int64.
func unsigned(n uint64) Value {
	return integer(new(big.Int).SetUint64(n))
}
