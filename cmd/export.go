package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/progress"
	"sheaf/internal/publish"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

type exportOptions struct {
	format, indexName string
	dest              string
}

func newExportCmd(env *environment) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export DEST|-",
		Short: "Write the documents with their vectors for LangChain and others",
		Long: `Write all documents with their vectors to a folder or a file, or to stdout for
-. What is there before is replaced once everything is written, or not at all; a
folder with other files in it is left alone. The formats:
  langchain  a folder with index.faiss and index.pkl, as LangChain's save_local
             writes it (the default); every LangChain from 0.0.350 on loads it
  bytes      what LangChain's serialize_to_bytes returns
  jsonl      one document a line, as sheaf list prints it, with its vector
  npy        a matrix for NumPy, and the documents in a .jsonl beside it
  faiss      a Faiss index of the vectors alone
Without --format the name tells: .jsonl, .npy, .faiss, and .bin, .pkl or
.pickle for bytes; anything else is a folder for LangChain.

LangChain keeps neither the distance strategy nor normalize_L2 in its files: a
notice says what load_local has to be told.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf export faiss_index
  sheaf export --format bytes - > store.bin
  sheaf export documents.jsonl`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runExport(c.Context(), env, &o) },
	}
	c.Flags().StringVar(&o.format, "format", "", "write `FORMAT`: langchain, bytes, jsonl, npy or faiss")
	addIndexName(c, &o.indexName)
	complete(c, "format", exportFormats...)
	return c
}

func addIndexName(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "index-name", langchain.DefaultName, "the `NAME` of LangChain's files: NAME.faiss and NAME.pkl")
}

// validIndexName refuses a name that leads to another folder.
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
	if o.dest = args[0]; o.format == "" {
		if o.dest == "-" {
			return hint.With(usagef("stdout has no name that tells a format"), "use --format bytes, jsonl or faiss")
		}
		o.format = formatOfName(o.dest)
	}
	if err := setChoice(&o.format, o.format, exportFormats); err != nil {
		return usagef("--format: %w", err)
	}
	if o.dest == "-" {
		switch {
		case o.format == formatLangchain || o.format == formatNpy:
			return hint.With(usagef("%s is more than one file: it cannot go to stdout", o.format), "use --format bytes, jsonl or faiss")
		case env.inJSON():
			return usagef("the export goes to stdout: there is no room for --json or --jsonl")
		case o.format != formatRecords && env.streams.OutTerminal:
			return usagef("raw vectors are not for a terminal: send them to a file or a pipe")
		}
	}
	return errors.Join(validIndexName(o.indexName), env.oneFormat())
}

// called is what errors call the place.
func (o *exportOptions) called() string {
	if o.dest == "-" {
		return "stdout"
	}
	return strconv.Quote(o.dest)
}

func runExport(ctx context.Context, env *environment, o *exportOptions) error {
	return env.withStore(ctx, func(s *store.Store) error {
		snap, err := s.Snapshot(ctx)
		if err != nil {
			return err
		}
		x := &export{ctx: ctx, env: env, o: o, snap: snap, dir: s.Dir()}
		x.counter.SetTotal(int(snap.Documents))
		shown := env.showProgress(&x.counter, "exporting", "document")
		err = x.write()
		shown.stop()
		if err != nil {
			return fmt.Errorf("exporting to %s: %w", o.called(), err)
		}
		return x.print()
	})
}

