package cmd

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/eval"
	"sheaf/internal/filter"
)

// examiner asks the questions of an evaluation as search asks those of a batch.
type examiner struct {
	env    *environment
	store  catalog
	flags  *askFlags
	models // shared by the askers

	lambda *float64 // of mmr; nil: search
}

// block returns the number of questions that are asked at once.
func (e *examiner) block() int { return newAsker(e.env, e.store, e.flags).block() }

// answer returns the queries of a block of questions and their hits. Questions with
// the same filters are searched for together.
func (e *examiner) answer(ctx context.Context, block []eval.Question) ([]query, [][]engine.Hit, error) {
	asked, found := make([]query, len(block)), make([][]engine.Hit, len(block))
	var order []string
	groups := map[string][]int{}
	for i := range block {
		q := &block[i]
		_, err := filter.Parse(q.Filters...)
		asked[i] = newQuery(q.Question, cmp.Or(q.Err, err))
		key := strings.Join(q.Filters, "\x00")
		if _, known := groups[key]; !known {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	for _, key := range order {
		members := groups[key]
		group := make([]query, len(members))
		for j, i := range members {
			group[j] = asked[i]
		}
		hits, err := e.ask(ctx, block[members[0]].Filters, group)
		if err != nil {
			return nil, nil, err
		}
		for j, i := range members {
			asked[i], found[i] = group[j], hits[j]
		}
	}
	return asked, found, nil
}

// ask answers queries that have the same filters besides those of the flags.
func (e *examiner) ask(ctx context.Context, filters []string, group []query) ([][]engine.Hit, error) {
	o := *e.flags
	o.literal = true
	if _, err := filter.Parse(filters...); err == nil { // else none of the group is asked
		o.filter.exprs = slices.Concat(o.filter.exprs, filters)
	}
	a := newAsker(e.env, e.store, &o)
	if e.lambda != nil {
		diverse := mmrOptions{askFlags: o, lambda: *e.lambda}
		a.find, a.diverse = diverse.diverse(e.env, e.store), true
	}
	a.models = e.models
	found, err := a.answerBlock(ctx, group)
	e.models = a.models
	return found, err
}
