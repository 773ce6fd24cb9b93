// Package metadata holds the metadata of documents: JSON objects that keep what was written.
//
// An [Object] is made once, where a record is read, and carried to the database. It has its JSON without blanks between
// values, and its members in the order in which they came; numbers and escapes inside values stay as they were written.
package metadata

import (
	"encoding/json"
	"errors"
)

// Object is a JSON object. It does not change, and copies share it. The zero Object has no members.
type Object struct {
	text    []byte
	members []Member // nil: there are none, or text was not read yet
}

// Member is a key of an object with its value.
type Member struct {
	Key   string
	Value []byte // JSON without blanks; must not be changed
}

// errNotObject is the error of bytes that are not one JSON object.
var errNotObject = errors.New("metadata is not a JSON object")

// Raw returns the object that text, which must not be changed afterwards, holds without blanks between values. Whether
// it does is checked when members are asked for.
func Raw(text []byte) Object { return Object{text: text} }

// Parse returns the object that text holds, with its members read.
func Parse(text []byte) (Object, error) {
	if !json.Valid(text) || skipBlanks(text)[0] != '{' {
		return Object{}, errNotObject
	}
	var b Builder
	for key, value := range Scan(text) {
		b.Set(key, value)
	}
	return b.Object(), nil
}

// JSON returns the object as JSON without blanks. It must not be changed.
func (o Object) JSON() []byte {
	if o.text == nil {
		return []byte("{}")
	}
	return o.text
}

// MarshalJSON returns the object as JSON.
func (o Object) MarshalJSON() ([]byte, error) { return o.JSON(), nil }

// String returns the object as JSON.
func (o Object) String() string { return string(o.JSON()) }

// Equal reports whether two objects have the same JSON.
func (o Object) Equal(p Object) bool { return string(o.JSON()) == string(p.JSON()) }

// Read returns the object with its members read, so that they are not read again by each who asks for them. An error is
// possible only after [Raw].
func (o Object) Read() (Object, error) {
	var err error
	o.members, err = o.Members()
	return o, err
}

// Members returns the members in their order, each key once. An error is possible only after [Raw].
func (o Object) Members() ([]Member, error) {
	if o.members == nil && o.text != nil {
		parsed, err := Parse(o.text)
		return parsed.members, err
	}
	return o.members, nil
}

// Text returns the string that is the value of a key, "" where there is none.
func (o Object) Text(key string) string {
	members, err := o.Members()
	if err != nil {
		return ""
	}
	for _, m := range members {
		if m.Key == key && m.Value[0] == '"' {
			return Unquote(m.Value)
		}
	}
	return ""
}

// Builder collects the members of an object. Of a key that comes again the last value counts, in the first place.
type Builder struct {
	members []Member
	places  map[string]int // of keys in members
}

// Reset removes all members.
func (b *Builder) Reset() {
	b.members = b.members[:0]
	clear(b.places)
}

// Len returns the number of members.
func (b *Builder) Len() int { return len(b.members) }

// Place returns the place of a key among the members, and whether it is one.
func (b *Builder) Place(key string) (place int, ok bool) {
	place, ok = b.places[key]
	return place, ok
}

// Set gives a key a value, which must be valid JSON and stay as it is until Object returns.
func (b *Builder) Set(key string, value []byte) {
	if b.places == nil {
		b.places = map[string]int{}
	}
	i, ok := b.places[key]
	if !ok {
		i = len(b.members)
		b.places[key] = i
		b.members = append(b.members, Member{Key: key})
	}
	b.members[i].Value = value
}

// Object returns the object, which keeps nothing of what was set.
func (b *Builder) Object() Object {
	if len(b.members) == 0 {
		return Object{}
	}
	size := len("{}")
	for _, m := range b.members {
		size += len(m.Key) + len(m.Value) + len(`"":,`)
	}
	text, ends := append(make([]byte, 0, size), '{'), make([]int, 0, 2*len(b.members))
	for i, m := range b.members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(AppendQuoted(text, m.Key), ':')
		start := len(text)
		text = appendCompact(text, m.Value)
		ends = append(ends, start, len(text))
	}
	o := Object{text: append(text, '}'), members: make([]Member, len(b.members))}
	for i, m := range b.members {
		o.members[i] = Member{m.Key, o.text[ends[2*i]:ends[2*i+1]]}
	}
	return o
}
