package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

const deleteLimit = 50 * time.Millisecond

// delete measures what it costs to take one document out of a large store, of
// which it uses a copy.
func (b *bench) delete(ctx context.Context) (err error) {
	whole, err := b.store(ctx, large)
	if err != nil {
		return err
	}
	dir, remove, err := b.copyOf(whole)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	// Documents far from each other, so that each is read from another place.
	next := 0
	id := func() string {
		next++
		return document(next * 7919 % large).ID
	}
	took, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (sample, error) {
			return b.command("delete", "--store", dir, "--quiet", id())(ctx)
		},
		timed(func(ctx context.Context) error { return deleteOne(ctx, dir, id()) }),
		timed(func(context.Context) error { return syncOnce(filepath.Join(filepath.Dir(dir), "sync")) }),
	)
	if err != nil {
		return err
	}
	b.table(fmt.Sprintf("One document less in a store of %d:", large), [][]string{
		{"way", "time", "÷ its limit", "÷ one write and fsync"},
		{"`sheaf delete ID`", took[0].String(), within(took[0].median(), deleteLimit), ratio(took[0].median(), took[2].median())},
		{"in process: open, delete, close", took[1].String(), within(took[1].median(), deleteLimit), ratio(took[1].median(), took[2].median())},
		{"a new file of 4 KiB, written and synced", took[2].String(), "", "1.00"},
	})
	return nil
}

func deleteOne(ctx context.Context, dir, id string) error {
	w, err := store.OpenWriter(ctx, dir, engine.Options{})
	if err != nil {
		return err
	}
	set, missing, err := w.SelectIDs(ctx, []string{id})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%q has no document %q", dir, id)
	}
	if err == nil {
		err = w.Delete(ctx, set)
	}
	return errors.Join(err, w.Close())
}
