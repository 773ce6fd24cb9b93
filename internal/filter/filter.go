// Package filter decides which metadata a search may answer from.
//
// A filter is written in LangChain's dict syntax, as JSON, or in a short form
// for the shell (KEY OPERATOR VALUE); both become one small tree. The tree is
// evaluated in two ways that give the same answer: [Filter.Match] looks at one
// metadata object, [Filter.Find] at the typed values that a store keeps. [Walk]
// visits it for others, such as an engine that compiles it to SQL.
//
// Values compare as in Python, which LangChain's filters are written in: 1,
// 1.0 and true are equal, integers are exact whatever their size, strings have
// the order of their code points, a key that is missing is null. Two things
// differ on purpose: comparing what has no order is false and no error, and
// keys beside $and, $or and $not must hold too. What cannot be a filter is a
// [*SyntaxError], never a filter that matches nothing.
package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Filter is a condition on a document's metadata and its source. It may be used by
// many goroutines. A nil Filter matches everything.
type Filter struct {
	expr    expr
	root    node   // the same, to be evaluated
	sources []leaf // of root, those about sources
}

// Parse reads expressions that must all hold, each an object in LangChain's
// syntax or a short form. No expressions give a nil Filter. Errors are of type
// *SyntaxError.
func Parse(exprs ...string) (*Filter, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	var root every
	for _, text := range exprs {
		e, err := parse(text)
		if err != nil {
			return nil, err
		}
		root = append(root, e)
	}
	f := &Filter{expr: root}
	f.root = Walk[node](f, compiler{})
	f.sources = onSources(f.root)
	return f, nil
}

// Keys returns the metadata keys that the filter names, in order and without SourceKey.
func (f *Filter) Keys() []string { return appendKeys(nil, f.expr) }

func appendKeys(keys []string, e expr) []string {
	switch e := e.(type) {
	case every:
		for _, part := range e {
			keys = appendKeys(keys, part)
		}
	case negation:
		keys = appendKeys(keys, e.expr)
	case condition:
		if e.key != SourceKey && !slices.Contains(keys, e.key) {
			keys = append(keys, e.key)
		}
	}
	return keys
}

func parse(text string) (expr, error) {
	if !utf8.ValidString(text) {
		return nil, &SyntaxError{text, strings.IndexRune(text, utf8.RuneError), "not UTF-8"}
	}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseJSON(text)
	}
	return parseShort(text)
}

// Match tells whether the filter holds for a metadata object. What is none
// gives ErrMetadata.
func (f *Filter) Match(metadata json.RawMessage) (bool, error) {
	if f == nil {
		return true, nil
	}
	object, err := decodeObject(metadata)
	if err != nil {
		return false, err
	}
	return f.root.match(object), nil
}

// ErrMetadata says that what should be a metadata object is none.
var ErrMetadata = errors.New("not a JSON object")

func decodeObject(raw []byte) (map[string]any, error) {
	v, err := decode(raw)
	object, ok := v.(map[string]any)
	if err == nil && !ok {
		err = ErrMetadata
	}
	return object, err
}

// decode reads JSON without rounding its numbers.
func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", ErrMetadata)
	}
	return v, nil
}
