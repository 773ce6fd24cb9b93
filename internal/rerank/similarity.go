package rerank

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"

	"sheaf/internal/embed"
	"sheaf/internal/provider"
	"sheaf/internal/seq"
	"sheaf/internal/vector"
)

// similarity judges by an embedder: a score is the cosine of the vectors of query and text.
type similarity struct {
	texts, queries embed.Embedder // one embedder with its two prompts
	workers, batch int
	known          map[hash]embed.Outcome // of texts that were judged lately
	numbers        int                    // of all known vectors
}

type hash = [sha256.Size]byte

// maxKnown is how many numbers of known vectors are enough to forget them all: 64 MB.
const maxKnown = 16 << 20

func newSimilarity(model string, o Options) (Judge, error) {
	e, err := provider.New(model, o.Options)
	if err != nil {
		return nil, err
	}
	p := provider.Of(model)
	return &similarity{
		texts: e, queries: embed.ForQuestions(e),
		workers: cmp.Or(o.Workers, p.Workers, runtime.GOMAXPROCS(0)), batch: cmp.Or(o.BatchSize, p.BatchSize),
		known: map[hash]embed.Outcome{},
	}, nil
}

// Close implements Judge.
func (s *similarity) Close() error { return embed.Close(s.texts) }

// Judge implements Judge. A text is embedded once for all questions.
func (s *similarity) Judge(ctx context.Context, questions []Question) ([]Verdict, error) {
	if err := s.learn(ctx, questions); err != nil {
		return nil, err
	}
	var verdicts []Verdict
	query := func(q Question) string { return q.Query }
	err := embed.Each(ctx, s.queries, s.workers, s.batch, seq.Of(questions), query, func(q Question, o embed.Outcome) error {
		verdicts = append(verdicts, s.verdict(q, o))
		return nil
	})
	return verdicts, err
}

// learn embeds the texts that are not known.
func (s *similarity) learn(ctx context.Context, questions []Question) error {
	if s.numbers > maxKnown {
		clear(s.known)
		s.numbers = 0
	}
	var fresh []string
	met := map[hash]bool{}
	for _, q := range questions {
		for _, text := range q.Texts {
			h := sha256.Sum256([]byte(text))
			if _, known := s.known[h]; !known && !met[h] {
				met[h] = true
				fresh = append(fresh, text)
			}
		}
	}
	self := func(text string) string { return text }
	return embed.Each(ctx, s.texts, s.workers, s.batch, seq.Of(fresh), self, func(text string, o embed.Outcome) error {
		s.known[sha256.Sum256([]byte(text))] = o
		s.numbers += len(o.Vector)
		return nil
	})
}

// verdict compares a query with its texts, all of which are known.
func (s *similarity) verdict(q Question, query embed.Outcome) Verdict {
	if query.Err != nil {
		return Verdict{Err: fmt.Errorf("the query: %w", query.Err)}
	}
	scores, length := make([]float32, len(q.Texts)), vector.Length(query.Vector)
	for i, text := range q.Texts {
		o := s.known[sha256.Sum256([]byte(text))]
		if o.Err != nil {
			return Verdict{Err: fmt.Errorf("hit %d: %w", i+1, o.Err)}
		}
		scores[i] = float32(vector.Cosine(query.Vector, o.Vector, length, vector.Length(o.Vector)))
	}
	return Verdict{Scores: scores}
}
