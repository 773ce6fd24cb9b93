package cmd

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/seq"
)

type listOptions struct {
	sources     bool
	limit       int
	withVectors bool
	filter      filterFlags
	output      outputFlags
}

func newListCmd(env *environment) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "list",
		Short:       "Print all documents, ids or sources",
		Long: `Print the documents of the store in the order in which they came, or only
their ids, or the sources that they came from.

On a pipe each document is a line of TSV: id, source, line, text; each source
is a line with its name and its number of documents. With --filter or --source
that is the number of those that match. Of several stores, each by its own
--store, one follows the other, and each line but an id alone ends with the name
of the store; --template '{{.id}} {{.store}}' prints it with the ids.` + filterHelp + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf list --limit 10
  sheaf list --sources
  sheaf list --source 'docs/**' --ids
  sheaf list --jsonl --with-vectors > documents.jsonl`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runList(c.Context(), env, &o) },
	}
	c.Flags().BoolVar(&o.output.ids, "ids", false, "print ids only")
	env.addPartial(c.Flags())
	c.Flags().BoolVar(&o.sources, "sources", false, "print the sources and their numbers of documents")
	c.Flags().IntVar(&o.limit, "limit", 0, "stop after `N` (0: print all)")
	c.Flags().BoolVar(&o.withVectors, "with-vectors", false, "print the vector of each document (JSON only)")
	o.filter.addFlags(c.Flags())
	o.output.addFlags(c.Flags())
	o.output.addTemplate(c.Flags(), "document", documentFields)
	c.Flags().Lookup("null").Usage = "with --text, a NUL between texts instead of a blank line; with --ids, a NUL after each"
	return c
}

func (o *listOptions) validate(env *environment, args []string) error {
	only := o.output.ids || o.sources
	switch {
	case o.output.ids && o.sources:
		return usagef("--ids and --sources cannot be used together")
	case only && (o.withVectors || o.output.text || o.output.template != ""):
		return usagef("--with-vectors, --text and --template are about documents: they cannot be used with --ids or --sources")
	case o.limit < 0:
		return usagef("--limit must not be negative")
	}
	if err := noArgs("list", args); err != nil {
		return err
	}
	if err := o.filter.validate(); err != nil {
		return err
	}
	return o.output.validate(env)
}

func runList(ctx context.Context, env *environment, o *listOptions) error {
	return env.withStores(ctx, func(s catalog) error {
		f, err := o.filter.in(ctx, env, s)
		if err != nil {
			return err
		}
		found := false
		err = env.print(o.output, func(p *printer) error {
			seen := env.sight(p)
			documents := seq.Map(s.Documents(ctx, engine.ListOptions{Filter: f, Limit: o.limit, WithVectors: o.withVectors}),
				func(d engine.Document) engine.Document { found = true; return d })
			switch {
			case o.output.ids:
				return list(p, "ids", seq.Map(documents, func(d engine.Document) documentID { return documentID(d.ID) }))
			case o.sources:
				sources := seq.Map(s.Sources(ctx, f), func(x engine.SourceInfo) source { found = true; return seen.source(x) })
				return list(p, "sources", seq.First(o.limit, sources))
			default:
				return list(p, "documents", seq.Map(documents, seen.document))
			}
		})
		if err == nil && !found {
			err = o.tellUnmatched(ctx, env, s)
		}
		return err
	})
}

// tellUnmatched says why --filter and --source choose nothing.
func (o *listOptions) tellUnmatched(ctx context.Context, env *environment, s catalog) error {
	if !o.filter.given() || env.inJSON() || env.flags.quiet || o.filter.named.absent != nil { // a notice says so
		return nil
	}
	why, err := o.filter.whyUnmatched(ctx, env, s)
	if why != "" && err == nil {
		env.notice(nothingFound(why))
	}
	return err
}

// documentID is a document in an answer that lists ids.
type documentID string

func (id documentID) columns() []string { return []string{string(id)} }
func (id documentID) body() string      { return string(id) }
func (id documentID) table(p *printer)  { p.WriteString(visibleLine(string(id)) + "\n") }

// source is a source in the answer of list --sources.
type source struct {
	Source    string `json:"source"`
	Documents int64  `json:"documents"`
	Store     string `json:"store,omitempty"`

	path string // of the file, from the current folder, for terminals
}

func newSource(s engine.SourceInfo) source {
	return source{Source: s.Name, Documents: s.Documents, Store: s.Store}
}

func (s source) columns() []string {
	return withStore([]string{s.Source, strconv.FormatInt(s.Documents, 10)}, s.Store)
}
func (s source) body() string { return s.Source }

func (s source) table(p *printer) {
	columns := []string{fmt.Sprintf("%-13s", count(s.Documents, "document")), p.styled(styleCyan, visibleLine(cmp.Or(s.path, s.Source)))}
	p.WriteString(strings.Join(withStore(columns, visibleLine(s.Store)), "  ") + "\n")
}
