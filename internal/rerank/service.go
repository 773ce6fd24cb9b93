package rerank

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/embed"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
)

// serviceWorkers is how many questions a service is asked at once.
const serviceWorkers = 4

// service asks a service that ranks, one request a question.
type service struct {
	ranker  *openai.Ranker
	workers int
}

func newService(model string, o Options) (Judge, error) {
	_, name, named := strings.Cut(model, ":")
	if named && strings.TrimSpace(name) == "" {
		return nil, errors.New("no model after the colon: want service:MODEL, or service where there is only one")
	}
	e := o.Options
	e.BaseURL, e.APIKey, e.APIKeyFile = o.URL, o.Key, o.KeyFile
	e.AuthHeader, e.ExtraBody = "", "" // those are for the service that embeds
	r, err := openai.NewRanker(name, e)
	if errors.Is(err, openai.ErrNoURL) {
		err = hint.With(err, "give it with --rerank-url URL; requests go to URL/rerank")
	}
	if err != nil {
		return nil, err
	}
	return &service{r, cmp.Or(o.Workers, serviceWorkers)}, nil
}

// Close implements Judge.
func (s *service) Close() error { return nil }

// Judge implements Judge.
func (s *service) Judge(ctx context.Context, questions []Question) ([]Verdict, error) {
	verdicts := make([]Verdict, len(questions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.workers)
	for i, q := range questions {
		if len(q.Texts) == 0 {
			continue
		}
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			verdicts[i].Scores, verdicts[i].Err, err = s.ranker.Rank(ctx, q.Query, q.Texts)
			return withHint(err)
		})
	}
	return verdicts, group.Wait()
}

// withHint gives an error of the service a hint about the settings that concern it.
func withHint(err error) error {
	var denied *embed.AuthError
	var refused *embed.RefusedError
	switch {
	case hint.Of(err) != "":
	case errors.As(err, &denied):
		return hint.With(err, "check SHEAF_RERANK_API_KEY, --rerank-api-key-file and the account")
	case errors.As(err, &refused):
		return hint.With(err, "check the model that --rerank names and --rerank-url: requests go to URL/rerank")
	}
	return err
}
