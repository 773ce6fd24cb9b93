package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"sheaf/internal/vector"
)

// AskNumbers asks questions, each a line of JSON, and calls answer with the place of each. A line of
// the output has numbers in a member, as {"vector": [0.5, …]} has, or says why the program refuses
// the question, {"error": "…"}; a bare array is taken for the numbers. Without questions the program
// is not started.
func (p *Program) AskNumbers(ctx context.Context, questions iter.Seq2[int, any], member string, answer func(place int, numbers []float32, refusal error) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var places []int
	var input bytes.Buffer
	lines := json.NewEncoder(&input)
	lines.SetEscapeHTML(false)
	for place, q := range questions {
		places = append(places, place)
		if err := lines.Encode(q); err != nil {
			return err
		}
	}
	if len(places) == 0 {
		return nil
	}
	next := 0
	return p.Ask(ctx, input.Bytes(), len(places), func(line []byte) error {
		place := places[next]
		next++
		numbers, refusal, err := readNumbers(line, member)
		if err != nil {
			return err
		}
		return answer(place, numbers, refusal)
	})
}

// readNumbers parses an answer. A line that is none is an error.
func readNumbers(line []byte, member string) (numbers []float32, refusal, err error) {
	raw := bytes.TrimSpace(line)
	if !bytes.HasPrefix(raw, []byte("[")) {
		var answer map[string]json.RawMessage
		if json.Unmarshal(raw, &answer) != nil {
			return nil, nil, fmt.Errorf("a line that is no answer: %.80q", raw)
		}
		var reason string
		if json.Unmarshal(answer["error"], &reason) == nil && reason != "" {
			return nil, errors.New(reason), nil
		}
		raw = answer[member]
	}
	numbers, err = vector.ParseJSON(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("an answer without numbers in %q: %.80q", member, line)
	}
	return numbers, nil, nil
}
