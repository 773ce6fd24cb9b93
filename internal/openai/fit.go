package openai

import (
	"context"
	"slices"

	"sheaf/internal/embed"
)

// Embed implements embed.Embedder. It sends the texts in as many requests as the
// limits ask for, one after another.
func (s *service) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	if s.official && s.options.APIKey == "" {
		return embed.Result{}, &embed.AuthError{Service: s.name, Message: "no API key: set OPENAI_API_KEY or give --api-key-file"}
	}
	b := s.fit(texts)
	for start := 0; start < len(texts); {
		places, next := b.nextRequest(start)
		if err := b.isolate(ctx, places); err != nil {
			return embed.Result{}, err
		}
		start = next
	}
	if err := embed.FillEmpty(ctx, s, b.Result); err != nil {
		return embed.Result{}, err
	}
	return b.Result, nil
}

// Forecast implements embed.Forecaster.
func (s *service) Forecast(texts []string) embed.Forecast {
	b := s.fit(texts)
	f := embed.Forecast{Errs: b.Errs, Cut: b.Cut}
	for start := 0; start < len(texts); {
		places, next := b.nextRequest(start)
		if len(places) > 0 {
			f.Requests++
			f.Tokens += b.countAll(places)
		}
		start = next
	}
	return f
}

// batch is the texts of one call of Embed. A place is the index of a text.
type batch struct {
	*service
	embed.Result
	query    string   // see request
	texts    []string // shortened where they must be
	tokens   []int    // of each text; 0: not counted
	isolated bool     // a request was refused for one of its texts, and is being halved
}

// fit makes a batch of texts. It shortens or refuses those that are longer than the
// model takes.
func (s *service) fit(texts []string) *batch {
	b := &batch{service: s, texts: slices.Clone(texts), tokens: make([]int, len(texts))}
	b.Result = embed.Result{Vectors: make([][]float32, len(texts)), Errs: map[int]error{}, Cut: map[int]int{}}
	limit := s.maxTextTokens
	for i, text := range texts {
		switch {
		case limit == 0 || len(text) <= limit || b.count(i) <= limit: // a token is at least one byte
		case s.options.Truncate:
			b.cut(i, limit)
		default:
			b.Errs[i] = &TooLongError{Model: s.model, Tokens: b.tokens[i], Limit: limit}
		}
	}
	return b
}

// cut shortens a text to its first tokens.
func (b *batch) cut(place, tokens int) {
	b.texts[place] = firstTokens(b.texts[place], tokens)
	b.tokens[place] = 0
	b.Cut[place] = len(b.texts[place])
}

// count returns the number of tokens of a text, which it counts once.
func (b *batch) count(place int) int {
	if b.tokens[place] == 0 {
		b.tokens[place] = countTokens(b.texts[place])
	}
	return b.tokens[place]
}

// countAll returns the number of tokens of some texts.
func (b *batch) countAll(places []int) (tokens int) {
	for _, place := range places {
		tokens += b.count(place)
	}
	return tokens
}

// countAtMost returns an upper bound of the number of tokens of a text that costs
// nothing, or their number where they were counted.
func (b *batch) countAtMost(place int) int {
	if b.tokens[place] > 0 {
		return b.tokens[place]
	}
	return len(b.texts[place])
}

// nextRequest returns the places of the texts from start on that fit into one
// request, without empty and refused ones, and the place after them.
func (b *batch) nextRequest(start int) (places []int, next int) {
	maxTexts, size := int(b.maxTexts.Load()), 0
	for i := start; i < len(b.texts); i++ {
		if b.texts[i] == "" || b.Errs[i] != nil {
			continue
		}
		if len(places) == maxTexts {
			return places, i
		}
		if size += b.countAtMost(i); size > b.maxRequestTokens && len(places) > 0 {
			if size = b.countAll(append(places, i)); size > b.maxRequestTokens {
				return places, i
			}
		}
		places = append(places, i)
	}
	return places, len(b.texts)
}
