package embed

import (
	"context"
	"fmt"
	"time"

	"sheaf/internal/program"
)

// command asks a program, PROGRAM of "command:PROGRAM". Each text is a line of JSON on its
// standard input, {"text": "…"}; it answers each with one line, in order:
// {"vector": […]}, or {"error": "…"} for a text that it refuses. An empty text is
// not sent: its vector is zero.
type command struct {
	name    string
	program *program.Program
	options Options
	dim     Dim
}

// NewCommand returns the embedder that asks a program.
func NewCommand(name string, o Options) (Embedder, error) {
	return newCommand(name, o, program.StallNotice), nil
}

func newCommand(name string, o Options, stall time.Duration) *command {
	c := &command{name: name, options: o}
	c.program = program.New(name, o.Stderr, stall, func() { o.Stalled(name, stall) })
	c.dim.Set(max(o.Dimensions, o.Dim))
	return c
}

// Identity implements Embedder.
func (c *command) Identity() Identity {
	return Identity{Provider: "command", Model: c.name, Dim: c.dim.Get()}
}

// Embed implements Embedder.
func (c *command) Embed(ctx context.Context, texts []string) (Result, error) {
	r := Result{Vectors: make([][]float32, len(texts)), Errs: map[int]error{}}
	asked := 0
	questions := func(yield func(int, any) bool) {
		for i, text := range texts {
			if text == "" {
				continue
			}
			if asked++; !yield(i, question{text}) {
				return
			}
		}
	}
	err := c.program.AskNumbers(ctx, questions, "vector", func(i int, v []float32, refusal error) error {
		if refusal != nil {
			r.Errs[i] = refusal
			return nil
		}
		want := c.dim.Get()
		if c.dim.Learn(len(v)); want != 0 && len(v) != want {
			return fmt.Errorf("a vector of %d numbers, want %d", len(v), want)
		}
		r.Vectors[i] = v
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	if asked > 0 {
		c.options.Stats.AddRequest(asked, 0)
	}
	if err := FillEmpty(ctx, c, r); err != nil {
		return Result{}, err
	}
	return r, nil
}

type question struct {
	Text string `json:"text"`
}

// Close ends the program.
func (c *command) Close() error { return c.program.Close() }
