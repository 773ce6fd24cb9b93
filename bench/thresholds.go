package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// cuts are the figures of --min-relevance whose effect is measured.
var cuts = []float64{0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90}

// strangers is how many times as many questions a set has for itself as it has for
// each other set.
const strangers = 4

// hit is the first hit of a question.
type hit struct {
	relevance float64
	right     bool
}

// judgement is what a set's documents answer: to the set's questions, which they can
// answer, and to those of others.
type judgement struct{ own, others []hit }

// thresholds measures what a cut of relevance does to the first hit of a question. A
// set is two files of the folder -sets: NAME.docs.jsonl has {"id", "text"} and
// NAME.questions.jsonl {"query", "expect": ["id:ID", …]}, one a line.
func (b *bench) thresholds(ctx context.Context) error {
	sets, err := filepath.Glob(filepath.Join(b.sets, "*"+docsSuffix))
	if err != nil || len(sets) < 2 {
		return errors.Join(fmt.Errorf("-sets %q holds %d sets; two are needed", b.sets, len(sets)), err)
	}
	for _, embedder := range []string{"builtin", "minilm"} {
		var all []judgement
		for _, docs := range sets {
			j, err := b.judge(ctx, embedder, docs, sets)
			if err != nil {
				return err
			}
			all = append(all, j)
		}
		b.table(fmt.Sprintf("Cuts of the relevance of %s, mean over %d sets (lowest to highest):", embedder, len(sets)), cutRows(all))
	}
	return nil
}

const docsSuffix = ".docs.jsonl"

// judge asks the documents of a set its own questions, and some of each other set.
func (b *bench) judge(ctx context.Context, embedder, docs string, sets []string) (j judgement, err error) {
	store := filepath.Join(b.data, "thresholds", embedder+"-"+strings.TrimSuffix(filepath.Base(docs), docsSuffix))
	if _, err := b.command("ingest", "--store", store, "--quiet", "--embedder", embedder, docs)(ctx); err != nil {
		return j, err
	}
	for _, set := range sets {
		hits, every := &j.others, strangers
		if set == docs {
			hits, every = &j.own, 1
		}
		found, err := b.firstHits(ctx, store, strings.TrimSuffix(set, docsSuffix)+".questions.jsonl", every)
		if err != nil {
			return j, err
		}
		*hits = append(*hits, found...)
	}
	return j, nil
}

// firstHits asks each so manyth question of a file. Where the set is another one,
// no hit counts as right, whatever its id is.
func (b *bench) firstHits(ctx context.Context, store, file string, every int) (hits []hit, err error) {
	questions, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var batch bytes.Buffer
	var expected [][]string
	for i, line := range slices.Collect(bytes.Lines(questions)) {
		var q struct {
			Query  string   `json:"query"`
			Expect []string `json:"expect"`
		}
		if i%every != 0 {
			continue
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		expected = append(expected, q.Expect)
		if err := json.NewEncoder(&batch).Encode(map[string]string{"query": q.Query}); err != nil {
			return nil, err
		}
	}
	search := exec.CommandContext(ctx, b.sheaf, "search", "--mode", "vector", "--store", store, "-k", "1", "--queries", "-")
	search.Stdin, search.Stderr = &batch, os.Stderr
	answers, err := search.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", search.Args, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(answers))
	for _, expect := range expected {
		var a struct {
			Hits []struct {
				ID        string  `json:"id"`
				Relevance float64 `json:"relevance"`
			} `json:"hits"`
		}
		if err := decoder.Decode(&a); err != nil || len(a.Hits) != 1 {
			return nil, errors.Join(fmt.Errorf("%v: %d hits, 1 wanted", search.Args, len(a.Hits)), err)
		}
		hits = append(hits, hit{a.Hits[0].Relevance, every == 1 && slices.Contains(expect, "id:"+a.Hits[0].ID)})
	}
	return hits, nil
}

// cutRows are the rows of the table of cuts.
func cutRows(all []judgement) [][]string {
	rows := [][]string{{"`--min-relevance`", "precision", "recall", "unrelated questions that find something"}}
	for _, cut := range append([]float64{0}, cuts...) {
		var precision, recall, others []float64
		for _, j := range all {
			passed, right := passing(j.own, cut)
			_, allRight := passing(j.own, 0)
			unrelated, _ := passing(j.others, cut)
			if passed > 0 {
				precision = append(precision, float64(right)/float64(passed))
			}
			if allRight > 0 {
				recall = append(recall, float64(right)/float64(allRight))
			}
			others = append(others, float64(unrelated)/float64(len(j.others)))
		}
		name := "none"
		if cut > 0 {
			name = fmt.Sprintf("%.2f", cut)
		}
		rows = append(rows, []string{name, spread(precision), spread(recall), spread(others)})
	}
	return rows
}

// passing counts the hits that are relevant enough, and the right ones of them.
func passing(hits []hit, cut float64) (passed, right int) {
	for _, h := range hits {
		if h.relevance >= cut {
			passed++
			if h.right {
				right++
			}
		}
	}
	return passed, right
}

// spread gives the mean of shares, the lowest and the highest.
func spread(shares []float64) string {
	if len(shares) == 0 {
		return ""
	}
	sum := 0.0
	for _, s := range shares {
		sum += s
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", sum/float64(len(shares)), slices.Min(shares), slices.Max(shares))
}
