package rerank_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
	"sheaf/internal/rerank"
	"sheaf/internal/vector"
)

func newJudge(t *testing.T, model string, o embed.Options) rerank.Judge {
	t.Helper()
	j, err := rerank.New(model, rerank.Options{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func vectorOf(t *testing.T, e embed.Embedder, text string) []float32 {
	t.Helper()
	v, err := embed.Vectors(t.Context(), e, []string{text})
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

func TestSimilarity(t *testing.T) {
	t.Parallel()
	stats := &progress.Counter{}
	j := newJudge(t, "builtin", embed.Options{Stats: stats})
	e, err := provider.New("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	questions := []rerank.Question{
		{Query: "where are keys kept", Texts: []string{"the safe of the office", "tides", ""}},
		{Query: "the moon", Texts: []string{"tides", "the safe of the office"}},
		{Query: "nothing found"},
	}
	for round := range 2 {
		verdicts, err := j.Judge(t.Context(), questions)
		if err != nil || len(verdicts) != len(questions) {
			t.Fatal(verdicts, err)
		}
		for i, q := range questions {
			if verdicts[i].Err != nil || len(verdicts[i].Scores) != len(q.Texts) {
				t.Fatalf("%q: %+v", q.Query, verdicts[i])
			}
			for n, text := range q.Texts {
				x, y := vectorOf(t, e, q.Query), vectorOf(t, e, text)
				want := vector.Cosine(x, y, vector.Length(x), vector.Length(y))
				if got := float64(verdicts[i].Scores[n]); math.Abs(got-want) > 1e-6 {
					t.Errorf("%q, %q: %v, want %v", q.Query, text, got, want)
				}
			}
		}
		// Three queries each time, and three texts once.
		if got, want := stats.Snapshot().Texts, 3+3*(round+1); int(got) != want {
			t.Errorf("round %d: %d texts were embedded, want %d", round, got, want)
		}
	}
	if verdicts, err := j.Judge(t.Context(), nil); err != nil || len(verdicts) != 0 {
		t.Errorf("no questions: %v, %v", verdicts, err)
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := j.Judge(ctx, questions); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
}

// The prompts of a model are put before questions and texts.
func TestSimilarityPrompts(t *testing.T) {
	t.Parallel()
	question, passage := "query: ", "passage: "
	plain, err := provider.New("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := newJudge(t, "builtin", embed.Options{Query: &question, Passage: &passage})
	verdicts, err := j.Judge(t.Context(), []rerank.Question{{Query: "tides", Texts: []string{"the moon"}}})
	if err != nil {
		t.Fatal(err)
	}
	x, y := vectorOf(t, plain, "query: tides"), vectorOf(t, plain, "passage: the moon")
	if got, want := float64(verdicts[0].Scores[0]), vector.Cosine(x, y, 1, 1); math.Abs(got-want) > 1e-6 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSimilarityRefusals(t *testing.T) {
	t.Parallel()
	server := embedtest.NewServer(embedtest.ServerOptions{Dim: 8, Refuse: func(text string) string {
		if strings.Contains(text, "bad") {
			return "no such words"
		}
		return ""
	}})
	t.Cleanup(server.Close)
	j := newJudge(t, "openai:m", embed.Options{BaseURL: server.URL, RetryFor: -1})
	verdicts, err := j.Judge(t.Context(), []rerank.Question{
		{Query: "a", Texts: []string{"b", "bad"}}, {Query: "bad", Texts: []string{"b"}}, {Query: "a", Texts: []string{"b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"hit 2: ", "the query: "} {
		if err := verdicts[i].Err; err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "no such words") {
			t.Errorf("question %d: %v", i+1, err)
		}
	}
	if verdicts[2].Err != nil || len(verdicts[2].Scores) != 1 {
		t.Errorf("%+v", verdicts[2])
	}
	server.Close()
	var unavailable *embed.UnavailableError
	if _, err := j.Judge(t.Context(), []rerank.Question{{Query: "new", Texts: []string{"text"}}}); !errors.As(err, &unavailable) {
		t.Errorf("without a service: %v", err)
	}
}
