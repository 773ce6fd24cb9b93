package openai

import (
	"context"
	"errors"
	"net/http"

	"sheaf/internal/embed"
)

// isolate embeds the texts at some places with one request. Where the service
// refuses it for what it asks, the halves are tried, down to the texts that are
// refused alone. No text is sent again that has a vector.
func (b *batch) isolate(ctx context.Context, places []int) error {
	for limit := int(b.maxTexts.Load()); len(places) > limit; limit = int(b.maxTexts.Load()) {
		if err := b.isolate(ctx, places[:limit]); err != nil {
			return err
		}
		places = places[limit:]
	}
	if len(places) == 0 {
		return nil
	}
	r := request{query: b.query, texts: make([]string, len(places)), part: b.isolated}
	for i, place := range places {
		r.texts[i] = b.texts[place]
	}
	if b.pace.tokens != nil {
		r.tokens = b.countAll(places)
	}
	vectors, err := b.retry(ctx, r)
	if concernsTexts(err) {
		return b.halve(ctx, places, err)
	}
	if err == nil && !b.ranks() && alike(r.texts, vectors) {
		return b.refuseAlike(ctx, places)
	}
	for i, vector := range vectors {
		b.Vectors[places[i]] = vector
	}
	return err
}

// concernsTexts reports whether err may concern only some of the texts of a request:
// their length, their number, their content.
func concernsTexts(err error) bool {
	var refused *embed.RefusedError
	var text *TextError
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			return true
		}
	}
	return errors.As(err, &text)
}

// halve embeds each half of a request that was refused with reason, once it is known
// that the service embeds anything at all: one that does not know the model may
// answer every request as if its texts were to blame.
func (b *batch) halve(ctx context.Context, places []int, reason error) error {
	if !b.isolated && (b.texts[places[0]] == embed.Probe || !b.embedsProbe(ctx)) {
		return refusesEverything(reason)
	}
	if len(places) == 1 {
		return b.shorten(ctx, places[0], reason)
	}
	b.isolated = true
	half, refused := (len(places)+1)/2, len(b.Errs)
	if err := b.isolate(ctx, places[:half]); err != nil {
		return err
	}
	if err := b.isolate(ctx, places[half:]); err != nil {
		return err
	}
	if len(b.Errs) == refused { // the number of texts was the reason
		b.maxTexts.Store(min(b.maxTexts.Load(), int64(half)))
	}
	return nil
}

// refusesEverything marks a refusal as one that has nothing to do with the texts.
func refusesEverything(err error) error {
	var refused *embed.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	all := *refused
	all.Everything = true
	return &all
}

// minCutTokens is the shortest beginning of a text whose vector is worth having.
const minCutTokens = 64

// shorten deals with one text that was refused with reason. Where the user allows it
// and nobody but the service knows the longest text it takes, half of the text is
// sent, and half of that; else the reason becomes the text's error.
func (b *batch) shorten(ctx context.Context, place int, reason error) error {
	if !b.options.Truncate || b.maxTextTokens != 0 || b.count(place) < 2*minCutTokens {
		b.Errs[place] = reason
		return b.missing(place)
	}
	b.cut(place, min(b.count(place)/2, openAITextTokens))
	if err := b.isolate(ctx, []int{place}); err != nil {
		return err
	}
	if b.Errs[place] != nil {
		b.Errs[place] = reason
		delete(b.Cut, place)
	}
	return b.missing(place)
}

// missing returns the error of a text that was refused, where all texts are needed: an order is of
// all of them.
func (b *batch) missing(place int) error {
	if b.ranks() {
		return b.Errs[place]
	}
	return nil
}
