package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/store"
)

// filteredAsked is how many of the questions that did not tune are asked with each filter:
// fewer where each takes ten times as long.
var filteredAsked = map[int]int{large: 100, huge: 25}

// filtered compares exact searches with those by lists, with filters that have nothing to do
// with what is near, and with some that let through whole topics: those of one question in so
// many, and for the others what is far from them.
func (l *listed) filtered(ctx context.Context) error {
	s, err := store.Open(ctx, l.dir, engine.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	topics := l.n / rowsPerTopic
	rows := [][]string{{"filter", "recall@10", "rows looked at", "by all rows", "exact, a question", "by lists", "÷ exact"}}
	for _, expr := range []string{
		"", "tenth=3", "tenth<=4", "tenth!=3", fmt.Sprint("topic<", topics/2), fmt.Sprint("topic>=", topics/2),
		fmt.Sprint("topic>=", topics*8/10), fmt.Sprintf("topic<%d", topics/100),
	} {
		row, err := l.filteredRow(ctx, s, expr)
		if err != nil {
			return fmt.Errorf("filter %q: %w", expr, err)
		}
		rows = append(rows, row)
	}
	l.table(fmt.Sprintf("%d clustered vectors, with filters, in process, means of %d questions:", l.n, filteredAsked[l.n]), rows)
	return nil
}

func (l *listed) filteredRow(ctx context.Context, s *store.Store, expr string) ([]string, error) {
	o := engine.SearchOptions{K: 10}
	if expr != "" {
		f, err := filter.Parse(expr)
		if err != nil {
			return nil, err
		}
		o.Filter = f
	}
	var found, looked []float64
	var took [2]time.Duration
	all, x, c := 0, make([]float32, dim), l.unknown()
	for range filteredAsked[l.n] {
		c.vector(x, questionFar)
		share := 1.0
		var hits [2][][]engine.Hit
		for i, recall := range []float64{1, listsRecall} {
			o.Recall, o.Looked = recall, func(_ int, rows, of int64) { share = float64(rows) / float64(of) }
			start := time.Now()
			var err error
			if hits[i], err = s.Search(ctx, [][]float32{x}, o); err != nil {
				return nil, err
			}
			took[i] += time.Since(start)
		}
		if len(hits[0][0]) != len(hits[1][0]) || len(hits[0][0]) == 0 {
			return nil, errors.New("an answer is short")
		}
		if looked = append(looked, share); share == 1 {
			all++
		}
		same := slices.DeleteFunc(hits[1][0], func(h engine.Hit) bool {
			return !slices.ContainsFunc(hits[0][0], func(e engine.Hit) bool { return e.ID == h.ID })
		})
		found = append(found, float64(len(same))/float64(len(hits[0][0])))
	}
	recall, spread := meanOf(found)
	share, _ := meanOf(looked)
	name := "none"
	if expr != "" {
		name = "`" + expr + "`"
	}
	return []string{
		name, fmt.Sprintf("%.4f ± %.4f", recall, 1.96*spread), fmt.Sprintf("%.3f", share), fmt.Sprintf("%d of %d", all, len(found)),
		millis(took[0] / time.Duration(len(found))), millis(took[1] / time.Duration(len(found))), ratio(took[1], took[0]),
	}, nil
}

// meanOf returns the mean of figures and its standard error.
func meanOf(x []float64) (mean, spread float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		spread += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(spread/float64(len(x)-1)) / math.Sqrt(float64(len(x)))
}
