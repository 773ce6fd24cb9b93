package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// dict reads a filter in LangChain's syntax. Its text is known to be JSON, so
// the decoder itself meets no error.
type dict struct {
	text string
	*json.Decoder
}

func parseJSON(text string) (expr, error) {
	if err := validate(text); err != nil {
		return nil, err
	}
	d := &dict{text, json.NewDecoder(strings.NewReader(text))}
	d.UseNumber()
	return d.filter(true)
}

// validate says where an expression is not one JSON value.
func validate(expr string) error {
	d := json.NewDecoder(strings.NewReader(expr))
	var value json.RawMessage
	err := d.Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return &SyntaxError{expr, max(int(syntax.Offset)-1, 0), syntax.Error()}
	case err != nil:
		return &SyntaxError{expr, len(expr), "the JSON object does not end"}
	}
	end := int(d.InputOffset())
	if rest := strings.TrimLeft(expr[end:], " \t\r\n"); rest != "" {
		return &SyntaxError{expr, len(expr) - len(rest), "something follows the JSON object"}
	}
	return nil
}

// next is the offset of the next key or value.
func (d *dict) next() int {
	end := int(d.InputOffset())
	return len(d.text) - len(strings.TrimLeft(d.text[end:], " \t\r\n,:"))
}

func (d *dict) errorf(offset int, format string, args ...any) error {
	return &SyntaxError{d.text, offset, fmt.Sprintf(format, args...)}
}

// members calls f with the place of each key of an object; f reads the value.
func (d *dict) members(f func(offset int, key string) error) error {
	if _, err := d.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		offset := d.next()
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if seen[key] {
			return d.errorf(offset, "the key %q is given twice", key)
		}
		seen[key] = true
		if err := f(offset, key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// filter reads an object whose members must all hold.
func (d *dict) filter(top bool) (expr, error) {
	offset := d.next()
	if d.text[offset] != '{' {
		return nil, d.errorf(offset, "a filter must stand here: an object")
	}
	var parts every
	err := d.members(func(offset int, key string) error {
		e, err := d.member(offset, key, top)
		parts = append(parts, e)
		return err
	})
	return parts, err
}

// member reads the value of a key of a filter. As in LangChain only the
// outermost object takes a key with a dollar sign for a mistaken operator.
func (d *dict) member(offset int, key string, top bool) (expr, error) {
	switch key {
	case "$and":
		return d.filters(key)
	case "$or":
		parts, err := d.filters(key)
		return oneOf(parts), err
	case "$not":
		e, err := d.filter(false)
		return negation{e}, err
	}
	if top && strings.HasPrefix(key, "$") && !slices.Contains(langchainOperators, key) {
		return nil, d.errorf(offset, "unknown operator %q: around keys there are $and $or $not", key)
	}
	return d.field(key)
}

// filters reads the list of an operator around filters.
func (d *dict) filters(operator string) (every, error) {
	if offset := d.next(); d.text[offset] != '[' {
		return nil, d.errorf(offset, "%s needs a list of filters", operator)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var parts every
	for d.More() {
		e, err := d.filter(false)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	_, err := d.Token()
	return parts, err
}

// field reads the condition on a key: operators, a list of values, or a value.
func (d *dict) field(key string) (expr, error) {
	offset := d.next()
	if d.text[offset] == '{' {
		return d.operators(key)
	}
	operand, err := d.operand()
	if err != nil {
		return nil, err
	}
	entries, ok := operand.([]any)
	if !ok {
		return condition{key: key, operator: "$eq", operand: operand}, nil
	}
	unhashable := func(v any) bool { return !hashable(v) }
	if len(entries) > setSize && slices.ContainsFunc(entries, unhashable) {
		return nil, d.errorf(offset, `lists and objects cannot stand in a list of more than %d values: write {"$in": [...]}`, setSize)
	}
	return condition{key: key, operator: "$in", operand: entries}, nil
}

// setSize is the length from which on LangChain makes a set of a list.
const setSize = 10

func (d *dict) operators(key string) (expr, error) {
	var parts every
	err := d.members(func(offset int, operator string) error {
		operand, err := d.operand()
		if err != nil {
			return err
		}
		e, problem := newCondition(key, operator, operand)
		if problem != "" {
			return d.errorf(offset, "%s", problem)
		}
		parts = append(parts, e)
		return nil
	})
	return parts, err
}

func (d *dict) operand() (v any, err error) {
	err = d.Decode(&v)
	return v, err
}
