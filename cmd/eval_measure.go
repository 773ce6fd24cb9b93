package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"sheaf/internal/eval"
	"sheaf/internal/hint"
)

// evaluation is one run of eval on a store.
type evaluation struct {
	examiner
	o     *evalOptions
	alone []query // some of the questions that were answered, to be asked one by one
}

// measure asks the questions and scores the answers. Where nothing can be measured
// it returns an error.
func (e *evaluation) measure(ctx context.Context, questions []eval.Question) (*eval.Result, error) {
	sources, err := sourceNames(ctx, e.store)
	if err != nil {
		return nil, err
	}
	index, err := e.env.sourcesOf(ctx, e.env.parts(e.store))
	if err != nil {
		return nil, err
	}
	judged, level, err := eval.Resolve(ctx, e.store, index.meant, questions, eval.Level(e.o.level))
	if err != nil {
		return nil, err
	}
	if name := eval.NothingResolved(judged); name != "" {
		return nil, hint.With(usagef("no label names anything in the store: %q, for one", name),
			"was it made from other files, or chunked anew? SOURCE:LINE-LINE and text:WORDS survive that")
	}
	e.flags.settle(e.store.Facts())
	r := &eval.Result{Store: strings.Join(e.env.config.Stores, ", "), Mode: string(e.o.mode), Rerank: e.o.rerank.Model, K: e.o.k, Level: level, Gain: eval.Gain(e.o.gain)}
	if r.Fingerprint, err = e.fingerprint(ctx, sources); err != nil {
		return nil, err
	}
	done := 0
	for block := range slices.Chunk(questions, e.block()) {
		asked, found, err := e.answer(ctx, block)
		if err != nil {
			return nil, err
		}
		for i := range block {
			r.Add(&block[i], &judged[done+i], found[i], e.o.metrics, asked[i].err)
		}
		e.keep(block, asked)
		done += len(block)
	}
	r.Summarize(e.o.metrics)
	for _, q := range r.WorstBy(e.o.metrics[0], e.o.worst) {
		r.Worst = append(r.Worst, q.ID)
	}
	if len(r.Failed) == r.Questions {
		return nil, hint.With(&allFailedError{r.Questions, r.Failed[0]}, "sheaf help eval says what a question holds; sheaf search asks one alone")
	}
	return r, nil
}

func sourceNames(ctx context.Context, s catalog) (names []string, err error) {
	for src, err := range s.Sources(ctx, nil) {
		if err != nil {
			return nil, err
		}
		names = append(names, src.Name)
	}
	return names, nil
}

func (e *evaluation) fingerprint(ctx context.Context, sources []string) (eval.Fingerprint, error) {
	info, err := e.store.Info(ctx)
	return eval.Fingerprint{
		Store: info.ID, Generation: info.Generation, Documents: info.Documents, Sources: eval.HashNames(sources),
		Embedder: strings.TrimSpace(info.Embedder + " " + info.Facts.Fingerprint), Splitter: e.store.Settings(), Search: e.o.given,
	}, err
}

// How many questions are asked one by one, and for how long at most.
const (
	aloneQueries = 100
	aloneTime    = 50 * time.Millisecond
)

// keep keeps some queries for latency: those that have no filter of their own.
func (e *evaluation) keep(block []eval.Question, asked []query) {
	step := max(1, len(block)/aloneQueries)
	for i := 0; i < len(block) && len(e.alone) < aloneQueries; i += step {
		if asked[i].err == nil && len(block[i].Filters) == 0 {
			e.alone = append(e.alone, asked[i])
		}
	}
}

// latency measures how long answers to single questions take, whose texts are
// embedded already.
func (e *evaluation) latency(ctx context.Context) (eval.Latency, error) {
	return e.timed(len(e.alone), func(i int) error {
		_, err := e.ask(ctx, nil, e.alone[i:i+1])
		return err
	})
}

// timed measures how long n calls of ask take, or as many of them as there is time for.
func (e *evaluation) timed(n int, ask func(i int) error) (eval.Latency, error) {
	var took []time.Duration
	for begin := e.env.now(); len(took) < n && e.env.now().Sub(begin) < aloneTime; {
		start := e.env.now()
		if err := ask(len(took)); err != nil {
			return eval.Latency{}, err
		}
		took = append(took, e.env.now().Sub(start))
	}
	return eval.NewLatency(took), nil
}
