package rerank

import (
	"context"
	"fmt"
	"strings"

	"sheaf/internal/program"
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
	verdicts := make([]Verdict, len(questions))
	asked := func(yield func(int, any) bool) {
		for i, q := range questions {
			if len(q.Texts) > 0 && !yield(i, q) {
				return
			}
		}
	}
	err := c.program.AskNumbers(ctx, asked, "scores", func(i int, scores []float32, refusal error) error {
		if n := len(questions[i].Texts); refusal == nil && len(scores) != n {
			return fmt.Errorf("%d scores for %d texts", len(scores), n)
		}
		verdicts[i] = Verdict{Scores: scores, Err: refusal}
		return nil
	})
	return verdicts, err
}
