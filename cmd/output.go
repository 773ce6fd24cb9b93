package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"strings"
	"text/template"

	"github.com/spf13/pflag"
)

// form is the format of an answer.
type form int

const (
	formTable    form = iota // on a terminal, without a format flag
	formTSV                  // on a pipe, without a format flag
	formJSON                 // one object
	formJSONL                // one object a line
	formText                 // texts only
	formNull                 // texts or ids, a NUL after each
	formTemplate             // the user's template, executed for each item
)

// outputFlags are the format flags of verbs that print documents.
type outputFlags struct {
	text, null bool
	pretty     bool
	template   string
	fields     []string // what the template may name
	ids        bool     // the answer is a list of ids
}

func (o *outputFlags) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&o.text, "text", false, "print texts only, a blank line between")
	flags.BoolVar(&o.pretty, "pretty", false, "print as on a terminal, in colour, also on a pipe: | less -R")
	flags.BoolVarP(&o.null, "null", "0", false, "with --text: a NUL between texts instead of a blank line")
}

// addTemplate declares --template over the given JSON fields of what is printed.
func (o *outputFlags) addTemplate(flags *pflag.FlagSet, what string, fields []string) {
	o.fields = fields
	flags.StringVar(&o.template, "template", "", "print each "+what+" by a Go `TEMPLATE` over its JSON fields, as in '{{.id}} {{.source}}'")
}

// validate returns a usage error for format flags that exclude each other.
func (o *outputFlags) validate(env *environment) error {
	var given []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"--json", env.flags.json}, {"--jsonl", env.flags.jsonl}, {"--pretty", o.pretty}, {"--text", o.text}, {"--template", o.template != ""},
	} {
		if f.set {
			given = append(given, f.name)
		}
	}
	if len(given) > 1 {
		return usagef("%s cannot be used together", strings.Join(given, " and "))
	}
	if o.null && !o.text && (!o.ids || len(given) > 0) {
		return usagef("--null needs --text, or ids that are not in JSON")
	}
	_, err := parseTemplate(o.template, o.fields)
	return err
}

// printer writes an answer to stdout through a buffer, which print flushes.
type printer struct {
	*bufio.Writer
	form     form
	null     bool
	template *template.Template
	terminal bool // control characters of texts must not get there
	color    bool
	verbose  bool
	width    int
	lines    int     // how many of a text are shown on a terminal; 0: all
	marker   *marker // of the words that are bold there
	picked   bool    // hits come in the order in which MMR picked them
	// near is the place of the passage that is nearest to the query; nil where nobody knows.
	near func(passages []string) int
}

// print calls write with a printer of the form that the flags ask for.
func (env *environment) print(o outputFlags, write func(*printer) error) error {
	tmpl, err := parseTemplate(o.template, o.fields)
	if err != nil {
		return err
	}
	p := &printer{
		Writer: bufio.NewWriterSize(env.streams.Out, 64<<10),
		form:   env.form(o), null: o.null, template: tmpl,
		terminal: env.streams.OutTerminal, color: env.colored(o.pretty), verbose: env.flags.verbose,
		width: env.streams.Width, lines: shownLines,
	}
	err = write(p)
	if flushed := p.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("writing the answer: %w", flushed)
	}
	return err
}

// printObject prints an answer that is one JSON object.
func (env *environment) printObject(v any) error {
	return env.print(outputFlags{}, func(p *printer) error { return p.object(v) })
}

// inJSON reports whether answers and errors are JSON.
func (env *environment) inJSON() bool { return env.flags.json || env.flags.jsonl }

// validFormat is [outputFlags.validate] for verbs without outputFlags.
func (env *environment) validFormat() error { return new(outputFlags).validate(env) }

func (env *environment) form(o outputFlags) form {
	switch {
	case env.flags.json:
		return formJSON
	case env.flags.jsonl:
		return formJSONL
	case o.text:
		return formText
	case o.template != "":
		return formTemplate
	case o.null:
		return formNull
	case o.pretty, env.streams.OutTerminal:
		return formTable
	default:
		return formTSV
	}
}

