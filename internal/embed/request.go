package embed

import (
	"context"
)

// Embed implements Embedder. It sends the texts in as many requests as the
// limits ask for, one after another.
func (s *openAI) Embed(ctx context.Context, texts []string) (Result, error) {
	if s.own && s.options.APIKey == "" {
		return Result{}, &AuthError{Service: s.service, Message: "no API key: set OPENAI_API_KEY or give --api-key-file"}
	}
	c := s.newCall(texts)
	for start := 0; start < len(texts); {
		places, next := c.nextRequest(start)
		if err := c.embed(ctx, places); err != nil {
			return Result{}, err
		}
		start = next
	}
	if err := fillEmpty(ctx, s, c.Result); err != nil {
		return Result{}, err
	}
	return c.Result, nil
}

// call is one Embed on its way.
type call struct {
	*openAI
	Result
	texts  []string // shortened where they must be
	tokens []int    // of each text; 0: not counted
	parts  bool     // a request failed, and its halves are tried
}

func (s *openAI) newCall(texts []string) *call {
	c := &call{openAI: s, texts: texts, tokens: make([]int, len(texts))}
	c.Result = Result{Vectors: make([][]float32, len(texts)), Errs: map[int]error{}, Cut: map[int]int{}}
	for i, text := range texts {
		c.fit(i, text)
	}
	return c
}

// fit shortens or refuses a text that is longer than the model takes.
func (c *call) fit(i int, text string) {
	if c.inputTokens == 0 || len(text) <= c.inputTokens || c.count(i) <= c.inputTokens {
		return
	}
	if !c.options.Truncate {
		c.Errs[i] = &TooLongError{Model: c.model, Tokens: c.tokens[i], Limit: c.inputTokens}
		return
	}
	c.cut(i, c.inputTokens)
}

// cut shortens a text to its first tokens.
func (c *call) cut(i, tokens int) {
	if len(c.Cut) == 0 {
		c.texts = append([]string(nil), c.texts...) // the caller's stay as they are
	}
	c.texts[i] = firstTokens(c.texts[i], tokens)
	c.tokens[i] = 0
	c.Cut[i] = len(c.texts[i])
}

// count returns the number of tokens of a text, which it counts once.
func (c *call) count(i int) int {
	if c.tokens[i] == 0 {
		c.tokens[i] = countTokens(c.texts[i])
	}
	return c.tokens[i]
}

// most is how many tokens a text has at most, or exactly where that is known.
func (c *call) most(i int) int {
	if c.tokens[i] > 0 {
		return c.tokens[i]
	}
	return len(c.texts[i])
}

// nextRequest returns the places of the texts from start on that one request
// takes, without empty and refused ones, and the place after them.
func (c *call) nextRequest(start int) (places []int, next int) {
	limit, size := int(c.maxInputs.Load()), 0
	for i := start; i < len(c.texts); i++ {
		if c.texts[i] == "" || c.Errs[i] != nil {
			continue
		}
		if len(places) == limit {
			return places, i
		}
		if size += c.most(i); size > c.requestTokens && len(places) > 0 {
			if size = c.sum(append(places, i)); size > c.requestTokens {
				return places, i
			}
		}
		places = append(places, i)
	}
	return places, len(c.texts)
}

// sum counts the tokens of texts.
func (c *call) sum(places []int) (tokens int) {
	for _, i := range places {
		tokens += c.count(i)
	}
	return tokens
}

// embed embeds the texts at some places with one request. Where the service
// refuses it for what it asks, the halves are tried, down to the texts that it
// will not have. An input that was answered is not sent again.
func (c *call) embed(ctx context.Context, places []int) error {
	for limit := int(c.maxInputs.Load()); len(places) > limit; limit = int(c.maxInputs.Load()) {
		if err := c.embed(ctx, places[:limit]); err != nil {
			return err
		}
		places = places[limit:]
	}
	if len(places) == 0 {
		return nil
	}
	in := inputs{texts: make([]string, len(places)), part: c.parts}
	for i, place := range places {
		in.texts[i] = c.texts[place]
	}
	if c.pace.tokens != nil {
		in.tokens = c.sum(places)
	}
	vectors, err := c.ask(ctx, in)
	if concernsInputs(err) {
		return c.isolate(ctx, places, err)
	}
	for i, vector := range vectors {
		c.Vectors[places[i]] = vector
	}
	return err
}

// fillEmpty sets the vectors of texts that were not sent because they are empty.
func fillEmpty(ctx context.Context, e Embedder, r Result) error {
	for i, vector := range r.Vectors {
		if vector != nil || r.Errs[i] != nil {
			continue
		}
		id, err := Resolve(ctx, e)
		if err != nil {
			return err
		}
		r.Vectors[i] = make([]float32, id.Dim)
	}
	return nil
}
