package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

const addLimit = 50 * time.Millisecond

// add measures what one document more costs a large store. Each run leaves its
// document there: the store grows by a few for every time bench is run.
func (b *bench) add(ctx context.Context) (err error) {
	dir, err := b.store(ctx, large)
	if err != nil {
		return err
	}
	inputs, err := os.MkdirTemp(b.data, "add")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(inputs)) }()
	took, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (sample, error) {
			file := filepath.Join(inputs, unused()+".jsonl")
			if err := writeRecord(file); err != nil {
				return sample{}, err
			}
			return b.command("ingest", "--store", dir, "--quiet", file)(ctx)
		},
		timed(func(ctx context.Context) error { return addOne(ctx, dir) }),
		timed(func(context.Context) error { return syncOnce(filepath.Join(inputs, "sync")) }),
	)
	if err != nil {
		return err
	}
	b.table(fmt.Sprintf("One document more in a store of %d:", large), [][]string{
		{"way", "time", "÷ its limit", "÷ one write and fsync"},
		{"`sheaf ingest` of a record with its vector", took[0].String(), within(took[0].median(), addLimit), ratio(took[0].median(), took[2].median())},
		{"in process: open, add, commit, close", took[1].String(), within(took[1].median(), addLimit), ratio(took[1].median(), took[2].median())},
		{"a new file of 4 KiB, written and synced", took[2].String(), "", "1.00"},
	})
	return nil
}

// unused is a name that no run had before.
func unused() string { return fmt.Sprintf("added-%d", time.Now().UnixNano()) }

func writeRecord(path string) error {
	line, err := json.Marshal(map[string]any{"id": unused(), "text": "One more document.", "vector": queries(1)})
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(line, '\n'), 0o666)
}

func addOne(ctx context.Context, dir string) error {
	w, err := store.OpenWriter(ctx, dir, engine.Options{})
	if err != nil {
		return err
	}
	name := unused()
	doc := engine.Document{ID: name, Text: "One more document.", StartIndex: -1}
	err = addSource(ctx, w, engine.Source{Key: name, Name: name}, []engine.Document{doc}, newVectors(1).fill)
	if err == nil {
		err = w.Commit(ctx)
	}
	return errors.Join(err, w.Close())
}

// syncOnce is the least that anything which survives a power cut must do.
func syncOnce(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<10))
	return errors.Join(err, f.Sync(), f.Close())
}
