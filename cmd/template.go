package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"sheaf/internal/hint"
)

// templateFields are the JSON fields of a hit.
var templateFields = []string{
	"rank", "id", "score", "relevance", "text", "metadata", "source", "start_line", "end_line", "vector",
}

// parseTemplate parses a template over the JSON fields of a hit, nil for "". A
// field that no hit has is an error.
func parseTemplate(text string) (*template.Template, error) {
	if text == "" {
		return nil, nil
	}
	t, err := template.New("template").Parse(text)
	if err != nil {
		return nil, usagef("--template: %w", err)
	}
	if t.Tree == nil { // it only defines other templates
		return t, nil
	}
	if err := checkFields(t.Root); err != nil {
		return nil, hint.With(usagef("--template: %w", err), "the fields are %s", strings.Join(templateFields, ", "))
	}
	return t, nil
}

// checkFields returns an error for a field that no hit has. It skips the bodies of
// range, with and define, where the dot is not the hit.
func checkFields(node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return checkAll(n.Nodes)
	case *parse.ActionNode:
		return checkFields(n.Pipe)
	case *parse.IfNode:
		return errors.Join(checkFields(n.Pipe), checkFields(n.List), checkFields(n.ElseList))
	case *parse.RangeNode:
		return checkFields(n.Pipe)
	case *parse.WithNode:
		return checkFields(n.Pipe)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			if err := checkAll(c.Args); err != nil {
				return err
			}
		}
	case *parse.FieldNode:
		if !slices.Contains(templateFields, n.Ident[0]) {
			return fmt.Errorf("a hit has no field %q", n.Ident[0])
		}
	}
	return nil
}

func checkAll(nodes []parse.Node) error {
	for _, n := range nodes {
		if err := checkFields(n); err != nil {
			return err
		}
	}
	return nil
}

// templated executes the user's template for an item and writes the result and a newline.
func (p *printer) templated(it item) error {
	fields, err := p.fieldsOf(it)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := p.template.Execute(&b, fields); err != nil {
		return usagef("--template: %w", err)
	}
	b.WriteByte('\n')
	_, err = p.Write(b.Bytes())
	return err
}

// fieldsOf returns the JSON fields of an item, with numbers that print as they do
// in JSON and texts that are safe where they are printed.
func (p *printer) fieldsOf(it item) (map[string]any, error) {
	b, err := marshal(it)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	fields := map[string]any{}
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	for key, value := range fields {
		fields[key] = p.printable(value)
	}
	for _, key := range templateFields { // optional fields print as nothing
		if _, ok := fields[key]; !ok {
			fields[key] = ""
		}
	}
	return fields, nil
}

// printable replaces the numbers in a decoded value by types that templates can
// compare, int64 for integers that fit, else number, and makes its texts safe.
func (p *printer) printable(value any) any {
	switch value := value.(type) {
	case string:
		return p.safe(value)
	case json.Number:
		if i, err := value.Int64(); err == nil {
			return i
		}
		if f, err := value.Float64(); err == nil && strings.ContainsAny(value.String(), ".eE") {
			return number(f)
		}
		return value.String() // an integer beyond int64 keeps its digits
	case []any:
		for i := range value {
			value[i] = p.printable(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = p.printable(value[key])
		}
	}
	return value
}
