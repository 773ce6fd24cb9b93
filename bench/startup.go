package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sheaf/internal/vector"
)

// What a start may take: so long on a quiet machine, and such shares of the start of the first
// stage, which was linked dynamically.
const (
	versionLimit  = 3 * time.Millisecond
	versionShare  = 0.40
	articlesShare = 0.45
	vectorsShare  = 0.50
)

// startup measures what a shell loop pays for each call, beside the first earlier binary where
// one is given, which then makes the stores, so that both can read them.
func (b *bench) startup(ctx context.Context) error {
	binaries := append([]string{b.sheaf}, b.before[:min(1, len(b.before))]...)
	for i, from := range binaries {
		to := filepath.Join(b.data, fmt.Sprintf("sheaf-%d", i))
		if err := copyWhole(from, to); err != nil {
			return err
		}
		binaries[i] = to
	}
	calls, err := b.smallCalls(ctx, binaries[len(binaries)-1])
	if err != nil {
		return err
	}
	var contenders []contender
	for _, call := range calls {
		for i, binary := range binaries {
			args := call.args
			if i == 0 {
				args = append(slices.Clip(args), call.same...)
			}
			contenders = append(contenders, process(append([]string{binary}, args...)...))
		}
	}
	took, err := interleave(ctx, 3*b.rounds, contenders...)
	if err != nil {
		return err
	}
	rows := [][]string{{"command", "time", "page faults", "peak memory", "÷ its limit", "older binary", "page faults", "÷ older"}}
	for i, call := range calls {
		s := took[i*len(binaries)]
		limit := "no limit set"
		if call.limit > 0 {
			limit = within(s.median(), call.limit)
		}
		row := []string{call.name, s.String(), fmt.Sprint(s.faults()), megabytes(s.peak()), limit, "", "", ""}
		if len(binaries) > 1 {
			older := took[i*len(binaries)+1]
			row = append(row[:5], older.String(), fmt.Sprint(older.faults()), shareOf(s, older, call.share))
		}
		rows = append(rows, row)
	}
	b.table("Start-up:", rows)
	return nil
}

// call is a run of sheaf that takes little longer than its start.
type call struct {
	name  string
	args  []string
	same  []string      // flags by which this binary answers as an older one does
	limit time.Duration // 0 for none
	share float64       // of an older binary's time
}

// smallCalls makes two small stores with a binary, and returns what to ask of them.
func (b *bench) smallCalls(ctx context.Context, binary string) ([]call, error) {
	articles, vectors := filepath.Join(b.data, "articles"), filepath.Join(b.data, "imported")
	records, query := filepath.Join(b.data, "small.jsonl"), filepath.Join(b.data, "query.f32")
	for _, old := range []string{articles, vectors, records} {
		if err := os.RemoveAll(old); err != nil {
			return nil, err
		}
	}
	synthetic, err := b.store(ctx, small)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(query, vector.Bytes(queries(1)), 0o666); err != nil {
		return nil, err
	}
	for _, c := range []contender{
		b.command("export", "--store", synthetic, "--quiet", records),
		process(binary, "import", "--store", vectors, "--quiet", records),
		process(binary, "ingest", "--store", articles, "--quiet", filepath.Join("examples", "articles")),
	} {
		if _, err := c(ctx); err != nil {
			return nil, err
		}
	}
	return []call{
		{"`sheaf version`", []string{"version"}, nil, versionLimit, versionShare},
		{"`sheaf search` with builtin, the articles", []string{"search", "--store", articles, "--json", "why does old paper turn yellow"}, []string{"--mode", "vector"}, 0, articlesShare},
		{"`sheaf search-vector`, 10,000 of dim 384", []string{"search-vector", "--store", vectors, "--json", "--binary", "f32", "@" + query}, nil, 0, vectorsShare},
	}, nil
}

// copyWhole copies a program with one write. A program takes a quarter more page faults where
// the page cache holds it in smaller pieces, as it does after some time or after cp.
func copyWhole(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o777)
}
