package cmd

import (
	"github.com/spf13/pflag"

	"sheaf/internal/filter"
)

// filterHelp is the paragraph about --filter in the help of verbs.
const filterHelp = `

--filter keeps the documents whose metadata it matches: KEY OPERATOR VALUE with
one of = != < <= > >=, ~ for a glob or =~ for a regular expression, or a JSON
object in LangChain's syntax. The key source is the source that is shown. Quote
it for the shell. Given more than once, all must hold.`

// filterFlags are the flags of verbs that can be limited to some documents.
type filterFlags struct {
	exprs  []string
	filter *filter.Filter // nil: all documents
}

func (o *filterFlags) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.exprs, "filter", nil, "only documents whose metadata `EXPR` matches: 'page>=3' or '{\"page\": {\"$gte\": 3}}'")
}

// validate parses the filters.
func (o *filterFlags) validate() (err error) {
	o.filter, err = filter.Parse(o.exprs...)
	return err
}
