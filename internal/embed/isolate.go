package embed

import (
	"context"
	"errors"
	"net/http"
)

// isolate finds out which of the texts of a refused request are the cause, once
// it is known that the service embeds anything at all: one that does not know the
// model may say so of every request as if the texts were to blame.
func (c *call) isolate(ctx context.Context, places []int, why error) error {
	if !c.parts && len(places) == 1 && c.texts[places[0]] == probe {
		return everything(why)
	}
	if !c.parts && !c.alive(ctx) {
		return everything(why)
	}
	if len(places) == 1 {
		return c.shorten(ctx, places[0], why)
	}
	c.parts = true
	half, failed := (len(places)+1)/2, len(c.Errs)
	if err := c.embed(ctx, places[:half]); err != nil {
		return err
	}
	if err := c.embed(ctx, places[half:]); err != nil {
		return err
	}
	if len(c.Errs) == failed { // it was their number
		c.maxInputs.Store(min(c.maxInputs.Load(), int64(half)))
	}
	return nil
}

// everything says of a refusal that it has nothing to do with the texts.
func everything(err error) error {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	all := *refused
	all.Everything = true
	return &all
}

// leastTokens is how much of a text must be left for its vector to be worth
// having.
const leastTokens = 64

// shortens tells whether less of a text may be sent: that is allowed, and nobody
// knows the length that the service takes.
func (c *call) shortens(place int) bool {
	return c.options.Truncate && c.inputTokens == 0 && c.count(place) >= 2*leastTokens
}

// shorten sends half of a text that the service refuses, and half of that. The
// error of a text that is refused to the end is the first one.
func (c *call) shorten(ctx context.Context, place int, why error) error {
	if !c.shortens(place) {
		c.Errs[place] = why
		return nil
	}
	c.cut(place, min(c.count(place)/2, maxInputTokens))
	if err := c.embed(ctx, []int{place}); err != nil {
		return err
	}
	if c.Errs[place] != nil {
		c.Errs[place] = why
		delete(c.Cut, place)
	}
	return nil
}

// concernsInputs tells whether an error may concern some of the texts of a
// request only: their length, their number, their content.
func concernsInputs(err error) bool {
	var refused *RefusedError
	var input *InputError
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			return true
		}
	}
	return errors.As(err, &input)
}
