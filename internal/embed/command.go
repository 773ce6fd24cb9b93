package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sheaf/internal/program"
	"sheaf/internal/vector"
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
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	r := Result{Vectors: make([][]float32, len(texts)), Errs: map[int]error{}}
	var places []int
	var input bytes.Buffer
	lines := json.NewEncoder(&input)
	lines.SetEscapeHTML(false)
	for i, text := range texts {
		if text == "" {
			continue
		}
		places = append(places, i)
		if err := lines.Encode(question{text}); err != nil {
			return Result{}, err
		}
	}
	if len(places) > 0 {
		if err := c.ask(ctx, input.Bytes(), places, r); err != nil {
			return Result{}, err
		}
		c.options.Stats.AddRequest(len(places), 0)
	}
	if err := FillEmpty(ctx, c, r); err != nil {
		return Result{}, err
	}
	return r, nil
}

type question struct {
	Text string `json:"text"`
}

// ask writes the input and reads an answer for the text at each index in places.
func (c *command) ask(ctx context.Context, input []byte, places []int, r Result) error {
	next := 0
	return c.program.Ask(ctx, input, len(places), func(line []byte) (err error) {
		place := places[next]
		next++
		var refusal error
		r.Vectors[place], refusal, err = c.read(line)
		if refusal != nil {
			r.Errs[place] = refusal
		}
		return err
	})
}

// read parses an answer: a vector, or why the program refuses the text.
func (c *command) read(line []byte) (v []float32, refusal, err error) {
	raw := bytes.TrimSpace(line)
	if !bytes.HasPrefix(raw, []byte("[")) {
		var answer struct {
			Vector json.RawMessage `json:"vector"`
			Error  string          `json:"error"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, nil, fmt.Errorf("a line that is no answer: %.80q", raw)
		}
		if answer.Error != "" {
			return nil, errors.New(answer.Error), nil
		}
		raw = answer.Vector
	}
	v, err = vector.ParseJSON(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("an answer without a vector of numbers: %.80q", line)
	}
	want := c.dim.Get()
	if c.dim.Learn(len(v)); want != 0 && len(v) != want {
		return nil, nil, fmt.Errorf("a vector of %d numbers, want %d", len(v), want)
	}
	return v, nil, nil
}

// Close ends the program.
func (c *command) Close() error { return c.program.Close() }
