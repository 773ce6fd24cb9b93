package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

const batchQueries = 1000

// batchTimes is how many times as fast as Faiss with its own choice of kernels a batch must be,
// by the number of documents.
var batchTimes = map[int]float64{middle: 2.8, large: 3.5}

// batch compares many queries at once with Faiss from Python, which has all
// vectors in memory while sheaf reads them from the page cache.
func (b *bench) batch(ctx context.Context) error {
	for _, n := range []int{middle, large} {
		if err := b.batchOf(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) batchOf(ctx context.Context, n int) error {
	dir, err := b.store(ctx, n)
	if err != nil {
		return err
	}
	asked := queries(batchQueries)
	file := filepath.Join(b.data, "queries.f32")
	if err := os.WriteFile(file, vector.Bytes(asked), 0o666); err != nil {
		return err
	}
	s, err := store.Open(ctx, dir, engine.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	var hits [][]engine.Hit
	names := []string{"`sheaf search-vector`, one-shot", "sheaf, in process"}
	contenders := []contender{
		b.command("search-vector", "--store", dir, "--binary", "f32", "@"+file),
		timed(func(ctx context.Context) (err error) {
			hits, err = s.Search(ctx, slices.Collect(slices.Chunk(asked, dim)), engine.SearchOptions{K: 4})
			return err
		}),
	}
	peers, err := b.startPeers(ctx, dir, file)
	if err != nil {
		return err
	}
	defer stopPeers(peers)
	for _, p := range peers {
		names, contenders = append(names, p.name), append(contenders, p.search)
	}
	for _, sheaf := range b.before {
		older, err := b.storeOf(ctx, sheaf, dir)
		if err != nil {
			return err
		}
		names, contenders = append(names, filepath.Base(sheaf)+", one-shot"), append(contenders, process(sheaf, "search-vector", "--store", older, "--binary", "f32", "@"+file))
	}
	took, err := interleave(ctx, b.rounds, contenders...)
	if err != nil {
		return err
	}
	if err := agree(peers, hits); err != nil {
		return err
	}
	b.batchTable(n, names, took)
	return nil
}

func (b *bench) batchTable(n int, names []string, took []series) {
	rows := [][]string{{"program", "time", "queries/s"}}
	for _, name := range names[2:] {
		rows[0] = append(rows[0], name+" ÷ it")
	}
	for i, s := range took {
		row := []string{names[i], s.String(), fmt.Sprintf("%.0f", batchQueries/s.median().Seconds())}
		for j, peer := range took[2:] {
			least := 0.0
			if i < 2 && strings.HasSuffix(names[2+j], ownChoice) {
				least = batchTimes[n]
			}
			row = append(row, timesOf(s, peer, least))
		}
		rows = append(rows, row)
	}
	b.table(fmt.Sprintf("%d queries at once, %d documents, k = 4:", batchQueries, n), rows)
}

// agree refuses a comparison with a peer that finds something else. Its
// rounding differs, so a few near ties may fall the other way.
func agree(peers []*peer, hits [][]engine.Hit) error {
	for _, p := range peers {
		if len(p.labels) != len(hits) {
			return fmt.Errorf("%s: answered %d of %d queries", p.name, len(p.labels), len(hits))
		}
		same := 0
		for i, row := range p.labels {
			if len(hits[i]) > 0 && hits[i][0].ID == document(row).ID {
				same++
			}
		}
		if same*100 < len(hits)*99 {
			return fmt.Errorf("%s: its first hit is sheaf's for %d of %d queries", p.name, same, len(hits))
		}
	}
	return nil
}

func stopPeers(peers []*peer) {
	var err error
	for _, p := range peers {
		err = errors.Join(err, p.stop())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

func peerEnv(level string, threads int) []string {
	env := append(os.Environ(), "OMP_NUM_THREADS="+strconv.Itoa(threads), "OPENBLAS_NUM_THREADS="+strconv.Itoa(threads))
	if level != "" {
		env = append(env, "FAISS_OPT_LEVEL="+level)
	}
	return env
}
