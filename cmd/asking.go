package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/provider"
	"sheaf/internal/rerank"
	"sheaf/internal/seq"
	"sheaf/internal/vector"
	"sheaf/internal/words"
)

// finder returns the hits of each query.
type finder func(ctx context.Context, asked []query) ([][]engine.Hit, error)

// vectors are the vectors of queries.
func vectors(asked []query) (all [][]float32) {
	for _, q := range asked {
		all = append(all, q.vector)
	}
	return all
}

// asker answers queries from a store.
type asker struct {
	env   *environment
	store catalog
	parts []part // of the store: one, or those of a union
	o     *askFlags
	find  finder
	models

	diverse bool              // find needs the vectors of queries
	places  map[origin]*place // of the hits of the block at hand
}

// models are what answers are made with. Each is made when it is needed for the first time.
type models struct {
	bound embed.Embedder // the store's, nil before the first query by text
	judge rerank.Judge   // nil before the first query whose hits are judged again
}

// newAsker returns an asker that answers as search does.
func newAsker(env *environment, s catalog, o *askFlags) *asker {
	o.settle(s.Facts())
	return &asker{env: env, store: s, parts: env.parts(s), o: o, find: o.nearest(env, s)}
}

// answer is the object of --json and a line of a batch.
type answer struct {
	ID     string `json:"id,omitempty"`
	Query  string `json:"query,omitempty"`
	Metric string `json:"metric"`
	Mode   string `json:"mode,omitempty"`
	Rerank string `json:"rerank,omitempty"` // the judge
	K      int    `json:"k"`
	Hits   []hit  `json:"hits"`
	Reason string `json:"reason,omitempty"` // of --json: why there are no hits

	Exact  *bool     `json:"exact,omitempty"` // false, where it is not
	Looked *lookedAt `json:"looked_at,omitempty"`

	Explain *queryExplanation `json:"explain,omitempty"`
	Notices []string          `json:"notices,omitempty"` // of --json
}

// failure is the line of a query that could not be answered.
type failure struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// embedder returns the embedder of the store, which the first call makes.
func (a *asker) embedder() (embed.Embedder, error) {
	if a.bound != nil {
		return a.bound, nil
	}
	f := a.store.Facts()
	if f.Embedder == "" && !a.env.config.EmbedderFlag {
		return nil, errNoEmbedder
	}
	e, err := a.env.boundEmbedder(f, a.o.embedder, nil)
	if err == nil && f.Embedder == "" {
		err = errNoEmbedder
	}
	a.bound = e
	return e, err
}

// wordsAlone reports whether queries need no vectors: they are answered by words in a
// store without an embedder. Then hits have no scores.
func (a *asker) wordsAlone() bool {
	return a.o.mode == engine.ByWords && a.store.Facts().Embedder == "" && !a.env.config.EmbedderFlag &&
		a.o.minRelevance.value == nil && a.o.scoreThreshold.value == nil && !a.diverse
}

// take takes the text of a query apart, where its words count.
func (a *asker) take(q *query) (err error) {
	q.asked.Text = q.text
	if q.vector == nil && a.o.mode.ByText() && !a.o.literal {
		q.asked, err = words.Parse(q.text)
	}
	return err
}

// hitsOf returns the hits of one query, which it completes.
func (a *asker) hitsOf(ctx context.Context, q *query) ([]engine.Hit, error) {
	if err := a.take(q); err != nil {
		return nil, hint.With(usagef("%w", err), "name also what is to be found; a dash within quotes excludes nothing")
	}
	if q.vector == nil && !a.wordsAlone() {
		e, err := a.embedder()
		if err != nil {
			return nil, err
		}
		r, err := e.Embed(ctx, []string{q.asked.Text})
		if err = cmp.Or(err, r.Errs[0]); err != nil {
			return nil, fmt.Errorf("embedding the query: %w", err)
		}
		if n, cut := r.Cut[0]; cut {
			a.env.notice(fmt.Sprintf("only the first %d of the question's %d bytes are embedded: it is too long", n, len(q.asked.Text)))
		}
		q.vector = r.Vectors[0]
	}
	asked := []query{*q}
	found, err := a.find(ctx, asked)
	if err == nil {
		err = a.rerank(ctx, asked, found)
	}
	if err = cmp.Or(err, asked[0].err); err != nil {
		return nil, err
	}
	q.looked = asked[0].looked
	return found[0], nil
}

