package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/metadata"
	"sheaf/internal/seq"
)

type splitOptions struct {
	roots    []string
	splitter splitterFlags
	loader   loaderFlags
	output   outputFlags
}

func newSplitCmd(env *environment) *cobra.Command {
	var o splitOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "split PATH...",
		Short:       "Print the chunks of texts; nothing is stored",
		Long: `Print the chunks that sheaf ingest would make of files, folders or stdin (-).

On a pipe each chunk is a line of TSV: source, line, text. In JSON, start_index
is where the chunk begins in its source, in code points, as LangChain's
add_start_index gives it: -1 where the text does not stand in the source.` + exitStatus(0, 1, 2, 3),
		Example: `  sheaf split notes.txt
  sheaf split --splitter recursive --chunk-size 200 --jsonl docs
  printf 'one. two. three.' | sheaf split --separator . --chunk-size 5 -`,
		PreRunE: func(c *cobra.Command, args []string) error { return o.validate(env, c, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runSplit(c.Context(), env, &o) },
	}
	o.splitter.addFlags(c)
	o.loader.addFlags(c)
	o.output.addFlags(c.Flags())
	return c
}

func (o *splitOptions) validate(env *environment, c *cobra.Command, args []string) error {
	o.roots = args
	if err := validRoots(args); err != nil {
		return err
	}
	return errors.Join(o.splitter.validate(c), o.loader.validate(), o.output.validate(env))
}

func runSplit(ctx context.Context, env *environment, o *splitOptions) error {
	var report ingest.Report
	if slices.Contains(o.roots, "-") {
		env.tellTyped("a text")
	}
	documents := ingest.Split(ctx, ingest.Options{
		Roots:    o.roots,
		Stdin:    env.streams.In,
		Walk:     env.walkOptions(o.loader),
		Read:     o.loader.read,
		Splitter: o.splitter.chosen(),
		Notice:   env.notice,
	}, &report)
	err := env.print(o.output, func(p *printer) error {
		return enclose(p, `{"chunks":[`, seq.Map(documents, newChunk), func() (string, error) {
			report.Notices = env.started.notices.all()
			members, err := marshal(report)
			return "]," + strings.TrimPrefix(string(members), "{"), err
		})
	})
	if err != nil {
		return err
	}
	return env.reportInputs(&report)
}

// reportInputs names the inputs that were skipped or failed, and returns an error for these.
func (env *environment) reportInputs(r *ingest.Report) error {
	if !env.inJSON() {
		writeFailures(env.streams.Err, r)
	}
	if !env.flags.quiet && !env.inJSON() && writeSkips(env.streams.Err, r.Skips, env.flags.verbose) > 0 {
		env.say("%s skipped; --verbose names them", count(len(r.Skips), "file"))
	}
	if long := r.Oversize.String(); env.flags.verbose && long != "" && !env.inJSON() {
		env.say("%s", long)
	}
	if !r.Failed() {
		return nil
	}
	message := countFailed(r) + " failed"
	if env.inJSON() {
		for _, f := range r.Failures {
			message += fmt.Sprintf("; %s: %s", f.Source, f.Error)
		}
		message = strings.Replace(message, "; ", ": ", 1)
	}
	return &partialError{message}
}

// chunk is a chunk in the answer.
type chunk struct {
	Text       string          `json:"text"`
	Source     string          `json:"source"`
	Metadata   metadata.Object `json:"metadata"`
	StartIndex int             `json:"start_index"`
	StartLine  int             `json:"start_line,omitempty"`
	EndLine    int             `json:"end_line,omitempty"`
}

func newChunk(d engine.Document) chunk {
	return chunk{d.Text, d.Source, d.Metadata, d.StartIndex, d.StartLine, d.EndLine}
}

func (c chunk) columns() []string { return []string{c.Source, line(c.StartLine), c.Text} }
func (c chunk) body() string      { return c.Text }

func (c chunk) table(p *printer) {
	p.heading([]string{p.styled(styleBold, count(len([]rune(c.Text)), "character"))}, c.Source, c.StartLine)
	p.passage(c.Text)
}
