package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/hint"
	"sheaf/internal/seq"
)

type getOptions struct {
	ids         []string
	withVectors bool
	output      outputFlags
}

func newGetCmd(env *environment) *cobra.Command {
	var o getOptions
	c := &cobra.Command{
		Use:   "get ID...",
		Short: "Print documents by id",
		Long: `Print the documents with the given ids, in the order of the ids; - reads ids
from stdin, one a line. Where ids are unknown the others are printed, and the
exit status is 1.

On a pipe each document is a line of TSV: id, source, line, text.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf get ticket-17
  sheaf list --ids | sheaf get --text -`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runGet(c.Context(), env, &o) },
	}
	c.Flags().BoolVar(&o.withVectors, "with-vectors", false, "print the vector of each document (JSON only)")
	o.output.addFlags(c.Flags())
	o.output.addTemplate(c.Flags(), "document", documentFields)
	return c
}

func (o *getOptions) validate(env *environment, args []string) error {
	o.ids = args
	switch {
	case len(args) == 0:
		return usagef("there is no id")
	case !stdinOnce(args):
		return errStdinTwice
	}
	return o.output.validate(env)
}

func runGet(ctx context.Context, env *environment, o *getOptions) error {
	ids, err := withStdinLines(env.streams.In, o.ids)
	if err != nil {
		return err
	}
	return env.withStore(ctx, func(s reader) error {
		docs, missing, err := s.Get(ctx, ids, o.withVectors)
		if err != nil {
			return err
		}
		err = env.print(o.output, func(p *printer) error {
			return list(p, "documents", seq.Map(seq.Of(docs), newDocument))
		})
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("no document has the id %s", quoteAll(missing))
		}
		return err
	})
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

// withStdinLines returns args with the lines of stdin, unescaped, in the place of a
// dash. list --ids prints such lines.
func withStdinLines(stdin io.Reader, args []string) ([]string, error) {
	var all []string
	for _, a := range args {
		if a != "-" {
			all = append(all, a)
			continue
		}
		b, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("reading stdin: %w", err)
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
