package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/embed"
)

// picky refuses requests that hold a text with "bad" in it, and fails those
// with "broken".
type picky struct{ status int }

func (picky) Identity() embed.Identity { return embed.Identity{Provider: "picky", Dim: 1} }

func (p picky) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		switch {
		case strings.Contains(text, "bad"):
			return nil, fmt.Errorf("asking: %w", &embed.RefusedError{Service: "s", Status: p.status, Message: "too long"})
		case strings.Contains(text, "broken"):
			return nil, errors.New("broken")
		}
		vectors[i] = []float32{float32(len(text))}
	}
	return vectors, nil
}

func embedded(t *testing.T, p picky, texts ...string) (got []string, err error) {
	t.Helper()
	env := &environment{config: Config{Workers: 2}}
	err = env.embedAll(t.Context(), p, embedderFlags{batchSize: 4}, sequence(texts), func(text string, v []float32, err error) error {
		if (v == nil) != (err != nil) {
			t.Errorf("%q: %v and %v", text, v, err)
		}
		got = append(got, fmt.Sprint(text, v, err != nil))
		return nil
	})
	return got, err
}

func TestARefusedTextFailsAlone(t *testing.T) {
	t.Parallel()
	got, err := embedded(t, picky{400}, "a", "bad1", "bb", "ccc", "dddd", "bad2")
	want := []string{"a[1] false", "bad1[] true", "bb[2] false", "ccc[3] false", "dddd[4] false", "bad2[] true"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestOtherErrorsEndTheBatch(t *testing.T) {
	t.Parallel()
	if _, err := embedded(t, picky{400}, "a", "bad", "broken"); err == nil || err.Error() != "broken" {
		t.Errorf("%v, want the embedder's error", err)
	}
	if _, err := embedded(t, picky{404}, "a", "bad"); !as[*embed.RefusedError](err) {
		t.Errorf("%v, want the refusal: an unknown model is not a matter of one text", err)
	}
}
