package embed

import (
	"context"
	"fmt"
	"strings"
)

// Prompts are a few words that are put before texts. Some models were trained to tell
// questions from the passages that answer them by prompts such as "query: " and "passage: ".
type Prompts struct{ Query, Passage string }

// prompted puts a prompt before every text of an embedder. Prompts are part of its identity.
type prompted struct {
	Embedder
	prompts Prompts
	prompt  string // the one of the two that is used
}

// WithPrompts returns e with a prompt before every text: what the options say, or else
// what the model itself asks for. Without any it returns e.
func WithPrompts(e Embedder, o Options) Embedder {
	var p Prompts
	if model, ok := e.(interface{ prompts() Prompts }); ok {
		p = model.prompts()
	}
	if o.Query != nil {
		p.Query = *o.Query
	}
	if o.Passage != nil {
		p.Passage = *o.Passage
	}
	switch {
	case p == (Prompts{}):
		return e
	case o.Questions:
		return &prompted{e, p, p.Query}
	}
	return &prompted{e, p, p.Passage}
}

// ForQuestions returns e for questions: with the prompt before them where e has prompts. Both
// share what they have loaded.
func ForQuestions(e Embedder) Embedder {
	if p, ok := e.(*prompted); ok {
		return &prompted{p.Embedder, p.prompts, p.prompts.Query}
	}
	return e
}

// Embed implements Embedder.
func (p *prompted) Embed(ctx context.Context, texts []string) (Result, error) {
	r, err := p.Embedder.Embed(ctx, p.before(texts))
	for place, bytes := range r.Cut {
		r.Cut[place] = max(0, bytes-len(p.prompt))
	}
	return r, err
}

// Close ends what the embedder may have started.
func (p *prompted) Close() error { return Close(p.Embedder) }

// before returns the texts with the prompt.
func (p *prompted) before(texts []string) []string {
	with := make([]string, len(texts))
	for i, text := range texts {
		with[i] = p.prompt + text
	}
	return with
}

// promptsFormat is the end of the fingerprint of an embedder with prompts.
const promptsFormat = "query=%q passage=%q"

func (p *prompted) Identity() Identity {
	id := p.Embedder.Identity()
	id.Fingerprint = strings.TrimLeft(id.Fingerprint+" "+fmt.Sprintf(promptsFormat, p.prompts.Query, p.prompts.Passage), " ")
	return id
}

// PromptsOf returns the prompts in an embedder's fingerprint, which may have none.
func PromptsOf(fingerprint string) Prompts {
	var p Prompts
	if i := strings.Index(fingerprint, `query="`); i >= 0 {
		if _, err := fmt.Sscanf(fingerprint[i:], promptsFormat, &p.Query, &p.Passage); err != nil {
			return Prompts{}
		}
	}
	return p
}
