package cmd

import (
	"github.com/spf13/cobra"

	"sheaf/internal/splitter"
)

// splitterFlags say how texts are cut into chunks.
type splitterFlags struct {
	options    splitter.Options
	kind, keep string
	separators []string

	given, kindGiven bool // any of the flags was given, --splitter was
}

var (
	splitterKinds = []string{
		string(splitter.Character), string(splitter.Recursive), string(splitter.Markdown), string(splitter.None),
	}
	keepChoices = []string{string(splitter.KeepStart), string(splitter.KeepEnd), string(splitter.KeepNone)}
	// splitterFlagNames are the flags of which any replaces the remembered splitter.
	splitterFlagNames = []string{
		"splitter", "separator", "separator-regex", "keep-separator", "no-strip", "language", "chunk-size", "chunk-overlap",
	}
)

// defaultChunkSize is in code points. LangChain's 4,000 is longer than a passage
// that answers a question.
const defaultChunkSize = 1000

func (o *splitterFlags) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.kind, "splitter", string(splitter.Character), "cut texts by `KIND`: character, recursive, markdown or none (default: recursive as suits the language for source code and Markdown, else character)")
	f.Lookup("splitter").DefValue = ""
	f.StringArrayVar(&o.separators, "separator", nil, `cut at `+"`TEXT`"+`; \n \t \r \\ are escapes (default "\n\n"; repeatable for recursive)`)
	f.BoolVar(&o.options.Regex, "separator-regex", false, "separators are regular expressions")
	f.StringVar(&o.keep, "keep-separator", "", "keep separators at the `PLACE` start or end of chunks, or none")
	f.Lookup("keep-separator").NoOptDefVal = string(splitter.KeepStart)
	f.BoolVar(&o.options.NoStrip, "no-strip", false, "leave white space at the ends of chunks")
	f.StringVar(&o.options.Language, "language", "", "cut as suits source code in `LANGUAGE` (recursive)")
	f.IntVar(&o.options.ChunkSize, "chunk-size", defaultChunkSize, "make chunks of at most `N` code points")
	f.IntVar(&o.options.ChunkOverlap, "chunk-overlap", 0, "let chunks overlap by up to `N` code points")
	complete(c, "splitter", splitterKinds...)
	complete(c, "keep-separator", keepChoices...)
	complete(c, "language", splitter.Languages()...)
}

func (o *splitterFlags) validate(c *cobra.Command) error {
	for _, name := range splitterFlagNames {
		o.given = o.given || c.Flags().Changed(name)
	}
	o.kindGiven = c.Flags().Changed("splitter")
	o.options.Kind, o.options.Keep = splitter.Kind(o.kind), splitter.Keep(o.keep)
	o.options.Separators = nil
	for _, s := range o.separators {
		text, err := s, error(nil)
		if !o.options.Regex { // a regular expression reads its escapes itself
			text, err = splitter.Unescape(s)
		}
		if err != nil {
			return usagef("--separator: %w", err)
		}
		o.options.Separators = append(o.options.Separators, text)
	}
	if _, err := splitter.New(o.options); err != nil {
		return &usageError{err}
	}
	return nil
}

// chosen returns the splitter that the flags ask for, nil where they ask for
// none. It has a kind only where one was named: that is what splits records.
func (o *splitterFlags) chosen() *splitter.Options {
	if !o.given {
		return nil
	}
	options := o.options
	if !o.kindGiven {
		options.Kind = ""
	}
	return &options
}