// colored reports whether stdout gets colours. pretty asks for them on a pipe too.
func (env *environment) colored(pretty bool) bool {
	switch env.config.Color {
	case "always":
		return true
	case "never":
		return false
	default:
		return (pretty || env.streams.OutTerminal) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
}

// item is an element of an answer that is a list. encoding/json encodes it for
// the JSON forms.
type item interface {
	columns() []string // the fields of its line of TSV
	body() string      // its text under --text
	table(p *printer)  // writes its lines on a terminal
}

// list writes items as they come. name is their key in the object of --json.
func list[T item](p *printer, name string, items iter.Seq2[T, error]) error {
	return enclose(p, fmt.Sprintf("{%q:[", name), items, func() (string, error) { return "]}", nil })
}

// enclose is list with the JSON before and after the items; after is called when they are written.
func enclose[T item](p *printer, before string, items iter.Seq2[T, error], after func() (string, error)) error {
	if p.form == formJSON {
		p.WriteString(before)
	}
	n := 0
	for it, err := range items {
		if err != nil {
			return err
		}
		if err := p.item(it, n == 0); err != nil {
			return err
		}
		n++
	}
	switch {
	case p.form == formJSON:
		text, err := after()
		if err != nil {
			return err
		}
		p.WriteString(text + "\n")
	case p.form == formText && n > 0 && !p.null:
		p.WriteByte('\n')
	}
	return nil
}

func (p *printer) item(it item, first bool) error {
	switch p.form {
	case formJSON:
		if !first {
			p.WriteByte(',')
		}
		return p.json(it)
	case formJSONL:
		return p.object(it)
	case formText:
		if !first {
			p.WriteString(p.between())
		}
		p.WriteString(p.safe(it.body()))
	case formNull:
		p.WriteString(p.safe(it.body()) + "\x00")
	case formTemplate:
		return p.templated(it)
	case formTSV:
		p.WriteString(tsv(it.columns()))
	case formTable:
		it.table(p)
	}
	return nil
}

func (p *printer) between() string {
	if p.null {
		return "\x00"
	}
	return "\n\n"
}

// object writes v as one line of JSON.
func (p *printer) object(v any) error {
	if err := p.json(v); err != nil {
		return err
	}
	return p.WriteByte('\n')
}

// json writes v as JSON, which is safe for a terminal if it goes to one.
func (p *printer) json(v any) error {
	b, err := marshal(v)
	if err == nil && p.terminal {
		b = escapeControls(b)
	}
	p.Write(b)
	return err
}

// safe returns text as it is, or as visible does if it goes to a terminal.
func (p *printer) safe(text string) string {
	if p.terminal {
		return visible(text)
	}
	return text
}

// marshal is json.Marshal without escapes for < > &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// tsvEscaper escapes what separates fields and records, in a way that printf %b
// and the unescapers of most languages undo.
var tsvEscaper = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// tsvUnescaper undoes tsvEscaper. Other sequences that begin with a backslash stay as they are.
var tsvUnescaper = strings.NewReplacer(`\\`, "\\", `\t`, "\t", `\n`, "\n", `\r`, "\r")

func tsv(fields []string) string {
	escaped := make([]string, len(fields))
	for i, f := range fields {
		escaped[i] = tsvEscaper.Replace(f)
	}
	return strings.Join(escaped, "\t") + "\n"
}

// say writes a notice to stderr, unless --quiet is given.
func (env *environment) say(format string, args ...any) {
	if !env.flags.quiet {
		fmt.Fprintf(env.streams.Err, "sheaf: %s\n", env.atStore(fmt.Sprintf(format, args...)))
	}
}

// field is a named value of an answer that is one object.
type field struct{ name, value string }

// fields writes an answer that is one object: v in the JSON forms, else one field
// a line with the values aligned.
func (p *printer) fields(v any, fields []field) error {
	if p.form == formJSON || p.form == formJSONL {
		return p.object(v)
	}
	width := 0
	for _, f := range fields {
		width = max(width, len(f.name))
	}
	for _, f := range fields {
		value := visible(f.value)
		if p.form == formTable {
			value = folded(value, p.width, width+2, width+2)
		}
		fmt.Fprintf(p, "%-*s  %s\n", width, f.name, value)
	}
	return nil
}
