package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// The made-up texts: words by Zipf's law.
const (
	vocabulary   = 300_000
	zipfExponent = 1.01
	textWords    = 115 // of a text, the mean
	wordQueries  = 20
	wordDim      = 8 // of vectors that nobody asks for
)

// wordRanks are the ranks from which a query has one word each, from the most frequent to the rarest.
var wordRanks = [][2]int{{0, 10}, {10, 100}, {100, 1000}, {1000, 10_000}, {10_000, 100_000}}

// made is the word of a rank: syllables, the fewer the more frequent it is. No stemmer changes it.
func made(rank int) string {
	const consonants, vowels = "bdfghklmnprstvwz", "aeiou"
	const syllables = len(consonants) * len(vowels)
	word := []byte{'k'}
	for ; rank >= 0; rank = rank/syllables - 1 {
		word = append(word, vowels[rank%len(vowels)], consonants[rank%syllables/len(vowels)])
	}
	slices.Reverse(word)
	return string(word)
}

func wordQuestions() []string {
	random := rand.New(rand.NewPCG(6, 0))
	questions := make([]string, wordQueries)
	for i := range questions {
		var words []string
		for _, ranks := range wordRanks {
			words = append(words, made(ranks[0]+random.IntN(ranks[1]-ranks[0])))
		}
		questions[i] = strings.Join(words, " ")
	}
	return questions
}

func (b *bench) wordTexts() string { return filepath.Join(b.data, "words.txt") }

// writeWordTexts writes n texts, one a line, where that was not done yet.
func writeWordTexts(path string, n int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	words := make([]string, vocabulary)
	for rank := range words {
		words[rank] = made(rank)
	}
	random := rand.New(rand.NewPCG(5, 0))
	zipf := rand.NewZipf(random, zipfExponent, 1, vocabulary-1)
	file, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for range n {
		for range textWords/2 + random.IntN(textWords+1) {
			out.WriteString(words[zipf.Uint64()])
			out.WriteByte(' ')
		}
		out.WriteByte('\n')
	}
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// lineBytes are the bytes of the first n lines of a file.
func lineBytes(path string, n int) (size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for ; n > 0 && lines.Scan(); n-- {
		size += int64(len(lines.Bytes()))
	}
	return size, lines.Err()
}

// built is what an index took to make, and has.
type built struct {
	Seconds float64 // of processor time
	Bytes   int64
}

// builtOnce makes what is at path unless a run before did, and remembers beside it what that took.
func (b *bench) builtOnce(path string, build func() (built, error)) (took built, err error) {
	record := path + ".json"
	if data, err := os.ReadFile(record); err == nil {
		return took, json.Unmarshal(data, &took)
	}
	fmt.Fprintf(os.Stderr, "bench: making %s\n", path)
	if err := os.RemoveAll(path); err != nil {
		return took, err
	}
	if took, err = build(); err != nil {
		return took, err
	}
	data, err := json.Marshal(took)
	if err != nil {
		return took, err
	}
	return took, os.WriteFile(record, data, 0o666)
}

// wordIndex makes a compacted store of n texts, and another without words: what the words take
// is what is between them.
func (b *bench) wordIndex(ctx context.Context, dir string, n int) (built, error) {
	compacted := func(dir string, noWords bool) (built, error) {
		before, beforeErr := processorTime()
		err := b.wordStore(ctx, dir, n, 1, noWords)
		after, afterErr := processorTime()
		if err := errors.Join(beforeErr, err, afterErr); err != nil {
			return built{}, err
		}
		compact, err := b.command("compact", "--quiet", "--store", dir)(ctx)
		if err != nil {
			return built{}, err
		}
		info, err := os.Stat(filepath.Join(dir, "sheaf.db"))
		if err != nil {
			return built{}, err
		}
		return built{(after - before + compact.CPU).Seconds(), info.Size()}, nil
	}
	return b.builtOnce(dir, func() (index built, err error) {
		plain := dir + "-plain"
		without, err := compacted(plain, true)
		if err := errors.Join(err, os.RemoveAll(plain)); err != nil {
			return index, err
		}
		with, err := compacted(dir, false)
		return built{with.Seconds - without.Seconds, with.Bytes - without.Bytes}, err
	})
}

// processorTime is what this process has used so far.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

// wordStore makes a store of the first n texts, whose numbers are their ids, by so many writers
// one after another.
func (b *bench) wordStore(ctx context.Context, dir string, n, commits int, noWords bool) error {
	file, err := os.Open(b.wordTexts())
	if err != nil {
		return err
	}
	defer file.Close()
	w, err := store.Create(ctx, dir, engine.Facts{Dim: wordDim, Metric: engine.L2, NoWords: noWords}, engine.Options{})
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(file)
	for i := range commits {
		if i > 0 {
			if w, err = store.OpenWriter(ctx, dir, engine.Options{}); err != nil {
				return err
			}
		}
		if err := errors.Join(addTexts(ctx, w, lines, i*n/commits, (i+1)*n/commits), w.Close()); err != nil {
			return err
		}
	}
	return nil
}

// addTexts adds a line for each number from first up to end, and commits once.
func addTexts(ctx context.Context, w *store.Writer, lines *bufio.Scanner, first, end int) error {
	vectors, x := newVectors(uint64(first)), make([]float32, wordDim)
	for ; first < end; first += sourceDocuments {
		source := engine.Source{Key: strconv.Itoa(first), Name: strconv.Itoa(first)}
		r, err := w.Replace(ctx, source)
		if err != nil {
			return err
		}
		for i := first; i < min(first+sourceDocuments, end) && lines.Scan(); i++ {
			vectors.fill(x)
			if err := r.Add(ctx, engine.Document{ID: strconv.Itoa(i), Text: lines.Text(), StartIndex: -1}, x, engine.Given); err != nil {
				return err
			}
		}
		r.Done(source)
	}
	return errors.Join(lines.Err(), w.Commit(ctx))
}

// Real text whose ingest is measured, and what words may add to its time, and take of its bytes.
const (
	realSize        = 60_000_000
	wordsCostRounds = 5
	wordsCostLimit  = 0.35
	wordsBytesLimit = 0.45
)

// wordsCost compares ingest with ingest into a store without words.
func (b *bench) wordsCost(ctx context.Context) (err error) {
	root := b.text
	if root == "" {
		goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return err
		}
		root = filepath.Join(strings.TrimSpace(string(goroot)), "src")
	}
	files, size, err := textFiles(root, realSize)
	if err != nil {
		return err
	}
	list, dir := filepath.Join(b.data, "real.files"), filepath.Join(b.data, "real")
	defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(dir+"-plain")) }()
	if err := os.WriteFile(list, []byte(strings.Join(files, "\n")+"\n"), 0o666); err != nil {
		return err
	}
	ingest := func(dir string, flags ...string) contender {
		run := onQuietDisk(b.command("ingest", "--quiet", "--store", dir, "--files-from", list))
		return afresh(dir, func(ctx context.Context) (sample, error) {
			if err := quietly(ctx, b.sheaf, append([]string{"init", "--quiet", "--store", dir, "--embedder", "builtin"}, flags...)...); err != nil {
				return sample{}, err
			}
			return run(ctx)
		})
	}
	took, err := interleave(ctx, wordsCostRounds, ingest(dir), ingest(dir+"-plain", "--no-words"))
	if err != nil {
		return err
	}
	return b.costTable(took, dir, size, len(files))
}

