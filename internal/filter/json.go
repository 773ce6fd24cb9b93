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
	expr string
	*json.Decoder
}

func parseJSON(expr string) (node, error) {
	if err := validate(expr); err != nil {
		return nil, err
	}
	d := &dict{expr, json.NewDecoder(strings.NewReader(expr))}
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
	return len(d.expr) - len(strings.TrimLeft(d.expr[end:], " \t\r\n,:"))
}

func (d *dict) errorf(offset int, format string, args ...any) error {
	return &SyntaxError{d.expr, offset, fmt.Sprintf(format, args...)}
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
func (d *dict) filter(top bool) (node, error) {
	offset := d.next()
	if d.expr[offset] != '{' {
		return nil, d.errorf(offset, "a filter must stand here: an object")
	}
	var nodes all
	err := d.members(func(offset int, key string) error {
		n, err := d.member(offset, key, top)
		nodes = append(nodes, n)
		return err
	})
	return nodes, err
}

// member reads the value of a key of a filter. As in LangChain only the
// outermost object takes a key with a dollar sign for a mistaken operator.
func (d *dict) member(offset int, key string, top bool) (node, error) {
	switch key {
	case "$and":
		return d.filters(key)
	case "$or":
		nodes, err := d.filters(key)
		return oneOf(nodes), err
	case "$not":
		n, err := d.filter(false)
		return not{n}, err
	}
	if top && strings.HasPrefix(key, "$") && !slices.Contains(langchainOperators, key) {
		return nil, d.errorf(offset, "unknown operator %q: around keys there are $and $or $not", key)
	}
	return d.field(key)
}

// filters reads the list of an operator around filters.
func (d *dict) filters(operator string) (all, error) {
	if offset := d.next(); d.expr[offset] != '[' {
		return nil, d.errorf(offset, "%s needs a list of filters", operator)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var nodes all
	for d.More() {
		n, err := d.filter(false)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	_, err := d.Token()
	return nodes, err
}

// field reads the condition on a key: operators, a list of values, or a value.
func (d *dict) field(key string) (node, error) {
	offset := d.next()
	if d.expr[offset] == '{' {
		return d.operators(key)
	}
	operand, err := d.operand()
	if err != nil {
		return nil, err
	}
	entries, ok := operand.([]any)
	if !ok {
		return leaf{key, equals(operand), equalTo(operand)}, nil
	}
	unhashable := func(v any) bool { return !hashable(v) }
	if len(entries) > setSize && slices.ContainsFunc(entries, unhashable) {
		return nil, d.errorf(offset, `lists and objects cannot stand in a list of more than %d values: write {"$in": [...]}`, setSize)
	}
	return leaf{key, in(entries), within(entries)}, nil
}

// setSize is the length from which on LangChain makes a set of a list.
const setSize = 10

func (d *dict) operators(key string) (node, error) {
	var nodes all
	err := d.members(func(offset int, operator string) error {
		operand, err := d.operand()
		if err != nil {
			return err
		}
		n, problem := condition(key, operator, operand)
		if problem != "" {
			return d.errorf(offset, "%s", problem)
		}
		nodes = append(nodes, n)
		return nil
	})
	return nodes, err
}

func (d *dict) operand() (v any, err error) {
	err = d.Decode(&v)
	return v, err
}
