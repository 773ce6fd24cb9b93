package openai

import (
	"context"
	"errors"

	"sheaf/internal/embed"
)

var rankForm = form{"rerank", "score", "--rerank", "--rerank-url", "SHEAF_RERANK_API_KEY to the key alone, or give a file with --rerank-api-key-file"}

// ErrNoURL says that nobody has told where the service is.
var ErrNoURL = errors.New("a service that ranks needs its URL")

// Ranker asks a service how well texts answer a query, POST BASE/rerank. The bodies that Cohere,
// Jina, Voyage, vLLM and llama.cpp share are understood, and those of Text Embeddings
// Inference. It is safe for concurrent use.
type Ranker struct{ service *service }

// NewRanker returns the ranker of a service's model; empty: the service has one model and needs no
// name. Its options are those of an embedder, but for the base URL, which must be given.
func NewRanker(model string, o embed.Options) (*Ranker, error) {
	if o.BaseURL == "" {
		return nil, ErrNoURL
	}
	o.Truncate = true // a service that refuses a long text judges its beginning, as other models do
	s, err := newService(model, o, &rankForm)
	if err != nil {
		return nil, err
	}
	s.dim.Set(1) // a score is a vector of one number
	return &Ranker{s}, nil
}

// Rank returns a score for each text, higher for better answers. refused is the reason why there
// are none for this query; err concerns all queries.
func (r *Ranker) Rank(ctx context.Context, query string, texts []string) (scores []float32, refused, err error) {
	b := r.service.fit(texts)
	b.query = query
	for start := 0; start < len(texts); {
		places, next := b.nextRequest(start)
		if err := b.isolate(ctx, places); err != nil {
			if len(b.Errs) > 0 {
				return nil, err, nil
			}
			return nil, nil, err
		}
		start = next
	}
	for _, v := range b.Vectors {
		score := float32(0) // of an empty text, which is not sent
		if v != nil {
			score = v[0]
		}
		scores = append(scores, score)
	}
	return scores, nil, nil
}

// ranks reports whether the service ranks texts.
func (s *service) ranks() bool { return s.form == &rankForm }

// rankFields returns the members of a request that ranks.
func (s *service) rankFields(r request) any {
	if s.texts.Load() {
		return struct {
			Query    string   `json:"query"`
			Texts    []string `json:"texts"`
			Truncate bool     `json:"truncate"`
		}{r.query, r.texts, true}
	}
	return struct {
		Model     string   `json:"model,omitempty"`
		Query     string   `json:"query"`
		Documents []string `json:"documents"`
	}{s.model, r.query, r.texts}
}
