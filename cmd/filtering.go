package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
one source, by its name or the path of its file, of all below a folder, or of
all that a GLOB matches: in it * stops at a slash, ** does not, and {a,b} is
either.`

// filterFlags are the flags of verbs that can be limited to some documents.
type filterFlags struct {
	exprs   []string
	sources []string // one at most
	asked   catalog  // whose sources named is about
	named   naming   // what --source stands for
}

func (o *filterFlags) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.exprs, "filter", nil, "only documents whose metadata `EXPR` matches: 'page>=3' or '{\"page\": {\"$gte\": 3}}'")
	o.addSource(flags)
}

func (o *filterFlags) addSource(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.sources, "source", nil, "only documents of the source, the file, or those below the folder, or that match `GLOB`: 'docs/**/*.md'")
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

// in returns the filter for stores, and gives notice of how --source is taken. It is nil for all
// documents.
func (o *filterFlags) in(ctx context.Context, env *environment, s catalog) (*filter.Filter, error) {
	if len(o.sources) == 0 {
		return filter.Parse(o.exprs...)
	}
	if o.asked != s {
		remark := o.named.remark
		var err error
		if o.named, err = env.naming(ctx, s, o.sources[0]); err != nil {
			return nil, err
		}
		if o.asked = s; o.named.remark != remark && o.named.remark != "" {
			env.notice(o.named.remark)
		}
	}
	return filter.Parse(append(slices.Clip(o.exprs), o.named.expr)...)
}

// ofSources returns the condition that a document is of one of some sources, as --filter takes it.
func ofSources(names ...string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = string(metadata.Quote(name))
	}
	return fmt.Sprintf(`{%q: {"$in": [%s]}}`, filter.SourceKey, strings.Join(quoted, ","))
}

// ofMatching returns the condition that a document is of a source whose name a glob matches.
func ofMatching(pattern string) string {
	return fmt.Sprintf(`{%q: {"$glob": %s}}`, filter.SourceKey, metadata.Quote(pattern))
}
