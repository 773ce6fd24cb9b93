package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/exchange"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/progress"
	"sheaf/internal/seq"
)

var (
	importFormats = namesOf(exchange.Readable())
	exportFormats = namesOf(exchange.Writable())
	stdoutFormats = namesOf(slices.DeleteFunc(exchange.Writable(), func(f exchange.Format) bool { return f.Several }))
)

func namesOf(formats []exchange.Format) []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

func readHelp(f exchange.Format) string  { return f.ReadHelp }
func writeHelp(f exchange.Format) string { return f.WriteHelp }

// formatHelp lists formats with their descriptions.
func formatHelp(formats []exchange.Format, help func(exchange.Format) string) string {
	column := 0 // width of the names
	for _, f := range formats {
		column = max(column, len(f.Name))
	}
	var b strings.Builder
	for _, f := range formats {
		text := strings.ReplaceAll(help(f), "\n", "\n"+strings.Repeat(" ", column+4))
		fmt.Fprintf(&b, "  %-*s  %s\n", column, f.Name, text)
	}
	return b.String()
}

type exportOptions struct {
	name, indexName string
	format          exchange.Format
	dest            string
}

func newExportCmd(env *environment) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export DEST|-",
		Short: "Write the documents with their vectors for LangChain and others",
		Long: `Write all documents with their vectors to a folder or a file, or to stdout for
-. What is there before is replaced once everything is written, or not at all; a
folder with other files in it is left alone. The formats:
` + formatHelp(exchange.Writable(), writeHelp) + `Without --format the name tells: .jsonl, .npy, .faiss, and .bin, .pkl or
.pickle for bytes; a name without such an ending is a folder for LangChain.

LangChain keeps neither the distance strategy nor normalize_L2 in its files: a
notice says what load_local has to be told.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf export faiss_index
  sheaf export --format bytes - > store.bin
  sheaf export documents.jsonl`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runExport(c.Context(), env, &o) },
	}
	c.Flags().StringVar(&o.name, "format", "", "write `FORMAT`: "+oneOf(exportFormats))
	addIndexName(c, &o.indexName)
	complete(c, "format", exportFormats...)
	return c
}

func addIndexName(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "index-name", langchain.DefaultName, "the `NAME` of LangChain's files: NAME.faiss and NAME.pkl")
}

// validIndexName returns a usage error for a name that is a path.
func validIndexName(name string) error {
	if name == "" || name != filepath.Base(name) {
		return usagef("--index-name %q is not the name of a file", name)
	}
	return nil
}

func (o *exportOptions) validate(env *environment, args []string) error {
	switch {
	case len(args) == 0 || args[0] == "":
		return hint.With(usagef("there is no place to export to"), "name a folder or a file, or - for stdout")
	case len(args) > 1:
		return usagef("export takes one place, not %d", len(args))
	}
	o.dest = args[0]
	if err := o.chooseFormat(); err != nil {
		return err
	}
	if o.dest == "-" {
		switch {
		case o.format.Several:
			return hint.With(usagef("%s is more than one file: it cannot go to stdout", o.format.Name), "use --format %s", oneOf(stdoutFormats))
		case env.inJSON():
			return usagef("the export goes to stdout: there is no room for --json or --jsonl")
		case !o.format.Text && env.streams.OutTerminal:
			return usagef("raw vectors are not for a terminal: send them to a file or a pipe")
		}
	}
	return errors.Join(validIndexName(o.indexName), env.validFormat())
}

// chooseFormat sets the format by --format or by the name of the destination.
func (o *exportOptions) chooseFormat() error {
	switch {
	case o.name == "" && o.dest == "-":
		return hint.With(usagef("stdout has no name that tells a format"), "use --format %s", oneOf(stdoutFormats))
	case o.name == "":
		format, known := exchange.ByExtension(o.dest)
		if info, err := os.Stat(o.dest); !known && (err != nil || !info.IsDir()) && !strings.HasSuffix(o.dest, "/") {
			return hint.With(usagef("no format that is written has files named %q", "*"+filepath.Ext(o.dest)), "name one of %s with --format; --format %s makes a folder of this name",
				oneOf(exportFormats), exchange.Writable()[0].Name)
		}
		o.format = format
		return nil
	}
	if err := setChoice(&o.name, o.name, exportFormats); err != nil {
		return usagef("--format: %w", err)
	}
	o.format, _ = exchange.Lookup(o.name)
	return nil
}

// called returns the name of the destination in errors.
func (o *exportOptions) called() string {
	if o.dest == "-" {
		return "stdout"
	}
	return strconv.Quote(o.dest)
}

func runExport(ctx context.Context, env *environment, o *exportOptions) error {
	return env.withStore(ctx, func(s reader) error {
		snap, err := s.Snapshot(ctx)
		if err != nil {
			return err
		}
		var counter progress.Counter
		counter.SetTotal(int(snap.Documents))
		snap.Transfers = seq.Map(snap.Transfers, func(t engine.Transfer) engine.Transfer {
			counter.AddChunks(1)
			return t
		})
		shown := env.showProgress(&counter, "exporting", "document")
		remarks, err := o.format.Write(exchange.Output{
			Snapshot: snap, Path: o.dest, Stdout: env.streams.Out, IndexName: o.indexName,
		})
		shown.stop()
		if err = o.about(err); err != nil {
			return err
		}
		return env.printExported(o, snap.Documents, remarks)
	})
}

// about returns an error of writing with the destination.
func (o *exportOptions) about(err error) error {
	if err == nil {
		return nil
	}
	if folder := filepath.Dir(o.dest); errors.Is(err, fs.ErrNotExist) {
		err = hint.With(err, "make the folder %s first", hint.ShellQuote(folder))
	}
	return fmt.Errorf("exporting to %s: %w", o.called(), err)
}

func (env *environment) printExported(o *exportOptions, n int64, remarks []string) error {
	if env.inJSON() {
		return env.printObject(struct {
			Format    string `json:"format"`
			Path      string `json:"path"`
			Documents int64  `json:"documents"`
		}{o.format.Name, o.dest, n})
	}
	env.say("%s exported to %s", count(n, "document"), visible(o.dest))
	for _, remark := range remarks {
		env.say("%s", remark)
	}
	return nil
}
