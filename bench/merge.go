package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

const (
	// half is the size of each of the stores that are merged.
	half       = 500_000
	mergeLimit = 40 * time.Second
	// mergeRounds is how often a merge is measured at most: each takes as long
	// as everything else together.
	mergeRounds = 3
	// searchEvery is how long the reader of a store that is merged into waits
	// between two searches.
	searchEvery = 50 * time.Millisecond
)

// merge measures the merge of two stores into a new one, and of one into
// another while that one is searched, beside a copy of their files.
func (b *bench) merge(ctx context.Context) (err error) {
	first, err := b.keep(ctx, "half-1", 0, half, document)
	if err != nil {
		return err
	}
	second, err := b.keep(ctx, "half-2", half, half, document)
	if err != nil {
		return err
	}
	var reads searches
	took, err := interleave(ctx, min(b.rounds, mergeRounds),
		func(ctx context.Context) (sample, error) { return b.mergeNew(ctx, first, second) },
		func(ctx context.Context) (sample, error) { return b.mergeInto(ctx, first, second, &reads) },
		timed(func(context.Context) error { return b.copyBytes(first, second) }),
	)
	if err != nil {
		return err
	}
	b.table(fmt.Sprintf("Merges of stores of %d documents:", half), [][]string{
		{"", "time", "÷ its limit", "÷ copying both", "processor time", "peak memory"},
		{"`sheaf merge` of two into a new store", took[0].String(), within(took[0].median(), mergeLimit), ratio(took[0].median(), took[2].median()), millis(took[0].cpu()), megabytes(took[0].peak())},
		{"`sheaf merge` of one into another that is searched", took[1].String(), "", ratio(took[1].median(), took[2].median()), millis(took[1].cpu()), megabytes(took[1].peak())},
		{"a copy of the files of both, synced", took[2].String(), "", "1.00", "", ""},
	})
	b.table("Searches in the store that is merged into:", [][]string{
		{"", "answered", "median", "slowest"},
		{"before and after", fmt.Sprint(len(reads.quiet)), millis(median(reads.quiet)), millis(slices.Max(reads.quiet))},
		{"during the merge", fmt.Sprint(len(reads.busy)), millis(median(reads.busy)), millis(slices.Max(reads.busy))},
	})
	return nil
}

// mergeNew merges stores into one that is not there yet.
func (b *bench) mergeNew(ctx context.Context, others ...string) (s sample, err error) {
	root, err := os.MkdirTemp(b.data, "merge")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	return b.command(append([]string{"merge", "--quiet", "--store", filepath.Join(root, "whole")}, others...)...)(ctx)
}

// searches are how long each search took while nothing else happened, and
// while a merge did.
type searches struct{ quiet, busy []time.Duration }

// mergeInto merges a store into a copy of another one, and searches that all
// the while.
func (b *bench) mergeInto(ctx context.Context, into, other string, reads *searches) (took sample, err error) {
	dir, remove, err := b.copyOf(into)
	if err != nil {
		return took, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := store.Open(ctx, dir, engine.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		return took, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	const quietSearches = 10
	if err := searchFor(ctx, s, quietSearches, &reads.quiet); err != nil {
		return took, err
	}
	done := make(chan error, 1)
	go func() {
		var err error
		took, err = b.command("merge", "--quiet", "--store", dir, other)(ctx)
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return took, errors.Join(err, searchFor(ctx, s, quietSearches, &reads.quiet))
		case <-time.After(searchEvery):
			if err := searchFor(ctx, s, 1, &reads.busy); err != nil {
				return took, errors.Join(err, <-done)
			}
		}
	}
}

func searchFor(ctx context.Context, s *store.Store, n int, took *[]time.Duration) error {
	for range n {
		start := time.Now()
		hits, err := s.Search(ctx, [][]float32{queries(1)}, engine.SearchOptions{K: 4})
		if err != nil {
			return fmt.Errorf("a search during a merge: %w", err)
		}
		if len(hits[0]) != 4 {
			return fmt.Errorf("a search during a merge found %d documents", len(hits[0]))
		}
		*took = append(*took, time.Since(start))
	}
	return nil
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// copyBytes is the least that storing both at another place takes.
func (b *bench) copyBytes(dirs ...string) (err error) {
	root, err := os.MkdirTemp(b.data, "copy")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	for i, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := copySynced(filepath.Join(dir, entry.Name()), filepath.Join(root, fmt.Sprintf("%d-%s", i, entry.Name()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// copySynced copies a file byte by byte: a copy that shares its blocks would
// say nothing about the disk.
func copySynced(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, readBlock))
	return errors.Join(err, out.Sync(), out.Close())
}
