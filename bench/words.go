package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// What a search by words may take: `sheaf info`, which starts and opens the store, times a factor
// or and a constant; and with many commits behind the store a factor of what it takes after compaction.
const (
	smallWords   = 1.5
	middleWords  = 15 * time.Millisecond
	largeWords   = 40 * time.Millisecond
	commitsWords = 2.0
)

const (
	wordCommits = 200
	wordHits    = 10
)

// wordProgram answers queries by words, with an index of its own.
type wordProgram struct {
	name  string
	ask   func(query string) contender
	limit func(n int, start, compacted time.Duration) time.Duration // nil: none

	// What only the first of the programs that share an index has.
	index  *built
	answer func(ctx context.Context, query string) ([]int, error) // the numbers of the best texts

	took series // the fastest of each query
}

// words compares one-shot searches by words with other indexes of the same texts, and ingest
// with and without words.
func (b *bench) words(ctx context.Context) error {
	python, err := b.venv(ctx, "venv-words", "sqlite3, tantivy", "tantivy")
	if err != nil {
		fmt.Fprintf(b.out, "\nNo comparison with FTS5 and tantivy: %v\n", err)
		python = ""
	}
	if err := writeWordTexts(b.wordTexts(), large); err != nil {
		return err
	}
	rows := [][]string{{"documents", "program", "a query", "÷ its limit", "÷ sheaf", "processor time of building", "index", "index ÷ text", "hits as sheaf's", "lists as sheaf's"}}
	for _, n := range []int{small, middle, large} {
		more, err := b.wordsAt(ctx, python, n)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	b.table(fmt.Sprintf("Search by words, %d queries of %d words, k = %d. The fastest of %d rounds for each query: the median of them, the slowest in brackets:",
		wordQueries, len(wordRanks), wordHits, b.rounds), rows)
	return b.wordsCost(ctx)
}

// wordsAt measures all programs with n texts.
func (b *bench) wordsAt(ctx context.Context, python string, n int) (rows [][]string, err error) {
	programs, err := b.sheafByWords(ctx, n)
	if err != nil {
		return nil, err
	}
	for _, engine := range []string{"FTS5", "tantivy"} {
		if python == "" {
			break
		}
		p, more, failed := b.peerByWords(ctx, python, engine, n)
		if failed != nil {
			return nil, failed
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		programs = append(programs, more...)
	}
	queries := wordQuestions()
	var contenders []contender
	for _, query := range queries {
		for _, p := range programs {
			contenders = append(contenders, p.ask(query))
		}
	}
	fmt.Fprintf(os.Stderr, "bench: asking %d documents\n", n)
	took, err := interleave(ctx, b.rounds, contenders...)
	if err != nil {
		return nil, err
	}
	for i, s := range took {
		p := programs[i%len(programs)]
		p.took = append(p.took, sample{Wall: s.fastest()})
	}
	text, err := lineBytes(b.wordTexts(), n)
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		row, err := p.row(ctx, n, text, programs, queries)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// row is one of the table. The first of all programs only starts, the second is what all are
// compared with.
func (p *wordProgram) row(ctx context.Context, n int, text int64, all []*wordProgram, queries []string) ([]string, error) {
	start, ours := all[0].took.median(), all[1].took.median()
	row := []string{strconv.Itoa(n), p.name, fmt.Sprintf("%s (%s)", millis(p.took.median()), millis(slices.Max(p.took.walls()))), "", ratio(p.took.median(), ours), "", "", "", "", ""}
	if p.limit != nil {
		row[3] = within(p.took.median(), p.limit(n, start, ours))
	}
	if p.index != nil {
		row[5], row[6], row[7] = fmt.Sprintf("%.1f s", p.index.Seconds), megabytes(p.index.Bytes), fmt.Sprintf("%.2f", float64(p.index.Bytes)/float64(text))
	}
	if p.answer == nil || p == all[1] {
		return row, nil
	}
	hits, lists, total := 0, 0, 0
	for _, query := range queries {
		want, wantErr := all[1].answer(ctx, query)
		got, err := p.answer(ctx, query)
		if err := errors.Join(wantErr, err); err != nil {
			return nil, err
		}
		total += len(want)
		common := slices.DeleteFunc(slices.Clone(got), func(i int) bool { return !slices.Contains(want, i) })
		hits += len(common)
		if slices.Equal(got, want) {
			lists++
		}
	}
	row[8], row[9] = fmt.Sprintf("%d of %d", hits, total), fmt.Sprintf("%d of %d", lists, len(queries))
	return row, nil
}

// sheafByWords are the start, the search after compaction and, but for the smallest store, that with
// many commits behind the store.
func (b *bench) sheafByWords(ctx context.Context, n int) ([]*wordProgram, error) {
	dir := filepath.Join(b.data, "words-"+strconv.Itoa(n))
	index, err := b.wordIndex(ctx, dir, n)
	if err != nil {
		return nil, err
	}
	ask := func(dir string) func(string) contender {
		return func(query string) contender { return b.command(searchByWords(dir, query)...) }
	}
	programs := []*wordProgram{
		{name: "`sheaf info`", ask: func(string) contender { return b.command("info", "--json", "--store", dir) }},
		{name: "`sheaf search --mode words`", ask: ask(dir), limit: wordsLimit, index: &index, answer: b.answerByWords(dir)},
	}
	if n == small {
		return programs, nil
	}
	committed := dir + "-committed"
	_, err = b.builtOnce(committed, func() (built, error) { return built{}, b.wordStore(ctx, committed, n, wordCommits, false) })
	return append(programs, &wordProgram{
		name: fmt.Sprintf("the same, after %d commits", wordCommits), ask: ask(committed), answer: b.answerByWords(committed),
		limit: func(_ int, _, compacted time.Duration) time.Duration {
			return time.Duration(commitsWords * float64(compacted))
		},
	}), err
}

func wordsLimit(n int, start, _ time.Duration) time.Duration {
	switch n {
	case small:
		return time.Duration(smallWords * float64(start))
	case middle:
		return start + middleWords
	}
	return start + largeWords
}

func searchByWords(dir, query string) []string {
	return []string{"search", "--store", dir, "--mode", "words", "-k", strconv.Itoa(wordHits), "--json", query}
}

func (b *bench) answerByWords(dir string) func(context.Context, string) ([]int, error) {
	return func(ctx context.Context, query string) ([]int, error) {
		out, err := exec.CommandContext(ctx, b.sheaf, searchByWords(dir, query)...).Output()
		if err != nil {
			return nil, fmt.Errorf("asking sheaf: %w", err)
		}
		var answer struct{ Hits []struct{ ID string } }
		if err := json.Unmarshal(out, &answer); err != nil {
			return nil, err
		}
		numbers := make([]int, len(answer.Hits))
		for i, h := range answer.Hits {
			if numbers[i], err = strconv.Atoi(h.ID); err != nil {
				return nil, err
			}
		}
		return numbers, nil
	}
}

// peerByWords is an engine within a running process of Python's, and as a process for each query.
func (b *bench) peerByWords(ctx context.Context, python, engine string, n int) (*peer, []*wordProgram, error) {
	script, path := filepath.Join("bench", "words_peer.py"), filepath.Join(b.data, fmt.Sprintf("words-%d-%s", n, engine))
	index, err := b.builtOnce(path, func() (index built, err error) {
		c := exec.CommandContext(ctx, python, script, "build", engine, path, b.wordTexts(), strconv.Itoa(n))
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return index, fmt.Errorf("%v: %w", c.Args, err)
		}
		return index, json.Unmarshal(out, &index)
	})
	if err != nil {
		return nil, nil, err
	}
	c := exec.CommandContext(ctx, python, script, "serve", engine, path)
	p, err := launch(c)
	if err != nil {
		return nil, nil, err
	}
	return p, []*wordProgram{
		{name: engine + ", in process", ask: p.ask, index: &index, answer: func(ctx context.Context, query string) ([]int, error) {
			_, err := p.ask(query)(ctx)
			return p.labels, err
		}},
		{name: engine + ", one-shot in Python", ask: func(query string) contender { return process(python, script, "once", engine, path, query) }},
	}, nil
}
