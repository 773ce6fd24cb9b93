package embed

import (
	"context"
	"fmt"

	"github.com/sashabaranov/go-openai"

	"sheaf/internal/vector"
)

// try sends one request.
func (s *openAI) try(ctx context.Context, in inputs) ([][]float32, failure, error) {
	attempt, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var r reply
	config := s.config
	config.HTTPClient = &exchange{client: s.client, service: s.service, reply: &r, plain: s.plain.Load()}
	dimensions := s.options.Dimensions
	if in.native || s.native.Load() {
		dimensions = 0
	}
	answer, err := openai.NewClientWithConfig(config).CreateEmbeddings(attempt, openai.EmbeddingRequest{
		Input:          in.texts,
		Model:          openai.EmbeddingModel(s.model),
		EncodingFormat: openai.EmbeddingEncodingFormatBase64,
		Dimensions:     dimensions,
	})
	if err == nil {
		var vectors [][]float32
		if vectors, err = s.order(r.vectors, len(in.texts)); err == nil {
			s.answered.Store(true)
			s.length.learn(len(vectors[0]))
			s.options.Stats.AddRequest(len(in.texts), answer.Usage.PromptTokens)
			return vectors, failure{idle: r.idle(s.clock.now())}, nil
		}
	}
	cause, err := s.judge(attempt, err, r)
	return nil, cause, err
}

// order checks an answer to n texts and returns its vectors in their order.
func (s *openAI) order(data []openai.Embedding, n int) ([][]float32, error) {
	if len(data) != n {
		return nil, s.answerError("%d vectors for %d texts", len(data), n)
	}
	want := s.length.want()
	if want == 0 {
		want = len(data[0].Embedding)
	}
	vectors := make([][]float32, n)
	for _, d := range data {
		if d.Index < 0 || d.Index >= n {
			return nil, s.answerError("a vector for text %d of %d", d.Index, n)
		}
		if vectors[d.Index] != nil {
			return nil, s.answerError("two vectors for text %d", d.Index)
		}
		if err := s.checkVector(d.Embedding, want); err != nil {
			return nil, err
		}
		vectors[d.Index] = d.Embedding
	}
	return vectors, nil
}

func (s *openAI) checkVector(v []float32, want int) error {
	if err := vector.Check(v); err != nil {
		return s.answerError("%v", err)
	}
	if len(v) != want {
		return s.answerError("a vector of %d numbers, want %d", len(v), want)
	}
	return nil
}

func (s *openAI) answerError(format string, args ...any) error {
	return &AnswerError{Service: s.service, Problem: fmt.Sprintf(format, args...)}
}
