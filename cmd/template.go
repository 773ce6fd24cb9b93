package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"

	"sheaf/internal/hint"
)

// The JSON fields that a template may name. What is printed may lack some of
// them; they print as nothing.
var (
	documentFields = []string{"id", "text", "metadata", "source", "start_line", "end_line", "vector", "store"}
	hitFields      = append([]string{"rank", "score", "relevance", "words", "fused", "rerank", "explain", "query", "query_id", "path", "context"}, documentFields...)
)

// templateFuncs are the functions of templates besides those of text/template.
var templateFuncs = template.FuncMap{"json": templateJSON, "truncate": truncate, "basename": path.Base}

// templateJSON returns a field as JSON, on one line.
func templateJSON(v any) (string, error) {
	b, err := marshal(v)
	return string(b), err
}

// truncate returns at most n characters of text, the last of which is an ellipsis
// where some are left out.
func truncate(n int, text string) (string, error) {
	if n < 1 {
		return "", fmt.Errorf("truncate needs a length from 1 on, not %d", n)
	}
	if utf8.RuneCountInString(text) <= n {
		return text, nil
	}
	return string([]rune(text)[:n-1]) + "…", nil
}

// parseTemplate parses a template over the JSON fields of a hit or a document, nil
// for "". Outside of its actions \t, \n, \r and \\ are escapes. A field that is not
// among fields is an error.
func parseTemplate(text string, fields []string) (*template.Template, error) {
	if text == "" {
		return nil, nil
	}
	t, err := template.New("template").Funcs(templateFuncs).Parse(text)
	if err != nil {
		return nil, usagef("--template: %w", err)
	}
	for _, defined := range t.Templates() {
		unescape(defined.Root)
	}
	if t.Tree == nil { // it only defines other templates
		return t, nil
	}
	if err := fieldChecker(fields).check(t.Root); err != nil {
		return nil, hint.With(usagef("--template: %w", err), "the fields are %s", strings.Join(fields, ", "))
	}
	return t, nil
}

// unescape replaces the escapes in the texts outside of actions.
func unescape(node parse.Node) {
	switch n := node.(type) {
	case *parse.TextNode:
		n.Text = []byte(tsvUnescaper.Replace(string(n.Text)))
	case *parse.ListNode:
		if n != nil {
			for _, node := range n.Nodes {
				unescape(node)
			}
		}
	case *parse.IfNode:
		unescape(n.List)
		unescape(n.ElseList)
	case *parse.RangeNode:
		unescape(n.List)
		unescape(n.ElseList)
	case *parse.WithNode:
		unescape(n.List)
		unescape(n.ElseList)
	}
}

// fieldChecker looks for fields that are not among these.
type fieldChecker []string

// check skips the bodies of range, with and define, where the dot is another value.
func (c fieldChecker) check(node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return c.all(n.Nodes)
	case *parse.ActionNode:
		return c.check(n.Pipe)
	case *parse.IfNode:
		return errors.Join(c.check(n.Pipe), c.check(n.List), c.check(n.ElseList))
	case *parse.RangeNode:
		return c.check(n.Pipe)
	case *parse.WithNode:
		return c.check(n.Pipe)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			if err := c.all(command.Args); err != nil {
				return err
			}
		}
	case *parse.FieldNode:
		if !slices.Contains(c, n.Ident[0]) {
			return fmt.Errorf("there is no field %q", n.Ident[0])
		}
	}
	return nil
}

func (c fieldChecker) all(nodes []parse.Node) error {
	for _, n := range nodes {
		if err := c.check(n); err != nil {
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
	for _, key := range hitFields { // optional fields print as nothing
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
