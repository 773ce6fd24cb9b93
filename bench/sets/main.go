// Command sets measures how well sheaf answers questions of sets that nobody
// trained on: it ingests each into a store for every embedder, runs sheaf eval in
// every mode, and writes the figures into the table of docs/evaluation.md.
// fetch.sh and build.py make the sets; make eval runs all three.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// embedder is what is measured, in which modes, and for which sets.
type embedder struct {
	name  string
	modes []string
	suits func(s set) bool
}

// embedders are all of them. Answers by words are the same for each.
var embedders = []embedder{
	{"builtin", []string{"vector", "words", "hybrid"}, func(set) bool { return true }},
	{"builtin:multilingual", []string{"vector", "hybrid"}, func(set) bool { return true }},
	{"minilm", []string{"vector", "hybrid"}, func(s set) bool { return s.name != "many" }}, // that would take an hour
}

// set is a folder that build.py made.
type set struct {
	name, dir string
	Lang      string `json:"lang"`
	Note      string `json:"note"`
}

// result is what is read of sheaf eval --json.
type result struct {
	Questions   int `json:"questions"`
	Fingerprint struct {
		Documents int `json:"documents"`
	} `json:"fingerprint"`
	Metrics map[string]struct{ Value, Low, High float64 } `json:"metrics"`
}

func main() {
	sheaf := flag.String("sheaf", "./sheaf", "measure this `PROGRAM`")
	data := flag.String("sets", "bench/data/sets", "the `DIR` that build.py wrote to")
	stores := flag.String("stores", "bench/data/setstores", "make the stores in `DIR`")
	page := flag.String("page", "docs/evaluation.md", "write the table into `FILE`; - is stdout")
	only := flag.String("only", "*", "measure the sets whose names match `GLOB`")
	wanted := flag.String("embedders", "builtin,builtin:multilingual,minilm", "measure these embedders: `NAME,NAME`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *sheaf, *data, *stores, *page, *only, strings.Split(*wanted, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sets:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sheaf, data, stores, page, only string, wanted []string) error {
	sets, err := readSets(data, only)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(embedders), func(e embedder) bool { return !slices.Contains(wanted, e.name) })
	head := []string{"set", "question -> document", "documents", "questions"}
	for _, e := range chosen {
		for _, m := range e.modes {
			head = append(head, e.name+", "+m)
		}
	}
	rows := [][]string{head}
	for _, s := range sets {
		row, err := measure(ctx, sheaf, filepath.Join(stores, s.name), s, chosen)
		if err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
		fmt.Fprintln(os.Stderr, strings.Join(row, "  "))
		rows = append(rows, row)
	}
	if page == "-" {
		_, err := fmt.Print(table(rows))
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if text, err = replaceTable(text, table(rows)); err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, text, 0o666)
}

// readSets returns the sets in a folder: English ones first, then by name.
func readSets(data, only string) (sets []set, err error) {
	files, err := filepath.Glob(filepath.Join(data, only, "set.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s := set{dir: filepath.Dir(file)}
		s.name = filepath.Base(s.dir)
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		sets = append(sets, s)
	}
	slices.SortStableFunc(sets, func(a, b set) int {
		switch {
		case (a.Lang == "en") == (b.Lang == "en"):
			return 0
		case a.Lang == "en":
			return -1
		}
		return 1
	})
	if len(sets) == 0 {
		return nil, fmt.Errorf("no set in %q: make eval builds them", data)
	}
	return sets, nil
}

// measure returns the row of a set. Its stores stay, and only what is new in a set is
// embedded the next time.
func measure(ctx context.Context, sheaf, stores string, s set, embedders []embedder) ([]string, error) {
	var documents, questions int
	var figures []string
	for _, e := range embedders {
		if !e.suits(s) {
			figures = append(figures, make([]string, len(e.modes))...)
			continue
		}
		store := filepath.Join(stores, strings.ReplaceAll(e.name, ":", "-"))
		if _, err := output(ctx, sheaf, "ingest", "--quiet", "--store", store, "--embedder", e.name, filepath.Join(s.dir, "docs.jsonl")); err != nil {
			return nil, err
		}
		for _, m := range e.modes {
			b, err := output(ctx, sheaf, "eval", "--quiet", "--json", "--store", store, "--mode", m, filepath.Join(s.dir, "questions.jsonl"))
			if err != nil {
				return nil, err
			}
			var r result
			if err := json.Unmarshal(b, &r); err != nil {
				return nil, err
			}
			documents, questions = r.Fingerprint.Documents, r.Questions
			figures = append(figures, r.figures())
		}
	}
	return append([]string{s.name, s.Note, fmt.Sprint(documents), fmt.Sprint(questions)}, figures...), nil
}

// figures are nDCG@10 with half of its interval, recall@10 and MRR@10.
func (r result) figures() string {
	ndcg := r.Metrics["ndcg@10"]
	return fmt.Sprintf("%s ± %s · %s · %s", short(ndcg.Value), short((ndcg.High-ndcg.Low)/2), short(r.Metrics["recall@10"].Value), short(r.Metrics["mrr@10"].Value))
}

// short writes .604 for 0.604.
func short(x float64) string { return strings.TrimPrefix(fmt.Sprintf("%.3f", x), "0") }

func output(ctx context.Context, sheaf string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, sheaf, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("sheaf %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// table writes rows as Markdown, the first one as its head.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
	return b.String()
}

// What is before and after the table on a page.
const (
	begin = "<!-- make eval writes from here -->\n"
	end   = "<!-- to here -->\n"
)

func replaceTable(page []byte, table string) ([]byte, error) {
	before, rest, begun := bytes.Cut(page, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !begun || !ended {
		return nil, fmt.Errorf("it has no lines %q and %q", begin, end)
	}
	return slices.Concat(before, []byte(begin), []byte(table), []byte(end), after), nil
}
