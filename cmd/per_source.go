package cmd

import (
	"context"

	"github.com/spf13/pflag"

	"sheaf/internal/engine"
)

func (o *askFlags) addPerSource(flags *pflag.FlagSet) {
	flags.Var(&o.perSource, "per-source", "find at most `N` documents of one source")
}

// morePerSource is how many times as many hits are asked for where too many are of one source.
const morePerSource = 4

// fewPerSource is a search whose answers have at most n hits of one source. It asks for more
// hits until the answers are full, or the hits of a store are at their end. It is exact, as
// the documents of a source may lie near to one another.
func fewPerSource(ctx context.Context, s engine.Searcher, queries [][]float32, o engine.SearchOptions, n int) ([][]engine.Hit, error) {
	k := o.K
	o.Recall = 1
	for {
		found, err := s.Search(ctx, queries, o)
		if err != nil {
			return nil, err
		}
		full := true
		for i, hits := range found {
			some := firstOfSource(hits, n)
			full = full && (len(some) >= k || len(hits) < o.K)
			found[i] = some[:min(k, len(some))]
		}
		if full || o.FetchK > 0 && o.K >= o.FetchK {
			return found, nil
		}
		if o.K *= morePerSource; o.FetchK > 0 {
			o.K = min(o.K, o.FetchK)
		}
	}
}

// firstOfSource returns the first n hits of each source, with ranks.
func firstOfSource(hits []engine.Hit, n int) (some []engine.Hit) {
	type source struct{ store, name string }
	seen := map[source]int{}
	for _, h := range hits {
		of := source{h.Store, h.Source}
		if seen[of]++; seen[of] <= n {
			h.Rank = len(some) + 1
			some = append(some, h)
		}
	}
	return some
}
