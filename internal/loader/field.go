package loader

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Fields are names of fields. In JSON one name stands by itself, and "" for none.
type Fields []string

// MarshalJSON implements [json.Marshaler].
func (f Fields) MarshalJSON() ([]byte, error) {
	switch len(f) {
	case 0:
		return json.Marshal("")
	case 1:
		return json.Marshal(f[0])
	}
	return json.Marshal([]string(f))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Fields) UnmarshalJSON(data []byte) error {
	var name string
	if json.Unmarshal(data, &name) != nil {
		return json.Unmarshal(data, (*[]string)(f))
	}
	if *f = nil; name != "" {
		*f = Fields{name}
	}
	return nil
}

// knownTextFields are those that hold the text where the user names none: ours, and LangChain's. The first that a record
// has is its text.
var knownTextFields = Fields{"text", "page_content"}

// textFields returns the names of the fields that may hold a text.
func (o *ReadOptions) textFields() Fields {
	if len(o.TextFields) == 0 {
		return knownTextFields
	}
	return o.TextFields
}

// IsZero reports whether nothing was asked for.
func (o ReadOptions) IsZero() bool { return reflect.ValueOf(o).IsZero() }

// check fills in the names of fields that were not given, and returns an error where two are the same.
func (o *ReadOptions) check() error {
	for _, f := range []struct {
		name     *string
		standard string
	}{{&o.IDField, "id"}, {&o.VectorField, "vector"}} {
		if *f.name == "" {
			*f.name = f.standard
		}
	}
	all := slices.Sorted(slices.Values(append([]string{o.IDField, o.VectorField}, o.textFields()...)))
	if len(slices.Compact(slices.Clone(all))) < len(all) {
		return fmt.Errorf("text, id and vector need different fields, not %s, %q and %q", quoted(o.textFields()), o.IDField, o.VectorField)
	}
	return nil
}

// NoTextError is the error of a file of records without a field that holds their text.
type NoTextError struct {
	Wanted []string // the fields that were looked for
	Has    []string // the fields of the first record
}

func (e *NoTextError) Error() string {
	return fmt.Sprintf("no field %s (it has %s): --text-field names the one to search, --format text reads the file as it is",
		strings.Join(quotedAll(e.Wanted), " or "), quoted(e.Has))
}

// listedNames is how many names a message lists.
const listedNames = 20

// quoted lists names.
func quoted(names []string) string {
	more := len(names) - listedNames
	if more <= 0 {
		return strings.Join(quotedAll(names), ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(quotedAll(names[:listedNames]), ", "), more)
}

func quotedAll(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf("%q", name))
	}
	return all
}
