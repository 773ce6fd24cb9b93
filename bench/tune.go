package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tunedSets are sets of questions of which one half is given to sheaf tune, and the other judges.
var tunedSets = []string{"diag", "defs", "lo-en"}

// usesNothing is a setting that changes nothing where no text is longer than a chunk.
const usesNothing = "chunk-overlap"

// tune has sheaf tune recommend a setting, and measures by questions that it has never seen
// whether that is better than what it is compared with; and whether a setting without effect is
// told as such.
func (b *bench) tune(ctx context.Context) error {
	sets := filepath.Join(b.data, "sets")
	if err := quietly(ctx, "make", "--silent", "SETS="+b.data, filepath.Join(sets, "complete")); err != nil {
		return err
	}
	rows := [][]string{{"set", "questions", "recommended", "promised gain of nDCG@10", "gain by the other half", "`" + usesNothing + "`"}}
	for _, set := range tunedSets {
		row, err := b.tuneSet(ctx, filepath.Join(sets, set))
		if err != nil {
			return fmt.Errorf("set %s: %w", set, err)
		}
		rows = append(rows, append([]string{"`" + set + "`"}, row...))
	}
	b.table("`sheaf tune --vary mode=vector,words,hybrid --vary "+usesNothing+"=0,50`, judged by questions that it does not see:", rows)
	return nil
}

// change is what sheaf says of two settings.
type change struct{ Change, Low, High float64 }

func (c change) String() string { return fmt.Sprintf("%+.3f [%+.3f, %+.3f]", c.Change, c.Low, c.High) }

func (b *bench) tuneSet(ctx context.Context, set string) (row []string, err error) {
	dir, err := os.MkdirTemp(b.data, "tune")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	docs, seen, judge, store := filepath.Join(set, "docs.jsonl"), filepath.Join(dir, "seen.jsonl"), filepath.Join(dir, "judge.jsonl"), filepath.Join(dir, "store")
	n, err := halves(filepath.Join(set, "questions.jsonl"), seen, judge)
	if err != nil {
		return nil, err
	}
	if err := quietly(ctx, b.sheaf, "ingest", "--quiet", "--store", store, "--embedder", "builtin", docs); err != nil {
		return nil, err
	}
	var tuned struct {
		Trials []struct{ Settings map[string]string }
		Best   struct {
			Trial   int
			Certain bool
			Change  change
		}
		Settings []struct {
			Name            string
			Distinguishable bool
		}
	}
	args := []string{"tune", "--json", "--store", store, seen, docs, "--vary", "mode=vector,words,hybrid", "--vary", usesNothing + "=0,50"}
	if err := b.answer(ctx, &tuned, args...); err != nil {
		return nil, err
	}
	best := tuned.Trials[tuned.Best.Trial].Settings["mode"]
	gain, err := b.gain(ctx, store, judge, tuned.Trials[0].Settings["mode"], best)
	if err != nil {
		return nil, err
	}
	said := "not named"
	for _, s := range tuned.Settings {
		if s.Name == usesNothing {
			said = map[bool]string{true: "told apart: wrong", false: "cannot be told apart: right"}[s.Distinguishable]
		}
	}
	promised := "none beyond chance"
	if tuned.Best.Certain {
		promised = tuned.Best.Change.String()
	}
	return []string{strconv.Itoa(n), best, promised, gain.String(), said}, nil
}

// gain compares two modes by questions.
func (b *bench) gain(ctx context.Context, store, questions, first, other string) (change, error) {
	for _, mode := range []string{first, other} {
		args := []string{"eval", "--quiet", "--store", store, questions, "--mode", mode, "--metric", "ndcg", "-k", "10", "--save", questions + "." + mode}
		if err := quietly(ctx, b.sheaf, args...); err != nil {
			return change{}, err
		}
	}
	var compared struct{ Metrics map[string]change }
	err := b.answer(ctx, &compared, "eval", "compare", questions+"."+first, questions+"."+other, "--json")
	return compared.Metrics["ndcg@10"], err
}

// halves divides the lines of a file by turns, and returns how many there are.
func halves(path, first, second string) (n int, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var half [2]strings.Builder
	for line := range strings.Lines(string(raw)) {
		half[n%2].WriteString(line)
		n++
	}
	return n, errors.Join(os.WriteFile(first, []byte(half[0].String()), 0o666), os.WriteFile(second, []byte(half[1].String()), 0o666))
}
