package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"sheaf/internal/vector"
)

// command asks a program, PROGRAM of "command:PROGRAM", which the shell starts
// at the first text and which runs until Close. Each text is a line of JSON on its
// standard input, {"text": "…"}; it answers each with one line, in order:
// {"vector": […]}, or {"error": "…"} for a text that it refuses. An empty text is
// not sent: its vector is zero.
//
// One call at a time uses the program. After a line that is no answer, an unexpected
// end or a cancelled call it is unknown which text the next line answers: the program
// is killed, and every later call fails.
type command struct {
	program string
	options Options
	dim     Dim
	stall   time.Duration // stallNotice, but for tests

	mu      sync.Mutex
	process *process // nil: not started
	failed  error    // set once the program cannot be used any more
}

// NewCommand returns the embedder that asks a program.
func NewCommand(program string, o Options) (Embedder, error) {
	c := &command{program: program, options: o, stall: stallNotice}
	c.dim.Set(max(o.Dimensions, o.Dim))
	return c, nil
}

// Identity implements Embedder.
func (c *command) Identity() Identity {
	return Identity{Provider: "command", Model: c.program, Dim: c.dim.Get()}
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
func (c *command) ask(ctx context.Context, input []byte, places []int, r Result) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	if c.process == nil {
		if c.process, err = startProcess(c.program, c.options.Stderr); err != nil {
			return &ProgramError{Program: c.program, Err: err}
		}
	}
	stop := context.AfterFunc(ctx, c.process.kill)
	defer stop()
	next := 0
	err = c.process.exchange(input, len(places), c.stall, c.stalled, func(line []byte) error {
		place := places[next]
		next++
		var refusal error
		r.Vectors[place], refusal, err = c.read(line)
		if refusal != nil {
			r.Errs[place] = refusal
		}
		return err
	})
	if err == nil {
		return nil
	}
	c.process.kill()
	c.failed = &ProgramError{Program: c.program, Err: err, Said: c.process.said()}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.failed
}

// stalled tells people that no answer came for a while: most often the program keeps
// its answers in a buffer and waits for more input.
func (c *command) stalled() {
	c.options.Notify("%q has not answered for %s: does it flush its output after every line?", c.program, c.stall)
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

// Close closes the program's input and waits until it ends, for at most exitTime. A
// second call does nothing.
func (c *command) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = &ProgramError{Program: c.program, Err: errors.New("closed")}
		if c.process != nil {
			return c.process.close()
		}
	}
	return nil
}