func (b *bench) costTable(took []series, dir string, size int64, files int) error {
	with, withErr := os.Stat(filepath.Join(dir, "sheaf.db"))
	plain, err := os.Stat(filepath.Join(dir+"-plain", "sheaf.db"))
	if err := errors.Join(withErr, err); err != nil {
		return err
	}
	index := with.Size() - plain.Size()
	cost := func(with, without time.Duration) float64 { return float64(with)/float64(without) - 1 }
	fastest, share := cost(took[0].fastest(), took[1].fastest()), float64(index)/float64(size)
	b.table(fmt.Sprintf("Ingest with builtin, %s in %d files, with words and without:", megabytes(size), files), [][]string{
		{"run", "time", "processor time", "peak memory", "`sheaf.db`"},
		{"with words", took[0].String(), millis(took[0].cpu()), megabytes(took[0].peak()), megabytes(with.Size())},
		{"`--no-words`", took[1].String(), millis(took[1].cpu()), megabytes(took[1].peak()), megabytes(plain.Size())},
	})
	fmt.Fprintf(b.out, "\nBy the fastest runs words add %.2f (%.2f at most: %s), by medians %.2f, by processor time %.2f. Their index has %.2f of the text's bytes (%.2f at most: %s).\n",
		fastest, wordsCostLimit, verdict(fastest/wordsCostLimit), cost(took[0].median(), took[1].median()), cost(took[0].cpu(), took[1].cpu()),
		share, wordsBytesLimit, verdict(share/wordsBytesLimit))
	return nil
}

// textFiles are files of source and prose in a folder, in UTF-8, until they have so many bytes.
func textFiles(root string, enough int64) (files []string, size int64, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !slices.Contains([]string{".go", ".md", ".txt", ""}, filepath.Ext(path)) {
			return err
		}
		if size >= enough {
			return fs.SkipAll
		}
		text, err := os.ReadFile(path)
		if err == nil && utf8.Valid(text) && !bytes.ContainsRune(text, 0) {
			files, size = append(files, path), size+int64(len(text))
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no text in %q", root)
	}
	return files, size, err
}
