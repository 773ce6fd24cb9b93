package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

type embedOptions struct {
	texts      []string
	lines      string
	binary     string
	storeGiven bool
	embedder   embedderFlags
}

func newEmbedCmd(env *environment) *cobra.Command {
	var o embedOptions
	c := &cobra.Command{
		Use:   "embed TEXT...|-",
		Short: "Print the vectors of texts; nothing is stored",
		Long: `Print the vector of each text; - reads one text from stdin. One text gives a
JSON array; several give an object {"text", "vector"} each, one a line, as does
each line of a file with --lines. --binary f32 writes raw little-endian float32.

The embedder is the one that --embedder names, else that of the store in place,
else the one that the settings prefer, else builtin.` + exitStatus(0, 1, 2, 3, 5, 75),
		Example: `  sheaf embed "stars and navigation"
  sheaf embed --lines titles.txt --binary f32 > titles.f32
  sheaf embed --embedder openai:text-embedding-3-small "a text" "another"`,
		PreRunE: func(c *cobra.Command, args []string) error { return o.validate(env, c, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runEmbed(c.Context(), env, &o) },
	}
	c.Flags().StringVar(&o.lines, "lines", "", "embed each line of `FILE` (- is stdin)")
	addBinary(c, &o.binary, "write raw little-endian vectors: `f32`")
	o.embedder.Questions = true
	o.embedder.addFlags(c)
	return c
}

func (o *embedOptions) validate(env *environment, c *cobra.Command, args []string) error {
	o.texts, o.storeGiven = args, c.Flags().Changed("store")
	switch {
	case o.lines != "" && len(args) > 0:
		return usagef("texts and --lines cannot be used together")
	case o.lines == "" && len(args) == 0:
		return usagef("there is no text")
	case !stdinOnce(args):
		return errStdinTwice
	case o.binary != "" && (env.flags.json || env.flags.jsonl):
		return usagef("--binary cannot be used with --json or --jsonl")
	case o.binary != "" && env.streams.OutTerminal:
		return usagef("raw vectors are not for a terminal: send them to a file or a pipe")
	}
	return errors.Join(validBinary(o.binary), o.embedder.validate(), env.validFormat())
}

func runEmbed(ctx context.Context, env *environment, o *embedOptions) error {
	e, err := env.embedderInPlace(ctx, o)
	if err != nil {
		return err
	}
	if o.lines == "" {
		return env.printVectors(ctx, e, o, env.argTexts(o.texts))
	}
	return env.withInput(o.lines, "texts, one a line,", func(r io.Reader) error { return env.printVectors(ctx, e, o, lines(r)) })
}

// embedderInPlace returns the embedder that the flag names, or else that of the store, whose
// vectors can be searched with, or else the preferred one.
func (env *environment) embedderInPlace(ctx context.Context, o *embedOptions) (embed.Embedder, error) {
	if env.config.EmbedderFlag {
		return env.embedder(env.config.Embedder, o.embedder, nil)
	}
	var facts engine.Facts
	err := env.withStore(ctx, func(s reader) error {
		facts = s.Facts()
		return nil
	})
	switch {
	case errors.Is(err, engine.ErrNotExist) && !o.storeGiven, err == nil && facts.Embedder == "":
		return env.embedder(env.preferred(), o.embedder, nil)
	case err != nil:
		return nil, err
	}
	return env.boundEmbedder(facts, o.embedder, nil)
}

// argTexts yields the texts of the command line. A dash stands for the content of stdin.
func (env *environment) argTexts(args []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, text := range args {
			var err error
			if text == "-" {
				var b []byte
				b, err = io.ReadAll(env.stdin("a text"))
				text = strings.TrimRight(string(b), "\r\n")
			}
			if !yield(text, err) {
				return
			}
		}
	}
}

// lines yields the lines of r without their ends.
func lines(r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		b := bufio.NewReaderSize(r, 1<<20)
		for {
			line, err := b.ReadString('\n')
			if err == io.EOF && line == "" {
				return
			}
			if err == io.EOF {
				err = nil
			}
			if !yield(strings.TrimRight(line, "\r\n"), err) || err != nil {
				return
			}
		}
	}
}

// embedding is a text with its vector, as it is printed.
type embedding struct {
	Text   string    `json:"text"`
	Vector []float32 `json:"vector"`
}

func (env *environment) printVectors(ctx context.Context, e embed.Embedder, o *embedOptions, texts iter.Seq2[string, error]) error {
	failed := &failures{env: env, noun: "text", verb: "could not be embedded"}
	err := env.print(outputFlags{}, func(p *printer) error {
		write := o.writer(p)
		if p.form == formJSON && !o.single() {
			p.WriteString(`{"vectors":[`)
			defer func() { p.WriteString("]" + env.noticeMember() + "}\n") }()
		}
		n := 0
		workers, batchSize := env.pool(e, o.embedder)
		self := func(text string) string { return text }
		return embed.Each(ctx, e, workers, batchSize, texts, self, func(text string, got embed.Outcome) error {
			n++
			if got.Cut {
				env.notice(fmt.Sprintf("text %d: only its beginning is embedded: it is too long", n))
			}
			switch {
			case got.Err == nil:
				return write(embedding{text, got.Vector})
			case o.single():
				return got.Err
			case o.binary != "": // a missing row would shift those after it
				return fmt.Errorf("text %d: %w", n, got.Err)
			}
			failed.add(fmt.Errorf("text %d: %w", n, got.Err))
			return nil
		})
	})
	if err != nil {
		return err
	}
	return failed.err()
}

// single reports whether one vector is printed, without its text.
func (o *embedOptions) single() bool { return o.lines == "" && len(o.texts) == 1 }

// writer returns the function that prints an embedding.
func (o *embedOptions) writer(p *printer) func(embedding) error {
	written := 0
	return func(e embedding) error {
		written++
		switch {
		case o.binary != "":
			_, err := p.Write(vector.Bytes(e.Vector))
			return err
		case o.single() && p.form != formJSONL:
			return p.object(e.Vector)
		case p.form == formJSON:
			if written > 1 {
				p.WriteByte(',')
			}
			return p.json(e)
		default:
			return p.object(e)
		}
	}
}
