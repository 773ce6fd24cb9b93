package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/eval"
)

// qualitySets are the sets of make eval that are asked.
var qualitySets = []struct{ name, title string }{
	{"lo-en", "help pages, by their titles"},
	{"defs", "definitions, by another dictionary's"},
	{"para", "paraphrases that share few words"},
}

// qualityMetric is what answers are judged by.
var qualityMetric = eval.Metric{Name: "ndcg", K: compareK}

// scored is how good the answers to a set are.
type scored struct {
	Name, Title          string
	Documents, Questions int
	Ways                 []way
}

// way is one to answer: a program and how it searches.
type way struct {
	Name string
	eval.Figure
}

// quality asks sheaf and LangChain the questions of some sets, both with the same vectors, of
// all-MiniLM-L6-v2.
func (c *comparer) quality(ctx context.Context) (scores []scored, err error) {
	sets, models := filepath.Join(c.data, "sets"), filepath.Join(c.data, "models")
	model := filepath.Join(models, "sheaf", "models", filepath.FromSlash(embed.MiniLM))
	embedder := "hf:" + model
	for _, set := range qualitySets {
		one, err := keep(&c.kept, "quality "+set.name, func() (scored, error) {
			s := scored{Name: set.name, Title: set.title}
			err := quietly(ctx, "make", "--silent", "SETS="+c.data, "MODELS="+models, filepath.Join(sets, "complete"), filepath.Join(model, "config.json"))
			if err != nil {
				return s, err
			}
			return s, c.score(ctx, &s, embedder, filepath.Join(sets, set.name))
		})
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", set.name, err)
		}
		scores = append(scores, one)
	}
	return scores, nil
}

// score measures one set.
func (c *comparer) score(ctx context.Context, s *scored, embedder, set string) error {
	dir := filepath.Join(c.dir, "quality-"+s.Name)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	folder, questions := filepath.Join(dir, "store"), filepath.Join(set, "questions.jsonl")
	if err := quietly(ctx, c.sheaf, "ingest", "--quiet", "--store", folder, "--embedder", embedder, filepath.Join(set, "docs.jsonl")); err != nil {
		return err
	}
	var sheaf []way
	for _, mode := range []string{"vector", "hybrid"} {
		var r struct {
			Questions   int
			Fingerprint struct{ Documents int }
			Metrics     map[string]eval.Figure
		}
		if err := c.answer(ctx, &r, "eval", "--quiet", "--json", "--store", folder, "--embedder", embedder, "--mode", mode, "--metric", qualityMetric.String(), questions); err != nil {
			return err
		}
		s.Documents, s.Questions = r.Fingerprint.Documents, r.Questions
		sheaf = append(sheaf, way{"sheaf, " + mode, r.Metrics[qualityMetric.String()]})
	}
	ranked, err := c.rank(ctx, dir, folder, embedder, questions)
	s.Ways = append(ranked, sheaf...)
	return err
}

// rank has LangChain answer the questions of a file from what a store exports.
func (c *comparer) rank(ctx context.Context, dir, folder, embedder, file string) ([]way, error) {
	at := slices.IndexFunc(c.systems, func(s *system) bool { return s.name == "langchain" })
	if c.systems[at].missing != "" {
		return nil, nil
	}
	texts, expected, err := readExpected(file)
	if err != nil {
		return nil, err
	}
	list, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	questions, lines, vectors := filepath.Join(dir, "questions.json"), filepath.Join(dir, "questions.txt"), filepath.Join(dir, "questions.f32")
	for path, content := range map[string][]byte{questions: list, lines: []byte(strings.Join(texts, "\n") + "\n")} {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			return nil, err
		}
	}
	raw, err := exec.CommandContext(ctx, c.sheaf, "embed", "--quiet", "--embedder", embedder, "--lines", lines, "--binary", "f32").Output()
	if err != nil {
		return nil, fmt.Errorf("embedding the questions: %w", err)
	}
	exported := filepath.Join(dir, "langchain")
	if err := os.WriteFile(vectors, raw, 0o666); err != nil {
		return nil, err
	}
	if err := quietly(ctx, c.sheaf, "export", "--quiet", "--store", folder, "--format", "langchain", exported); err != nil {
		return nil, err
	}
	command := c.peer(c.systems[at], "rank", exported, questions, vectors)
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", command, err)
	}
	var rankings struct{ Similarity, Ensemble [][]string }
	if err := json.Unmarshal(out, &rankings); err != nil {
		return nil, err
	}
	return []way{
		{"LangChain, FAISS", judge(rankings.Similarity, expected)},
		{"LangChain, with BM25", judge(rankings.Ensemble, expected)},
	}, nil
}

// readExpected reads questions and the ids that answer them.
func readExpected(file string) (texts []string, expected [][]string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	for line := range bytes.Lines(data) {
		var q struct {
			Query  string
			Expect []string
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		for i, label := range q.Expect {
			q.Expect[i] = strings.TrimPrefix(label, "id:")
		}
		texts, expected = append(texts, q.Query), append(expected, q.Expect)
	}
	return texts, expected, nil
}

// judge scores rankings as sheaf eval does.
func judge(rankings, expected [][]string) eval.Figure {
	values := make([]float64, len(expected))
	for i, want := range expected {
		if i >= len(rankings) {
			continue
		}
		var found []int
		for _, id := range rankings[i] {
			grade := 0
			if slices.Contains(want, id) {
				grade = 1
			}
			found = append(found, grade)
		}
		values[i] = qualityMetric.Score(found, slices.Repeat([]int{1}, len(want)), eval.Linear)
	}
	return eval.NewFigure(values)
}
