package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The large corpus. Of it there is a tenth, too.
const (
	corpusFolders    = 200
	corpusFiles      = 1000 // in a folder
	corpusParagraphs = 5    // in a file
	corpusParagraph  = 1000 // bytes
	corpusWord       = 30   // more than any word has
	corpusTenth      = corpusFolders / 10
)

const memoryLimit = 250e6

// memory measures the peak memory of ingesting 1 GB of text as many files and as
// one file of records, beside a tenth of that: it must not grow with the corpus.
func (b *bench) memory(ctx context.Context) error {
	dir := filepath.Join(b.data, "corpus")
	large, small := filepath.Join(dir, "large.jsonl"), filepath.Join(dir, "small.jsonl")
	words, err := wordsOf(filepath.Join("examples", "articles"))
	if err != nil {
		return err
	}
	folders, err := makeCorpus(dir, words, large, small)
	if err != nil {
		return err
	}
	rows := [][]string{{"input", "text", "chunks", "time", "peak memory", "÷ its limit"}}
	for _, input := range []struct {
		name  string
		roots []string
	}{
		{fmt.Sprintf("%d files", corpusTenth*corpusFiles), folders[:corpusTenth]}, {fmt.Sprintf("%d files", corpusFolders*corpusFiles), folders},
		{"one JSONL", []string{small}}, {"one JSONL", []string{large}},
	} {
		row, err := b.peakOf(ctx, input.roots)
		if err != nil {
			return err
		}
		rows = append(rows, slices.Concat([]string{input.name}, row))
	}
	b.table("Peak memory of an ingest with builtin, each measured once:", rows)
	return nil
}

// peakOf ingests roots into a store that it takes away again.
func (b *bench) peakOf(ctx context.Context, roots []string) ([]string, error) {
	dir := filepath.Join(b.data, "corpus-store")
	args := append([]string{"ingest", "--store", dir, "--quiet", "--embedder", "builtin", "--splitter", "character"}, roots...)
	took, err := afresh(dir, b.command(args...))(ctx)
	if err != nil {
		return nil, err
	}
	chunks, err := documents(ctx, dir)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return nil, err
	}
	text := float64(chunks) * corpusParagraph
	return []string{
		megabytes(int64(text)), fmt.Sprint(chunks), fmt.Sprintf("%.1f s, %.1f MB/s", took.Wall.Seconds(), text/1e6/took.Wall.Seconds()),
		megabytes(took.Peak), verdict(float64(took.Peak) / memoryLimit),
	}, nil
}

// makeCorpus writes folders of files whose words are in a random order that is
// the same every time, and the same texts as records: all, and a tenth.
func makeCorpus(dir string, words []string, large, small string) (folders []string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	all, err := os.Create(large)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	tenth, err := os.Create(small)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tenth.Close()) }()
	random := rand.New(rand.NewPCG(3, 0))
	for i := range corpusFolders {
		folder, records := filepath.Join(dir, fmt.Sprintf("%03d", i)), io.Writer(all)
		if i < corpusTenth {
			records = io.MultiWriter(all, tenth)
		}
		if err := writeFolder(folder, records, func() []byte { return corpusText(words, random) }); err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// writeFolder writes texts as files and as records.
func writeFolder(folder string, records io.Writer, text func() []byte) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for i := range corpusFiles {
		t := text()
		if err := encoder.Encode(map[string]string{"text": string(t)}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%03d.txt", i)), t, 0o666); err != nil {
			return err
		}
	}
	_, err := records.Write(lines.Bytes())
	return err
}

// corpusText is the text of one file: paragraphs that each make a chunk.
func corpusText(words []string, random *rand.Rand) []byte {
	var text bytes.Buffer
	for range corpusParagraphs {
		start := text.Len()
		for text.Len()-start < corpusParagraph-corpusWord-len("\n\n") {
			text.WriteString(words[random.IntN(len(words))])
			text.WriteByte(' ')
		}
		left := corpusParagraph - (text.Len() - start) - len("\n\n")
		text.WriteString(strings.Repeat(".", left) + "\n\n")
	}
	return text.Bytes()
}
