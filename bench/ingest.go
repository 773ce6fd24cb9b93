package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// The tree that ingest reads.
const (
	treeFiles      = 1000
	treeParagraphs = 40 // in a file
	treeWords      = 80 // in a paragraph
	ingestRounds   = 3
)

// The tree that is read again: many files, each a chunk.
const (
	manyFolders    = 200
	manyFiles      = 100 // in a folder
	unchangedLimit = 250 * time.Millisecond
)

// ingestTimes is how many times as fast as the first stage, which indexed no words, an ingest
// without them must be.
const ingestTimes = 1.4

// ingest measures how fast text becomes a store with the built-in embedder.
func (b *bench) ingest(ctx context.Context) (err error) {
	tree := filepath.Join(b.data, "tree")
	size, err := makeTree(tree, filepath.Join("examples", "articles"))
	if err != nil {
		return err
	}
	dir := filepath.Join(b.data, "ingested")
	fresh := b.command("ingest", "--store", dir, "--quiet", "--embedder", "builtin", tree)
	wordless := filepath.Join(b.data, "ingested-wordless")
	contenders := []contender{
		afresh(dir, fresh),
		fresh, // again: nothing has changed
		afresh(wordless, after(
			b.command("init", "--store", wordless, "--quiet", "--embedder", "builtin", "--no-words"),
			b.command("ingest", "--store", wordless, "--quiet", tree),
		)),
	}
	older := filepath.Join(b.data, "ingested-before")
	defer func() { err = errors.Join(err, os.RemoveAll(older), os.RemoveAll(wordless)) }()
	for _, sheaf := range b.before {
		contenders = append(contenders, afresh(older, process(sheaf, "ingest", "--store", older, "--quiet", "--embedder", "builtin", tree)))
	}
	took, err := interleave(ctx, ingestRounds, contenders...)
	if err != nil {
		return err
	}
	chunks, err := documents(ctx, dir)
	if err != nil {
		return err
	}
	row := func(what string, s series) []string {
		seconds := s.median().Seconds()
		return []string{what, s.String(), fmt.Sprintf("%.1f MB/s", float64(size)/1e6/seconds), fmt.Sprintf("%.0f/s", float64(chunks)/seconds), megabytes(s.peak())}
	}
	rows := [][]string{
		{"run", "time", "text", "chunks", "peak memory"},
		row("first", took[0]), row("again, unchanged", took[1]), row("first, without words", took[2]),
	}
	for i, sheaf := range b.before {
		s := took[3+i]
		rows[0] = append(rows[0], "× "+filepath.Base(sheaf))
		rows[1] = append(rows[1], timesOf(took[0], s, 0))
		rows[3] = append(rows[3], timesOf(took[2], s, ingestTimes))
		rows = append(rows, row("first, "+filepath.Base(sheaf), s))
	}
	b.table(fmt.Sprintf("Ingest with builtin, %s in %d files, %d chunks:", megabytes(size), treeFiles, chunks), rows)
	return b.unchanged(ctx)
}

// unchanged measures what it takes to find out that of many files none has changed.
func (b *bench) unchanged(ctx context.Context) error {
	tree, dir := filepath.Join(b.data, "many"), filepath.Join(b.data, "many-store")
	for i := range manyFolders * manyFiles {
		folder := filepath.Join(tree, fmt.Sprintf("%03d", i/manyFiles))
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
		text := fmt.Appendf(nil, "%d: %s\n", i, strings.Repeat("a small file of some words ", 20))
		if err := writeOnce(filepath.Join(folder, fmt.Sprintf("%05d.txt", i)), text); err != nil {
			return err
		}
	}
	again := b.command("ingest", "--store", dir, "--quiet", "--embedder", "builtin", tree)
	took, err := interleave(ctx, b.rounds, again) // the round that does not count makes the store
	if err != nil {
		return err
	}
	b.table(fmt.Sprintf("Ingest of %d files again, of which none has changed:", manyFolders*manyFiles), [][]string{
		{"time", "÷ its limit", "peak memory"},
		{took[0].String(), within(took[0].median(), unchangedLimit), megabytes(took[0].peak())},
	})
	return nil
}

func documents(ctx context.Context, dir string) (int64, error) {
	s, err := store.Open(ctx, dir, engine.Options{})
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx)
	return info.Documents, errors.Join(err, s.Close())
}

// makeTree writes text files whose words come from those in from, in a random
// order that is the same every time, and returns how many bytes they have.
func makeTree(tree, from string) (size int64, err error) {
	words, err := wordsOf(from)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(tree, 0o777); err != nil {
		return 0, err
	}
	random := rand.New(rand.NewPCG(2, 0))
	for i := range treeFiles {
		var text bytes.Buffer
		for range treeParagraphs {
			for range treeWords {
				text.WriteString(words[random.IntN(len(words))])
				text.WriteByte(' ')
			}
			text.WriteString("\n\n")
		}
		size += int64(text.Len())
		if err := writeOnce(filepath.Join(tree, fmt.Sprintf("%04d.txt", i)), text.Bytes()); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// writeOnce leaves a file alone that has the content already.
func writeOnce(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		return err
	}
	// A file as new as the store is read again by the next ingest: it could
	// have changed within a tick of the clock.
	past := time.Now().Add(-time.Hour)
	return os.Chtimes(path, past, past)
}

// wordsOf are all words of a folder's Markdown files, as often as they occur.
func wordsOf(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return nil, err
	}
	var words []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		words = append(words, strings.Fields(string(text))...)
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("no words in %q: run this in the repository's root", dir)
	}
	return words, nil
}