// ask prints the hits of one query.
func (a *asker) ask(ctx context.Context, q query) error {
	found, err := a.hitsOf(ctx, &q)
	if err != nil {
		return err
	}
	err = a.env.print(a.o.output, func(p *printer) error {
		if p.form == formJSON {
			one, err := a.answer(ctx, q, found)
			if err == nil && len(found) == 0 {
				one.Reason, err = a.whyNothing(ctx, q)
			}
			if err != nil {
				return err
			}
			one.Notices = a.env.started.notices.all()
			return p.object(one)
		}
		hits, err := a.hits(ctx, found)
		if err != nil {
			return err
		}
		if p.form == formTable {
			a.show(ctx, p, q, found)
			markRepeated(hits)
			if of := newQueryExplanation(found); of != nil {
				p.explanation("", append(of.lines(), ""))
			}
		}
		return list(p, "hits", seq.Of(hits))
	})
	if err == nil {
		err = a.tell(ctx, q, found)
	}
	if err == nil && len(found) == 0 && a.o.exitStatus {
		return errNothing
	}
	return err
}

// tell says why nothing was found and, on a terminal, that quotes and dashes set no conditions.
func (a *asker) tell(ctx context.Context, q query, found []engine.Hit) error {
	if a.env.inJSON() || a.env.flags.quiet {
		return nil
	}
	if a.env.streams.OutTerminal {
		a.tellTaken(q)
	}
	scripted := a.o.exitStatus && !a.env.streams.OutTerminal          // the exit code is the answer
	if len(found) > 0 || scripted || a.o.filter.named.absent != nil { // a notice says so
		return nil
	}
	why, err := a.whyNothing(ctx, q)
	if err == nil {
		a.env.notice(nothingFound(why))
	}
	return err
}

// tellTaken says how a query was taken, and how much was looked at.
func (a *asker) tellTaken(q query) {
	if a.o.literal && q.hasMarks() {
		a.env.notice("quotes and dashes were taken as they are typed: with --mode hybrid what is quoted must occur, and -WORD must not")
	}
	if l := q.looked; l.Of > 0 {
		a.env.notice(fmt.Sprintf("%d of %s were looked at", l.Vectors, count(int(l.Of), "vector")))
	}
}

// show prepares p for the texts of hits.
func (a *asker) show(ctx context.Context, p *printer, q query, found []engine.Hit) {
	if p.lines = a.o.lines; a.o.full {
		p.lines = 0
	}
	p.picked = a.diverse
	if q.text == "" || len(found) == 0 {
		return
	}
	// What words weigh takes a search by them. It may fail, as in a store that keeps none.
	weigh := engine.SearchOptions{K: 1, Mode: engine.ByWords, Texts: []string{q.asked.Text}, Explain: true}
	var weighed []engine.WeighedWord
	if by, err := a.store.Search(ctx, [][]float32{nil}, weigh); err == nil && len(by[0]) > 0 && by[0][0].Explanation != nil {
		weighed = by[0][0].Explanation.Query.Words
	}
	p.marker = newMarker(q.asked.Text, weighed)
	if a.bound != nil && provider.Of(a.store.Facts().Embedder).Name == provider.Default { // others take too long for a drawing
		p.near = func(passages []string) int {
			defer func(quiet bool) { a.env.flags.quiet = quiet }(a.env.flags.quiet)
			a.env.flags.quiet = true // the embedder's notices of these texts came when they were stored
			return nearestPassage(ctx, a.bound, q.vector, passages)
		}
	}
}

// nearestPassage is the place of the passage nearest to a query.
func nearestPassage(ctx context.Context, e embed.Embedder, query []float32, passages []string) (best int) {
	r, err := e.Embed(ctx, passages)
	if err != nil {
		return 0
	}
	most := math.Inf(-1)
	for i, v := range r.Vectors {
		if c := vector.Cosine(query, v, vector.Length(query), vector.Length(v)); c > most {
			best, most = i, c
		}
	}
	return best
}

func (a *asker) answer(ctx context.Context, q query, found []engine.Hit) (answer, error) {
	hits, err := a.hits(ctx, found)
	one := answer{
		ID: q.id, Query: q.text, Metric: string(a.store.Facts().Metric), Mode: string(a.o.mode),
		Rerank: a.o.rerank.Model, K: a.o.k, Hits: hits, Explain: newQueryExplanation(found),
	}
	if q.looked.Of > 0 {
		one.Exact, one.Looked = new(bool), &q.looked
	}
	return one, err
}

// A block of a batch has at most batchBlock queries and, unless one query has more,
// batchHits hits, whose texts are in memory together.
const (
	batchBlock = 1000
	batchHits  = 20_000
)

// block returns the number of queries that are embedded and searched at once.
func (a *asker) block() int { return max(1, min(batchBlock, batchHits/a.o.depth())) }

