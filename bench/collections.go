package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"sheaf/internal/vector"
	"sheaf/internal/weaviate/weaviatetest"
)

// collectionsVerb makes this program measure stores in Weaviate, in a network namespace of its own: the server
// listens on all interfaces. The arguments are those of bench that it needs.
const collectionsVerb = "collections"

// collections measures stores in Weaviate.
func (b *bench) collections(ctx context.Context) error {
	if os.Getenv(weaviatetest.Program) == "" {
		return fmt.Errorf("%s names no server of Weaviate: make test-weaviate builds one as bench/data/weaviate/weaviate-server", weaviatetest.Program)
	}
	for _, n := range []int{small, middle} {
		if _, err := b.store(ctx, n); err != nil {
			return err
		}
	}
	code, err := weaviatetest.Isolated(ctx, collectionsVerb, b.sheaf, b.data, strconv.Itoa(b.rounds))
	if err == nil && code != 0 {
		err = errors.New("the part in the namespace failed")
	}
	return err
}

// measureCollections is collections within the namespace.
func measureCollections(ctx context.Context, sheaf, data, rounds string, out io.Writer) (err error) {
	b := &bench{out: out, sheaf: sheaf, data: data}
	if b.rounds, err = strconv.Atoi(rounds); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(data, "weaviate-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, err := weaviatetest.Begin(dir, 0, 1)
	defer server.Stop()
	if err != nil {
		return err
	}
	c := &collectionsBench{b, server}
	return errors.Join(c.whole(ctx), c.asked(ctx))
}

// collectionsBench is a bench with a server.
type collectionsBench struct {
	*bench
	*weaviatetest.Cluster
}

// name is the URL of a collection.
func (c *collectionsBench) name(kind string, n int) string { return c.URL(0, kind+strconv.Itoa(n)) }

// whole measures what writes or reads whole collections, of two sizes: its memory is not to grow with
// them.
func (c *collectionsBench) whole(ctx context.Context) error {
	records := filepath.Join(c.data, "records.jsonl")
	defer func() { _ = os.Remove(records) }()
	rows := [][]string{{"", "documents", "time", "documents/s", "its own CPU time", "peak memory"}}
	for _, n := range []int{small, middle} {
		folder, err := c.store(ctx, n)
		if err != nil {
			return err
		}
		if _, err := c.command("export", "--quiet", "--store", folder, records)(ctx); err != nil {
			return err
		}
		merged := c.name("Merged", n)
		for _, verb := range []struct {
			name    string
			measure contender
		}{
			{"`sheaf merge` of a folder", c.command("merge", "--quiet", "--store", merged, folder)},
			{"`sheaf ingest` of JSONL with vectors", c.command("ingest", "--quiet", "--embedder", "none", "--store", c.name("Ingested", n), records)},
			{"`sheaf export` as JSONL with vectors", c.exported(merged)},
		} {
			took, err := turns(ctx, 1, verb.measure)
			if err != nil {
				return err
			}
			s := took[0]
			rows = append(rows, []string{verb.name, strconv.Itoa(n), millis(s.median()), fmt.Sprintf("%.0f", float64(n)/s.median().Seconds()), millis(s.cpu()), megabytes(s.peak())})
		}
	}
	c.table(fmt.Sprintf("Whole collections of Weaviate, vectors × %d, one server on the same machine:", dim), rows)
	return nil
}

// asked measures searches of the larger collection, beside the folder.
func (c *collectionsBench) asked(ctx context.Context) error {
	query, err := json.Marshal(queries(1))
	if err != nil {
		return err
	}
	many := filepath.Join(c.data, "queries.f32")
	if err := os.WriteFile(many, vector.Bytes(queries(batchQueries)), 0o666); err != nil {
		return err
	}
	folder, err := c.store(ctx, middle)
	if err != nil {
		return err
	}
	rows := [][]string{{"", "one search", "peak memory", fmt.Sprintf("%d at once", batchQueries), "queries/s", "peak memory"}}
	for _, asked := range [][2]string{{"collection", c.name("Merged", middle)}, {"folder", folder}} {
		name, store := asked[0], asked[1]
		one, err := interleave(ctx, c.rounds, c.command("search-vector", "--json", "--store", store, string(query)))
		if err != nil {
			return err
		}
		batch, err := turns(ctx, 1, c.command("search-vector", "--store", store, "--binary", "f32", "@"+many))
		if err != nil {
			return err
		}
		rows = append(rows, []string{name, one[0].String(), megabytes(one[0].peak()),
			millis(batch[0].median()), fmt.Sprintf("%.0f", batchQueries/batch[0].median().Seconds()), megabytes(batch[0].peak())})
	}
	c.table(fmt.Sprintf("The 4 nearest of %d documents, from start to end:", middle), rows)
	return nil
}
