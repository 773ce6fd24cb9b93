package embed

import (
	"context"
	"errors"
	"strings"
)

// ask sends a request, and again without a field that the service does not know.
func (s *openAI) ask(ctx context.Context, in inputs) ([][]float32, error) {
	plain, native := s.plain.Load(), s.native.Load()
	vectors, err := s.request(ctx, in)
	switch {
	case !plain && refuses(err, "encoding_format", "base64"):
		s.plain.Store(true)
	case !native && s.options.Dimensions > 0 && refuses(err, "dimensions", "matryoshka") && s.makesLength(ctx):
		s.native.Store(true)
	default:
		return vectors, err
	}
	return s.ask(ctx, in)
}

// makesLength tells whether the service makes vectors of the wanted length
// unasked. One that does may refuse to be asked all the same.
func (s *openAI) makesLength(ctx context.Context) bool {
	_, err := s.request(ctx, inputs{texts: []string{probe}, tokens: 1, native: true})
	return err == nil
}

// refuses tells whether a refusal has one of some words.
func refuses(err error, words ...string) bool {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		return false
	}
	for _, word := range words {
		if strings.Contains(refused.Message, word) {
			return true
		}
	}
	return false
}
