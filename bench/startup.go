package main

import (
	"context"
	"path/filepath"
	"time"
)

const versionLimit = 8 * time.Millisecond

// startup measures what a shell loop pays for each call.
func (b *bench) startup(ctx context.Context) error {
	dir := filepath.Join(b.data, "articles")
	if _, err := b.command("ingest", "--store", dir, "--quiet", filepath.Join("examples", "articles"))(ctx); err != nil {
		return err
	}
	took, err := interleave(ctx, 3*b.rounds,
		b.command("version"),
		b.command("search", "--store", dir, "--json", "why does old paper turn yellow"),
	)
	if err != nil {
		return err
	}
	b.table("Start-up:", [][]string{
		{"command", "time", "peak memory", "÷ its limit"},
		{"`sheaf version`", took[0].String(), megabytes(took[0].peak()), within(took[0].median(), versionLimit)},
		{"`sheaf search` with builtin, the articles", took[1].String(), megabytes(took[1].peak()), "no limit set"},
	})
	return nil
}
