package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Meta is one metadata value given for all documents of a source.
type Meta struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// object is a JSON object that keeps its keys in order and its values verbatim.
type object []Meta

// parseObject reads an object; of a key that comes twice the last value counts.
func parseObject(raw json.RawMessage) (object, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, fmt.Errorf("metadata is not a JSON object: %.40s", raw)
	}
	var o object
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		o = o.set(key.(string), value)
	}
	return o, nil
}

// set gives a key a value: in place where the key is there, else at the end.
func (o object) set(key string, value json.RawMessage) object {
	for i := range o {
		if o[i].Key == key {
			o[i].Value = value
			return o
		}
	}
	return append(o, Meta{key, value})
}

// compact is the object as the store keeps it: without blanks between values.
func (o object) compact() (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(m.Key))
		b.WriteByte(':')
		if err := json.Compact(&b, m.Value); err != nil {
			return nil, fmt.Errorf("metadata %q: %w", m.Key, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// quote is a JSON string with <, > and & as they are.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
