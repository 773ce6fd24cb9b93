// Command sets measures how well sheaf answers questions of sets that nobody
// trained on: it ingests each into a store for every embedder, runs sheaf eval in
// every mode, and writes the figures into the table of docs/evaluation.md, and how
// they stand to what was to be reached into that of docs/embedders.md.
// fetch.sh and build.py make the sets; make eval runs all three.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sheaf/bench/page"
)

// embedder is what is measured, in which modes.
type embedder struct {
	name  string
	modes []string
	aside []string // modes that the goals are about, and the table leaves out
	slow  bool     // it embeds some dozens of texts a second
}

// judged is the mode hybrid with a judge, which reads English and is slow: it is asked for the sets
// of one kind of text alone.
const (
	judge  = "minilm:int8"
	judged = "hybrid, judged by " + judge
)

// embedders are all of them. Answers by words are the same for each.
var embedders = []embedder{
	{name: "builtin", modes: []string{"vector", "words", "hybrid"}, aside: []string{judged}},
	{name: "builtin:1", aside: []string{"vector"}},
	{name: "builtin:multilingual", modes: []string{"vector", "hybrid"}},
	{name: "minilm", modes: []string{"vector", "hybrid"}, slow: true},
	{name: "minilm:int8", aside: []string{"vector"}, slow: true},
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

// bench is one run.
type bench struct {
	sheaf, stores string
	embedders     []embedder
	rows          [][]string // of the table, its head first
	measured      figures
	most          int                      // texts that a slow embedder embeds for a set
	vectors       map[string]embeddedTexts // by slow embedder
}

func main() {
	sheaf := flag.String("sheaf", "./sheaf", "measure this `PROGRAM`")
	data := flag.String("sets", "bench/data/sets", "the `DIR` that build.py wrote to")
	stores := flag.String("stores", "bench/data/setstores", "make the stores in `DIR`")
	path := flag.String("page", "docs/evaluation.md", "write the table into `FILE`; - writes this and the other to stdout")
	goals := flag.String("goals", "docs/embedders.md", "write how the figures stand to their limits into `FILE`")
	only := flag.String("only", "*", "measure the sets whose names match `GLOB`")
	most := flag.Int("most", 30_000, "leave out a slow embedder where it has to embed more than `N` texts")
	wanted := flag.String("embedders", names(), "measure these embedders: `NAME,NAME`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	b := &bench{sheaf: *sheaf, stores: *stores, most: *most, measured: figures{}, vectors: map[string]embeddedTexts{}}
	b.embedders = slices.DeleteFunc(slices.Clone(embedders), func(e embedder) bool { return !slices.Contains(strings.Split(*wanted, ","), e.name) })
	err := b.run(ctx, *data, *only)
	if err == nil {
		err = b.write(*path, *goals)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sets:", err)
		os.Exit(1)
	}
}

// names are those of all embedders.
func names() string {
	var all []string
	for _, e := range embedders {
		all = append(all, e.name)
	}
	return strings.Join(all, ",")
}

// run measures the sets whose names match a pattern.
func (b *bench) run(ctx context.Context, data, only string) error {
	sets, err := readSets(data, only)
	if err != nil {
		return err
	}
	head := []string{"set", "question -> document", "documents", "questions"}
	for _, e := range b.embedders {
		for _, m := range e.modes {
			head = append(head, column(e.name, m))
		}
	}
	b.rows = [][]string{append(head, "FTS5, trigrams")}
	for _, s := range sets {
		row, err := b.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
		fmt.Fprintln(os.Stderr, strings.Join(row, "  "))
		b.rows = append(b.rows, row)
	}
	return nil
}

// writer is what the pages name as the writer of their tables.
const writer = "make eval"

// write puts the figures into one page and how they stand to their limits into another.
func (b *bench) write(path, goals string) error {
	all, reached := page.Table(b.rows), page.Table(b.measured.table())
	if path == "-" {
		_, err := fmt.Print(all, "\n", reached)
		return err
	}
	return errors.Join(page.Write(path, writer, all), page.Write(goals, writer, reached))
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
// embedded the next time. Sets of the same documents share them.
func (b *bench) measure(ctx context.Context, s set) ([]string, error) {
	docs, err := os.ReadFile(filepath.Join(s.dir, "docs.jsonl"))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(docs)
	var cells []string
	var r result
	b.measured[s.name] = map[string]float64{}
	for _, e := range b.embedders {
		store := filepath.Join(b.stores, hex.EncodeToString(sum[:8]), strings.ReplaceAll(e.name, ":", "-"))
		suits, err := b.ingest(ctx, e, store, s)
		if err != nil {
			return nil, err
		}
		if !suits {
			cells = append(cells, make([]string, len(e.modes))...)
			continue
		}
		for _, m := range slices.Concat(e.modes, e.aside) {
			if m == judged && !slices.Contains(englishSets, s.name) {
				continue
			}
			r = result{}
			if err := ask(ctx, &r, b.sheaf, slices.Concat([]string{"eval", "--quiet", "--json", "--store", store, filepath.Join(s.dir, "questions.jsonl")}, flags(m))...); err != nil {
				return nil, err
			}
			if slices.Contains(e.modes, m) {
				cells = append(cells, r.figures())
			}
			b.measured[s.name][column(e.name, m)] = r.Metrics["ndcg@10"].Value
		}
	}
	trigrams := ""
	if s.Lang == "ja" || s.Lang == "zh" {
		var peer result
		if err := ask(ctx, &peer, "python3", "-B", "bench/sets/trigram.py", s.dir); err != nil {
			return nil, err
		}
		trigrams = peer.figures()
	}
	return slices.Concat([]string{s.name, s.Note, fmt.Sprint(r.Fingerprint.Documents), fmt.Sprint(r.Questions)}, cells, []string{trigrams}), nil
}

// column is where the figures of an embedder in a mode stand.
func column(embedder, mode string) string { return embedder + ", " + mode }

// judgedTexts is how many texts of a question are judged.
const judgedTexts = 50

// flags are those by which sheaf eval asks in a mode.
func flags(mode string) []string {
	if mode == judged {
		return []string{"--mode", "hybrid", "--rerank", fmt.Sprintf("%s:%d", judge, judgedTexts)}
	}
	return []string{"--mode", mode}
}

// ask runs a program that answers with figures.
func ask(ctx context.Context, r *result, program string, args ...string) error {
	b, err := output(ctx, program, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, r)
}

// ingest makes the store of a set for an embedder, unless that would take too long. The file that is
// read has one name for all sets, so that sets of the same documents can share a store.
func (b *bench) ingest(ctx context.Context, e embedder, store string, s set) (suits bool, err error) {
	var texts embeddedTexts
	if e.slow {
		if texts, err = b.embedded(ctx, e); err != nil {
			return false, err
		}
	}
	docs := filepath.Join(b.stores, "docs.jsonl")
	unknown, err := texts.add(filepath.Join(s.dir, "docs.jsonl"), docs)
	if err != nil || e.slow && unknown > b.most {
		return false, err
	}
	_, err = output(ctx, b.sheaf, "ingest", "--quiet", "--store", store, "--embedder", e.name, docs)
	if err == nil && e.slow && unknown > 0 {
		err = texts.read(ctx, b.sheaf, store)
	}
	return err == nil, err
}

// figures are nDCG@10 with half of its interval, where that is known, recall@10 and MRR@10.
func (r result) figures() string {
	ndcg, interval := r.Metrics["ndcg@10"], ""
	if ndcg.High > 0 {
		interval = " ± " + short((ndcg.High-ndcg.Low)/2)
	}
	return fmt.Sprintf("%s%s · %s · %s", short(ndcg.Value), interval, short(r.Metrics["recall@10"].Value), short(r.Metrics["mrr@10"].Value))
}

// short writes .604 for 0.604.
func short(x float64) string { return strings.TrimPrefix(fmt.Sprintf("%.3f", x), "0") }

func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}
