package cmd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/hint"
	"sheaf/internal/seq"
)

type getOptions struct {
	ids         []string
	source      filterFlags
	withVectors bool
	output      outputFlags
}

func newGetCmd(env *environment) *cobra.Command {
	var o getOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "get ID...",
		Short:       "Print documents by id",
		Long: `Print the documents with the given ids, in the order of the ids; - reads ids
from stdin, one a line or a NUL after each. Where ids are unknown the others are
printed, and the exit status is 1.

Or print those of the source that --source names, by its name or the path of its
file, of all below a folder, or of all that a GLOB matches: in it * stops at a
slash, ** does not, and {a,b} is either. Where there is none the exit status
is 1.

On a pipe each document is a line of TSV: id, source, line, text.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf get ticket-17
  sheaf get --source docs/store.md --text
  sheaf list --ids | sheaf get --text -`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runGet(c.Context(), env, &o) },
	}
	c.Flags().BoolVar(&o.withVectors, "with-vectors", false, "print the vector of each document (JSON only)")
	env.addPartial(c.Flags())
	o.source.addSource(c.Flags())
	o.output.addFlags(c.Flags())
	o.output.addTemplate(c.Flags(), "document", documentFields)
	c.Flags().Lookup("null").Usage = "ids from stdin end with a NUL; with --text, a NUL between texts instead of a blank line"
	return c
}

func (o *getOptions) validate(env *environment, args []string) error {
	o.ids = args
	switch {
	case o.source.given() && len(args) > 0:
		return usagef("ids cannot be used together with --source")
	case !o.source.given() && len(args) == 0:
		return hint.With(usagef("there is no id"), "give ids, - to read them from stdin, or --source")
	case !stdinOnce(args):
		return errStdinTwice
	}
	if err := o.source.validate(); err != nil {
		return err
	}
	shown := o.output
	shown.null = shown.null && (shown.text || !slices.Contains(args, "-"))
	return shown.validate(env)
}

func runGet(ctx context.Context, env *environment, o *getOptions) error {
	ids, err := env.withStdinIDs(o.ids, o.output.null && !o.output.text)
	if err != nil {
		return err
	}
	o.output.null = o.output.null && o.output.text
	return env.withStores(ctx, func(s catalog) error {
		if o.source.given() {
			return o.getSource(ctx, env, s)
		}
		docs, missing, err := s.Get(ctx, ids, o.withVectors)
		if err != nil {
			return err
		}
		err = env.print(o.output, func(p *printer) error {
			return list(p, "documents", seq.Map(seq.Of(docs), env.sight(p).document))
		})
		if err == nil && len(missing) > 0 {
			err = env.unknownIDs(ctx, s, missing, "", seeIDs)
		}
		return err
	})
}

// seeIDs tells how ids are seen.
const seeIDs = "see the ids by sheaf list --ids, those of hits by sheaf search --template '{{.id}}' QUERY"

// unknownIDs is the error of ids that no document has. Its hint is about the first of them, or else the remedy.
func (env *environment) unknownIDs(ctx context.Context, s catalog, missing []string, what, remedy string) error {
	err := fmt.Errorf("no document has the id %s%s", quoteAll(missing), what)
	return hint.With(err, "%s", cmp.Or(env.unknownID(ctx, s, missing[0]), remedy))
}

// unknownID tells what was meant by a text that is no id: a source, an id that is like it, or a source whose
// name is; "" where nothing is like it.
func (env *environment) unknownID(ctx context.Context, s catalog, text string) string {
	if text == "" {
		return ""
	}
	n, err := env.naming(ctx, s, text)
	if err == nil && n.absent == nil {
		return fmt.Sprintf("it names a source: --source %s is all its documents", hint.ShellQuote(text))
	}
	if id := nearestID(ctx, s, text); id != "" {
		return fmt.Sprintf("did you mean %s?", hint.ShellQuote(id))
	}
	if n.near != "" {
		return fmt.Sprintf("did you mean --source %s?", hint.ShellQuote(n.near))
	}
	return ""
}

// nearIDs is among how many documents nearestID looks: an engine may have to send their texts too.
const nearIDs = 1000

// leastPrefix is the number of characters from which on a text may be the beginning of an id, as for git.
const leastPrefix = 4

// nearestID returns the id that a text may be the beginning of, or a misspelling; "" for none. Another number
// is no misspelling, but another thing.
func nearestID(ctx context.Context, s catalog, text string) (id string) {
	numbers, characters := numbersIn(text), utf8.RuneCountInString(text)
	least := math.MaxInt
	for d, err := range s.Documents(ctx, engine.ListOptions{Limit: nearIDs, Brief: true}) {
		if err != nil {
			return ""
		}
		distance := edits(text, d.ID)
		like := distance <= max(1, len(text)/4) && characters > 1 && slices.Equal(numbersIn(d.ID), numbers)
		begins := characters >= leastPrefix && strings.HasPrefix(d.ID, text)
		if (like || begins) && distance < least {
			id, least = d.ID, distance
		}
	}
	return id
}

func numbersIn(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// getSource prints the documents that --source chooses.
func (o *getOptions) getSource(ctx context.Context, env *environment, s catalog) error {
	n, err := env.naming(ctx, s, o.source.sources[0])
	if err != nil {
		return err
	}
	f, err := filter.Parse(n.expr)
	if err != nil {
		return err
	}
	err = env.print(o.output, func(p *printer) error {
		documents := s.Documents(ctx, engine.ListOptions{Filter: f, WithVectors: o.withVectors})
		return list(p, "documents", seq.Map(documents, env.sight(p).document))
	})
	switch {
	case err != nil:
	case n.absent != nil:
		return n.absent
	case n.remark != "":
		env.notice(n.remark)
	}
	return err
}

var errStdinTwice = usagef("- (stdin) can be given only once")

// validRoots returns a usage error for the paths of inputs.
func validRoots(args []string) error {
	switch {
	case len(args) == 0:
		return hint.With(usagef("there is no path"), "give files or folders, or - for stdin")
	case slices.Contains(args, ""):
		return usagef("an empty path")
	case !stdinOnce(args):
		return errStdinTwice
	}
	return nil
}

// stdinOnce reports whether args name stdin at most once.
func stdinOnce(args []string) bool {
	n := 0
	for _, a := range args {
		if a == "-" {
			n++
		}
	}
	return n <= 1
}

// withStdinIDs returns args with the ids from stdin in the place of a dash: what ends
// with a NUL, where there is one or null is set, else lines, unescaped. list --ids
// prints both.
func (env *environment) withStdinIDs(args []string, null bool) ([]string, error) {
	var all []string
	for _, a := range args {
		if a != "-" {
			all = append(all, a)
			continue
		}
		b, err := io.ReadAll(env.stdin("ids, one a line,"))
		if err != nil {
			return nil, fmt.Errorf("reading stdin: %w", err)
		}
		if null || bytes.IndexByte(b, 0) >= 0 {
			ids := strings.Split(string(b), "\x00")
			all = append(all, slices.DeleteFunc(ids, func(id string) bool { return id == "" })...)
			continue
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				all = append(all, tsvUnescaper.Replace(line))
			}
		}
	}
	return all, nil
}

// quotedMost is the number of names that an error lists. It counts the rest.
const quotedMost = 20

func quoteAll(names []string) string {
	var quoted []string
	for _, n := range names[:min(len(names), quotedMost)] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	if more := len(names) - len(quoted); more > 0 {
		quoted = append(quoted, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(quoted, ", ")
}
