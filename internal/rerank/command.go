package rerank

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sheaf/internal/program"
	"sheaf/internal/vector"
)

// command asks a program, PROGRAM of "command:PROGRAM". Each question is a line of JSON on its
// standard input, {"query": "…", "texts": ["…", …]}; it answers each with one line, in order:
// {"scores": [0.7, …]}, a number for each text, or {"error": "…"} for a question that it refuses.
// A question without texts is not sent.
type command struct{ program *program.Program }

func newCommand(model string, o Options) (Judge, error) {
	_, name, _ := strings.Cut(model, ":")
	if strings.TrimSpace(name) == "" {
		return nil, fmt.Errorf("%q: no program after the colon: want command:PROGRAM", model)
	}
	stalled := func() { o.Stalled(name, program.StallNotice) }
	return &command{program.New(name, o.Stderr, program.StallNotice, stalled)}, nil
}

// Close implements Judge.
func (c *command) Close() error { return c.program.Close() }

// Judge implements Judge.
func (c *command) Judge(ctx context.Context, questions []Question) ([]Verdict, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	verdicts := make([]Verdict, len(questions))
	var places []int
	var input bytes.Buffer
	lines := json.NewEncoder(&input)
	lines.SetEscapeHTML(false)
	for i, q := range questions {
		if len(q.Texts) == 0 {
			continue
		}
		places = append(places, i)
		if err := lines.Encode(q); err != nil {
			return nil, err
		}
	}
	if len(places) == 0 {
		return verdicts, nil
	}
	next := 0
	err := c.program.Ask(ctx, input.Bytes(), len(places), func(line []byte) (err error) {
		place := places[next]
		next++
		verdicts[place], err = readScores(line, len(questions[place].Texts))
		return err
	})
	return verdicts, err
}

// readScores parses an answer about n texts. A line that is none is an error.
func readScores(line []byte, n int) (Verdict, error) {
	var answer struct {
		Scores json.RawMessage `json:"scores"`
		Error  string          `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return Verdict{}, fmt.Errorf("a line that is no answer: %.80q", line)
	}
	if answer.Error != "" {
		return Verdict{Err: errors.New(answer.Error)}, nil
	}
	scores, err := vector.ParseJSON(answer.Scores)
	if err != nil {
		return Verdict{}, fmt.Errorf("an answer without scores that are numbers: %.80q", line)
	}
	if len(scores) != n {
		return Verdict{}, fmt.Errorf("%d scores for %d texts", len(scores), n)
	}
	return Verdict{Scores: scores}, nil
}
