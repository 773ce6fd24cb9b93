package cmd

import (
	"context"
	"fmt"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// nothingFound is the notice of an answer without hits, for a reason or for none that is known.
func nothingFound(why string) string {
	if why == "" {
		return "nothing found"
	}
	return "nothing found: " + why
}

// whyNothing says why a query has no hits, "" where that is not known.
func (a *asker) whyNothing(ctx context.Context, q query) (string, error) {
	if absent := a.o.filter.named.absent; absent != nil {
		return absent.Error(), nil
	}
	why, err := a.o.filter.whyUnmatched(ctx, a.env, a.store)
	if why != "" || err != nil {
		return why, err
	}
	loose := *a.o
	loose.k, loose.fetchK, loose.scoreThreshold, loose.minRelevance = 1, 0, figure{}, figure{}
	nearest, err := loose.nearest(a.env, a.store)(ctx, []query{q})
	switch {
	case err == nil && len(nearest[0]) == 0 && q.asked.Condition != nil:
		return "no document has all that is quoted and nothing of what is excluded", nil
	case err == nil && len(nearest[0]) == 0 && a.o.mode == engine.ByWords:
		return "no document has one of these words", nil
	case err != nil || len(nearest[0]) == 0:
		return "", err
	case a.o.scoreThreshold.value == nil && a.o.minRelevance.value == nil:
		return fmt.Sprintf("none of the %d nearest documents matches the filter", a.o.fetchK), nil
	}
	best := nearest[0][0]
	return fmt.Sprintf("the nearest document has the score %s and the relevance %s, beyond the threshold",
		decimal(float64(best.Score)), decimal(float64(best.Relevance))), nil
}

// whyUnmatched says why no document is chosen, "" where one is.
func (o *filterFlags) whyUnmatched(ctx context.Context, env *environment, s catalog) (string, error) {
	info, err := s.Info(ctx)
	if err != nil || info.Documents == 0 {
		return "the store is empty", err
	}
	f, err := o.in(ctx, env, s)
	if err != nil || f == nil {
		return "", err
	}
	if found, err := matches(ctx, s, f); found || err != nil {
		return "", err
	}
	for _, key := range f.Keys() {
		condition, err := marshal(map[string]any{key: map[string]bool{"$exists": true}})
		if err != nil {
			return "", err
		}
		exists, err := filter.Parse(string(condition))
		if err != nil {
			return "", err
		}
		if found, err := matches(ctx, s, exists); !found || err != nil {
			return fmt.Sprintf("no document has the metadata key %q", key), err
		}
	}
	const why = "no document matches the filter"
	for _, expr := range o.exprs {
		f, err := filter.Parse(expr)
		if err != nil {
			return "", err
		}
		if !f.AsksSource() {
			continue
		}
		if found, err := matches(ctx, s, f); !found || err != nil {
			return why + "; " + filter.SourceKey + " asks for the file that a text came from: --source takes it as it is shown", err
		}
	}
	return why, nil
}
