package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"sheaf/internal/filter"
	"sheaf/internal/hint"
	"sheaf/internal/metadata"
)

// filterHelp is the paragraph about --filter and --source in the help of verbs.
const filterHelp = `

--filter keeps the documents whose metadata it matches: KEY OPERATOR VALUE with
one of = != < <= > >=, ~ for a glob or =~ for a regular expression, or a JSON
object in LangChain's syntax. The key source is the source that is shown. Quote
it for the shell. Given more than once, all must hold. --source keeps those of
one source or, where none has that name, of all that it matches: in a GLOB *
stops at a slash, ** does not, and {a,b} is either.`

// filterFlags are the flags of verbs that can be limited to some documents.
type filterFlags struct {
	exprs   []string
	sources []string // one at most
}

func (o *filterFlags) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.exprs, "filter", nil, "only documents whose metadata `EXPR` matches: 'page>=3' or '{\"page\": {\"$gte\": 3}}'")
	o.addSource(flags)
}

func (o *filterFlags) addSource(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.sources, "source", nil, "only documents of the source named `GLOB`, or else of those whose name it matches: 'docs/**/*.md'")
}

// given reports whether documents are chosen at all.
func (o *filterFlags) given() bool { return len(o.exprs)+len(o.sources) > 0 }

// validate returns an error for what cannot be a filter in any store.
func (o *filterFlags) validate() error {
	switch {
	case len(o.sources) > 1:
		return hint.With(usagef("--source can be given only once"), "'{a,b}' matches a and b")
	case slices.Contains(o.sources, ""):
		return usagef("--source is empty")
	}
	_, err := filter.Parse(o.exprs...)
	return err
}

// in returns the filter for a store, which knows whether --source is a name, also as
// TSV escapes it, or a pattern. It is nil for all documents.
func (o *filterFlags) in(ctx context.Context, s catalog) (*filter.Filter, error) {
	exprs := o.exprs
	for _, name := range o.sources {
		operator, operand := "$glob", name
		for _, literal := range []string{name, tsvUnescaper.Replace(name)} {
			_, found, err := s.SourceByName(ctx, literal)
			if err != nil {
				return nil, err
			}
			if found {
				operator, operand = "$eq", literal
				break
			}
		}
		expr := sourceExpr(operator, operand)
		if _, err := filter.Parse(expr); err != nil {
			return nil, usagef("--source %q is no source, and not a pattern", name)
		}
		exprs = append(slices.Clip(exprs), expr)
	}
	return filter.Parse(exprs...)
}

// sourceExpr returns a condition on the source as --filter takes it.
func sourceExpr(operator, operand string) string {
	return fmt.Sprintf(`{%q: {%q: %s}}`, filter.SourceKey, operator, metadata.Quote(operand))
}
