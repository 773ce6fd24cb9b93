package cmd

import (
	"bufio"
	"context"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/hint"
	"sheaf/internal/vector"
)

type searchVectorOptions struct {
	askFlags
	vector queryVector
}

func newSearchVectorCmd(env *environment) *cobra.Command {
	var o searchVectorOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "search-vector VECTOR|-|@FILE",
		Short:       "Find the documents nearest to a vector",
		Long: `Find the documents whose vectors are nearest to a vector, best first. It needs
no embedder. The answer has the forms of sheaf search.

A vector is a JSON array, or numbers separated by blanks or commas; it may
begin with a minus sign. It may also come from stdin (-) or from a file
(@FILE): as text, as a NumPy .npy file, or with --binary f32 as raw
little-endian float32. Several rows are a batch, answered as with --queries:
one line of JSON each; so are objects as --queries takes them.` + filterHelp + nearHelp +
			exitStatus(0, 1, 2, 3, 4, 10, 11, 12, 130, 143),
		Example: `  sheaf embed "stars and navigation" | sheaf search-vector -
  sheaf search-vector -k 2 --json @query.npy
  sheaf search-vector --filter lang=en @query.npy
  sheaf search-vector --binary f32 @query.f32`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runSearchVector(c.Context(), env, &o) },
	}
	o.addFlags(env, c, fetchFirst)
	o.addPerSource(c.Flags())
	o.vector.addFlags(c)
	return c
}

func (o *searchVectorOptions) validate(env *environment, args []string) error {
	o.vector.text = strings.Join(args, " ")
	switch {
	case o.queries != "" && len(args) > 0:
		return usagef("a vector and --queries cannot be used together")
	case o.queries != "" && o.vector.binary != "":
		return usagef("--queries reads text: give raw vectors as @FILE")
	case o.queries == "" && len(args) == 0:
		return usagef("there is no vector")
	case o.queries == "":
		if err := o.vector.validate(); err != nil {
			return err
		}
	}
	return o.askFlags.validate(env)
}

func runSearchVector(ctx context.Context, env *environment, o *searchVectorOptions) error {
	return env.withAgreeing(ctx, func(s catalog) error {
		a := newAsker(env, s, &o.askFlags)
		if o.queries != "" {
			return a.askFile(ctx, vectorQuery)
		}
		return a.askVector(ctx, o.vector)
	})
}

// queryVector is a vector on the command line, or the name of a file of vectors.
type queryVector struct {
	text, binary string
	numbers      []float32 // of a vector on the command line
}

func (v *queryVector) addFlags(c *cobra.Command) {
	addBinary(c, &v.binary, "read raw little-endian vectors: `f32`")
}

func (v *queryVector) validate() (err error) {
	switch {
	case v.fromFile():
		return validBinary(v.binary)
	case v.binary != "":
		return usagef("--binary is about a file: give @FILE, or - for stdin")
	}
	v.numbers, err = vector.Parse(v.text)
	if _, missing := os.Stat(v.text); err != nil && missing == nil {
		err = hint.With(err, "@%s reads the vectors of that file", v.text)
	}
	return err
}

func (v *queryVector) fromFile() bool {
	return v.text == "-" || strings.HasPrefix(v.text, "@")
}

func (a *asker) askVector(ctx context.Context, v queryVector) error {
	if v.fromFile() {
		return a.env.withInput(strings.TrimPrefix(v.text, "@"), "vectors, one a line,", func(r io.Reader) error {
			b := bufio.NewReaderSize(r, vector.BufferSize)
			if first, _ := b.Peek(1); v.binary == "" && string(first) == "{" {
				return a.askAll(ctx, queries(b, vectorQuery))
			}
			if v.binary != "" {
				return a.askRows(ctx, vector.ReadRaw(b, a.store.Facts().Dim))
			}
			return a.askRows(ctx, vector.Read(b))
		})
	}
	return a.ask(ctx, query{vector: v.numbers})
}

// askRows answers a file of vectors: one vector as a query, several as a batch.
func (a *asker) askRows(ctx context.Context, rows iter.Seq2[vector.Row, error]) error {
	next, stop := iter.Pull2(rows)
	defer stop()
	first, err, ok := next()
	switch {
	case !ok:
		return usagef("there is no vector")
	case err != nil && !as[*vector.Error](err):
		return err
	}
	second, secondErr, more := next()
	if !more {
		if err != nil {
			return err
		}
		return a.ask(ctx, query{vector: first.Vector})
	}
	if a.o.output.text {
		return usagef("several vectors are answered in JSON or by a template: they cannot be used with --text")
	}
	return a.askAll(ctx, vectorQueries(func(yield func(vector.Row, error) bool) {
		if !yield(first, err) || !yield(second, secondErr) {
			return
		}
		for {
			if v, err, ok := next(); !ok || !yield(v, err) {
				return
			}
		}
	}))
}

// binaryFormats are the values of --binary.
var binaryFormats = []string{"f32"}

func addBinary(c *cobra.Command, to *string, help string) {
	c.Flags().StringVar(to, "binary", "", help)
	complete(c, "binary", binaryFormats...)
}

func validBinary(format string) error {
	if format == "" || format == binaryFormats[0] {
		return nil
	}
	return usagef("--binary: %q is not a format of vectors: %s", format, binaryFormats[0])
}