// askAll prints a line for each query of a batch, in order, or its hits by the
// template. It works by blocks, which end early where no more input is buffered,
// so that a program can write one query and wait for its answer.
func (a *asker) askAll(ctx context.Context, all iter.Seq2[query, error]) error {
	asked, failed, hits := 0, 0, 0
	err := a.env.print(a.o.output, func(p *printer) error {
		for block, err := range blocks(all, a.block()) {
			if err != nil {
				return err
			}
			found, err := a.answerBlock(ctx, block)
			if err != nil {
				return err
			}
			for i, q := range block {
				if err := a.printBatched(ctx, p, q, found[i]); err != nil {
					return err
				}
				if q.err != nil {
					failed++
				}
				hits += len(found[i])
			}
			asked += len(block)
			if err := p.Flush(); err != nil {
				return fmt.Errorf("writing the answer: %w", err)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case failed > 0:
		return &partialError{fmt.Sprintf("%d of %d queries failed", failed, asked)}
	case a.o.exitStatus && hits == 0:
		return errNothing
	}
	return nil
}

// printBatched prints the answer of one query of a batch.
func (a *asker) printBatched(ctx context.Context, p *printer, q query, found []engine.Hit) error {
	switch {
	case p.form != formTemplate && q.err != nil:
		return p.object(failure{q.id, messageOf(q.err)})
	case p.form != formTemplate:
		one, err := a.answer(ctx, q, found)
		if err != nil {
			return err
		}
		return p.object(one)
	case q.err != nil:
		a.env.notice(fmt.Sprintf("query %s: %v", visibleLine(q.id), q.err))
	}
	hits, err := a.hits(ctx, found)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if err := p.templated(batchHit{h, q.id, q.text}); err != nil {
			return err
		}
	}
	return nil
}

// blocks groups queries, at most size at a time.
func blocks(all iter.Seq2[query, error], size int) iter.Seq2[[]query, error] {
	return func(yield func([]query, error) bool) {
		var block []query
		for q, err := range all {
			if err != nil {
				if len(block) == 0 || yield(block, nil) {
					yield(nil, err)
				}
				return
			}
			block = append(block, q)
			if len(block) == size || q.last {
				if !yield(block, nil) {
					return
				}
				block = nil
			}
		}
		if len(block) > 0 {
			yield(block, nil)
		}
	}
}

// answerBlock returns the hits of each query. A query that cannot be answered gets
// its error in err and has no hits.
func (a *asker) answerBlock(ctx context.Context, block []query) ([][]engine.Hit, error) {
	a.places = nil
	for i := range block {
		if q := &block[i]; q.err == nil {
			q.err = a.take(q)
		}
	}
	if err := a.embedBlock(ctx, block); err != nil {
		return nil, err
	}
	facts := a.store.Facts()
	var asked []query
	var places []int
	for i := range block {
		q := &block[i]
		switch {
		case q.err != nil:
		case a.o.mode == engine.ByWords && q.text == "":
			q.err = errors.New("a query by vector has no words")
		case a.o.rerank.Model != "" && q.text == "":
			q.err = errors.New("a query by vector has no text to rerank its hits by")
		default:
			q.err = facts.Check(engine.Facts{Dim: len(q.vector)})
		}
		if q.err == nil {
			asked, places = append(asked, *q), append(places, i)
		}
	}
	found := make([][]engine.Hit, len(block))
	if len(asked) == 0 {
		return found, nil
	}
	hits, err := a.find(ctx, asked)
	if err == nil {
		err = a.rerank(ctx, asked, hits)
	}
	for i := range hits {
		q := &block[places[i]]
		found[places[i]], q.err, q.looked = hits[i], asked[i].err, asked[i].looked
	}
	return found, err
}

// embedBlock sets the vectors of the queries by text. A text that the service
// refuses is an error of its query; a service that refuses the key or is
// unavailable ends the batch.
func (a *asker) embedBlock(ctx context.Context, block []query) error {
	var asked []*query
	for i := range block {
		if q := &block[i]; q.err == nil && q.vector == nil && !a.wordsAlone() {
			asked = append(asked, q)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	e, err := a.embedder()
	if errors.Is(err, errNoEmbedder) {
		for _, q := range asked {
			q.err = err
		}
		return nil
	}
	if err != nil {
		return err
	}
	workers, batchSize := a.env.pool(e, a.o.embedder)
	text := func(q *query) string { return q.asked.Text }
	return embed.Each(ctx, e, workers, batchSize, seq.Of(asked), text, func(q *query, o embed.Outcome) error {
		q.vector, q.err = o.Vector, o.Err
		if o.Cut {
			a.env.notice(fmt.Sprintf("question %q: only its beginning is embedded: it is too long", q.id))
		}
		return nil
	})
}

// askFile answers the queries in the file that --queries names.
func (a *asker) askFile(ctx context.Context, plain func(string) query) error {
	return a.env.withInput(a.o.queries, "queries, one a line,", func(r io.Reader) error {
		return a.askAll(ctx, queries(r, plain))
	})
}

// withInput calls use with the file at path, from which what is read, or with stdin for "-".
func (env *environment) withInput(path, what string, use func(io.Reader) error) error {
	if path == "-" {
		return use(env.stdin(what))
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(use(f), f.Close())
}