// outsideStores refuses a place in a store: its files would be taken for the
// store's own, or replace them.
func outsideStores(dest string) error {
	if dest == "-" {
		return nil
	}
	dir, err := filepath.Abs(dest)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for ; ; dir = filepath.Dir(dir) {
		if store.Is(dir) {
			return hint.With(fmt.Errorf("it lies in the store %q", dir), "name a place outside")
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// export is one on its way.
type export struct {
	ctx     context.Context
	env     *environment
	o       *exportOptions
	snap    *store.Snapshot
	dir     string // of the store
	counter progress.Counter
}

func (x *export) write() error {
	if err := outsideStores(x.o.dest); err != nil {
		return err
	}
	switch x.o.format {
	case formatLangchain:
		_, err := langchain.WriteFolder(x.o.dest, x.o.indexName, x.shape(), x.documents())
		return err
	case formatNpy:
		return x.npy()
	}
	return x.single(func(w io.Writer) error {
		switch x.o.format {
		case formatBytes:
			return langchain.WriteBytes(w, x.shape(), x.snap.Documents, x.documents)
		case formatFaiss:
			return langchain.WriteIndex(w, x.shape(), x.snap.Documents, x.documents())
		}
		return x.records(w, true, nil)
	})
}

// single writes to the one file that is asked for, or to stdout.
func (x *export) single(write func(io.Writer) error) error {
	if x.o.dest == "-" {
		out := bufio.NewWriterSize(x.env.streams.Out, 1<<16)
		if err := write(out); err != nil {
			return err
		}
		return out.Flush()
	}
	return publish.Write([]string{x.o.dest}, func(files []*os.File) error {
		out := bufio.NewWriterSize(files[0], 1<<20)
		if err := write(out); err != nil {
			return err
		}
		return out.Flush()
	})
}

// shape is what LangChain and Faiss call the store's vectors.
func (x *export) shape() langchain.Shape {
	metric := faiss.InnerProduct
	if x.snap.Facts.Metric == engine.L2 {
		metric = faiss.L2
	}
	return langchain.Shape{Dim: x.snap.Facts.Dim, Metric: metric}
}

func (x *export) transfers() iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		for t, err := range x.snap.Transfers(x.ctx, x.dir) {
			x.counter.AddChunks(1)
			if !yield(t, err) {
				return
			}
		}
	}
}

func (x *export) documents() iter.Seq2[langchain.Document, error] {
	return each(x.transfers(), func(t engine.Transfer) langchain.Document {
		return langchain.Document{ID: t.ID, Text: t.Text, Metadata: t.Metadata, Vector: t.Vector}
	})
}

// records writes the documents as list prints them, and their vectors to
// vectors where that is not nil.
func (x *export) records(w io.Writer, withVectors bool, vectors io.Writer) error {
	for t, err := range x.transfers() {
		if err != nil {
			return err
		}
		if vectors != nil {
			if _, err := vectors.Write(vector.Bytes(t.Vector)); err != nil {
				return err
			}
		}
		if !withVectors {
			t.Vector = nil
		}
		line, err := marshal(newDocument(t.Document))
		if err == nil {
			_, err = w.Write(append(line, '\n'))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// npy writes the matrix to the file that is named, or into the folder. Without
// the matrix nothing counts, so it appears last.
func (x *export) npy() error {
	path := x.o.dest
	if formatOfName(path) != formatNpy {
		if err := os.MkdirAll(path, 0o777); err != nil {
			return err
		}
		path = filepath.Join(path, npyName)
	}
	if exists(beside(path)) && !exists(path) { // no export wrote it
		return hint.With(fmt.Errorf("%q, which the documents go to, is there already", beside(path)), "export to another name")
	}
	return publish.Write([]string{beside(path), path}, func(files []*os.File) error {
		return x.fillNpy(files[0], files[1])
	})
}

func (x *export) fillNpy(documents, matrix io.Writer) error {
	lines, rows := bufio.NewWriterSize(documents, 1<<20), bufio.NewWriterSize(matrix, 1<<20)
	rows.Write(vector.NpyHeader(x.snap.Documents, x.snap.Facts.Dim))
	err := x.records(lines, false, rows)
	return errors.Join(err, lines.Flush(), rows.Flush())
}

func (x *export) print() error {
	n := x.snap.Documents
	if x.env.inJSON() {
		return x.env.print(outputFlags{}, func(p *printer) error {
			return p.object(struct {
				Format    string `json:"format"`
				Path      string `json:"path"`
				Documents int64  `json:"documents"`
			}{x.o.format, x.o.dest, n})
		})
	}
	x.env.say("%s exported to %s", count(n, "document"), visible(x.o.dest))
	if x.o.format == formatLangchain || x.o.format == formatBytes {
		x.sayHowToLoad()
	}
	return nil
}

// sayHowToLoad tells what LangChain does not keep in its files.
func (x *export) sayHowToLoad() {
	call, facts := "load_local", x.snap.Facts
	if x.o.format == formatBytes {
		call = "deserialize_from_bytes"
	}
	if facts.Metric != engine.L2 {
		x.env.say("LangChain has to be told: %s(…, distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT)", call)
	}
	if facts.Metric == engine.Cosine || facts.Normalize {
		x.env.say("LangChain has to be told: %s(…, normalize_L2=True)", call)
	}
}
