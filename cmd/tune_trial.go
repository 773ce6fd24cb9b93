package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/eval"
	"sheaf/internal/ingest"
	"sheaf/internal/progress"
)

// tryAll tries all plans. Those with one embedder follow each other and share a throw-away
// store, in which a text that is there already is not embedded again.
func (t *tuner) tryAll(ctx context.Context) (err error) {
	if len(t.o.roots) == 0 {
		return t.env.withStore(ctx, func(s reader) error { return t.tryEach(ctx, t.env, s, t.o.plans) })
	}
	dir, err := os.MkdirTemp("", "sheaf-tune-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stores := 0
	for plans := t.o.plans; len(plans) > 0; stores++ {
		same, rest := split(plans, func(p *plan) string { return p.embedder })
		for plans = rest; len(same) > 0; {
			var alike []plan
			alike, same = split(same, func(p *plan) string { return fmt.Sprint(p.made()) })
			if err := t.tryMade(ctx, filepath.Join(dir, strconv.Itoa(stores)), alike); err != nil {
				return fmt.Errorf("trying %s: %w", &alike[0], err)
			}
		}
	}
	return nil
}

// split returns the first plans, as many as have the same key, and the rest.
func split(plans []plan, key func(*plan) string) (same, rest []plan) {
	n := 1
	for n < len(plans) && key(&plans[n]) == key(&plans[0]) {
		n++
	}
	return plans[:n], plans[n:]
}

// made returns the choices that a store is made with.
func (p *plan) made() (all []eval.Choice) {
	for _, c := range p.choices {
		if i := slices.Index(tunableNames(), c.Name); tunables[i].made {
			all = append(all, c)
		}
	}
	return all
}

// tryMade brings the throw-away store at path to what the plans ask for, and tries them on it.
func (t *tuner) tryMade(ctx context.Context, path string, plans []plan) (err error) {
	if t.late(plans) {
		return nil
	}
	env := t.env.child(path, plans[0].embedder)
	defer env.end()
	o := &ingestOptions{roots: t.o.roots, loader: t.o.loader, embedder: t.o.embedder, force: true, facts: factFlags{metric: string(engine.L2)}}
	o.embedder.Questions = false
	w, e, _, err := env.openToIngest(ctx, o, new(progress.Counter))
	if err != nil {
		return err
	}
	if err := t.fill(ctx, env, w, e, o, plans[0]); err != nil {
		return errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return err
	}
	return env.withStore(ctx, func(s reader) error { return t.tryEach(ctx, env, s, plans) })
}

// fill ingests the paths with the splitter of a plan, and frees the space of the chunks of the
// one before.
func (t *tuner) fill(ctx context.Context, env *environment, w writer, e embed.Embedder, o *ingestOptions, p plan) error {
	options, err := env.ingestOptions(e, o, new(progress.Counter))
	if err != nil {
		return err
	}
	options.Splitter = p.splitter
	sum, err := ingest.Run(ctx, w, e, options)
	if err != nil {
		return err
	}
	t.failed = sum.Report
	if sum.Chunks.Removed > 0 {
		_, err = w.Compact(ctx)
	}
	return err
}

// child returns an environment for the store at path with an embedder; "" leaves it to the
// settings. It says only what fails.
func (env *environment) child(path, embedder string) *environment {
	c := &environment{streams: env.streams, flags: env.flags, config: env.config, stores: folders{}, command: env.command, now: env.now}
	c.flags.quiet, c.config.Store = true, path
	if embedder != "" {
		c.config.Embedder, c.config.EmbedderFlag = embedder, true
	}
	return c
}

// late reports whether the budget is spent, and notes the plans that are not tried then. The
// first is always tried.
func (t *tuner) late(plans []plan) bool {
	if t.o.budget == 0 || len(t.trials) == 0 || t.env.now().Sub(t.shown.start) < t.o.budget {
		return false
	}
	for _, p := range plans {
		t.skip(p, fmt.Sprintf("the budget of %s was spent", t.o.budget))
	}
	return true
}

func (t *tuner) skip(p plan, reason string) {
	t.notRun = append(t.notRun, notRun{p.String(), reason})
	t.counter.AddChunks(1)
}

// tryEach asks the questions as each plan says.
func (t *tuner) tryEach(ctx context.Context, env *environment, s reader, plans []plan) error {
	var shared models
	for _, p := range plans {
		if reason := p.useless(t.o.metric); reason != "" {
			t.skip(p, reason)
			continue
		}
		if t.late([]plan{p}) {
			continue
		}
		flags := t.o.askFlags
		flags.searchFlags = p.ask
		e := &evaluation{
			examiner: examiner{env: env, store: s, flags: &flags, lambda: p.lambda, models: shared},
			o:        &evalOptions{askFlags: flags, level: "", gain: string(eval.Linear), metrics: []eval.Metric{t.o.metric}},
		}
		trial, err := t.try(ctx, e, p)
		if err != nil {
			return err
		}
		t.trials, shared = append(t.trials, trial), e.models
		t.counter.AddChunks(1)
	}
	return nil
}

func (t *tuner) try(ctx context.Context, e *evaluation, p plan) (eval.Trial, error) {
	questions := slices.Clone(t.questions) // measuring may set their vectors
	r, err := e.measure(ctx, questions)
	if err != nil {
		return eval.Trial{}, err
	}
	took, err := e.timed(min(aloneQueries, len(t.questions)), func(i int) error {
		_, _, err := e.answer(ctx, slices.Clone(t.questions[i:i+1]))
		return err
	})
	if err != nil {
		return eval.Trial{}, err
	}
	info, err := e.store.Info(ctx)
	return eval.Trial{Choices: p.choices, Result: r, Latency: took.P50, Bytes: info.Bytes}, err
}
