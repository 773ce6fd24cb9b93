package main

import (
	"context"

	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// What a search with a filter, and MMR, may take: this times the search
// without.
const (
	filterLimit    = 1.3
	selectiveLimit = 0.25
	mmrLimit       = 1.3
)

// filters are what the labelled store is asked with, from none to most of it.
var filters = []struct {
	expr  string
	share string // of the documents that match
	limit float64
}{
	{"", "all", 1},
	{"rank<300", "0.03 %", selectiveLimit},
	{"percent<3", "3 %", filterLimit},
	{"lang=en", "60 %", filterLimit},
}

// filter compares searches with filters that more and more documents match
// with the one without.
func (b *bench) filter(ctx context.Context) error {
	dir, s, query, file, err := b.ask(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	var contenders []contender
	for _, f := range filters {
		var exprs, flags []string
		if f.expr != "" {
			exprs, flags = []string{f.expr}, []string{"--filter", f.expr}
		}
		parsed, err := filter.Parse(exprs...)
		if err != nil {
			return err
		}
		args := append([]string{"search-vector", "--store", dir, "--json", "--binary", "f32", "@" + file}, flags...)
		contenders = append(contenders, b.command(args...), timed(func(ctx context.Context) error {
			_, err := s.Search(ctx, [][]float32{query}, engine.SearchOptions{K: 4, Filter: parsed})
			return err
		}))
	}
	took, err := interleave(ctx, b.rounds, contenders...)
	if err != nil {
		return err
	}
	rows := [][]string{{"filter", "documents that match", "one-shot", "÷ without", "÷ its limit", "in process", "÷ without"}}
	for i, f := range filters {
		shot, inside := took[2*i], took[2*i+1]
		limit := time.Duration(f.limit * float64(took[0].median()))
		rows = append(rows, []string{
			"`" + f.expr + "`", f.share, shot.String(), ratio(shot.median(), took[0].median()), within(shot.median(), limit),
			inside.String(), ratio(inside.median(), took[1].median()),
		})
	}
	rows[1][0] = "none"
	b.table(fmt.Sprintf("Search with a filter, %d documents with as many metadata, k = 4:", large), rows)
	return nil
}

// mmr compares maximal marginal relevance with a search for as many hits.
func (b *bench) mmr(ctx context.Context) error {
	dir, s, query, file, err := b.ask(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	plain := engine.SearchOptions{K: 10}
	diverse := engine.MMROptions{SearchOptions: engine.SearchOptions{K: 10, FetchK: 100}, Lambda: 0.5}
	took, err := interleave(ctx, b.rounds,
		b.command("search-vector", "--store", dir, "--json", "-k", "10", "--binary", "f32", "@"+file),
		b.command("mmr", "--store", dir, "--json", "-k", "10", "--fetch-k", "100", "--binary", "f32", "--vector", "@"+file),
		timed(func(ctx context.Context) error { _, err := s.Search(ctx, [][]float32{query}, plain); return err }),
		timed(func(ctx context.Context) error { _, err := engine.MMR(ctx, s, [][]float32{query}, diverse); return err }),
	)
	if err != nil {
		return err
	}
	limit := time.Duration(mmrLimit * float64(took[0].median()))
	b.table(fmt.Sprintf("MMR, %d documents, k = 10, fetch-k = 100:", large), [][]string{
		{"", "one-shot", "÷ search", "÷ its limit", "in process", "÷ search"},
		{"search", took[0].String(), "1.00", "", took[2].String(), "1.00"},
		{"mmr", took[1].String(), ratio(took[1].median(), took[0].median()), within(took[1].median(), limit), took[3].String(), ratio(took[3].median(), took[2].median())},
	})
	return nil
}

// ask opens the labelled store and writes a query for it.
func (b *bench) ask(ctx context.Context) (dir string, s *store.Store, query []float32, file string, err error) {
	if dir, err = b.labelled(ctx, large); err != nil {
		return "", nil, nil, "", err
	}
	query, file = queries(1), filepath.Join(b.data, "query.f32")
	if err := os.WriteFile(file, vector.Bytes(query), 0o666); err != nil {
		return "", nil, nil, "", err
	}
	s, err = store.Open(ctx, dir, engine.Options{})
	return dir, s, query, file, err
}

// labelled gives the directory of the store of n documents whose metadata all
// differ.
func (b *bench) labelled(ctx context.Context, n int) (string, error) {
	return b.keep(ctx, "labelled-"+strconv.Itoa(n), 0, n, func(i int) engine.Document { return labelledDocument(i, n) })
}

// labelledDocument is the i-th of n. Its rank is its own, and has nothing to
// do with its place: a filter on it picks rows from the whole file.
func labelledDocument(i, n int) engine.Document {
	const stride = 7919 // a prime that divides no size of a store
	rank := i * stride % n
	lang := "de"
	if rank*10 < n*6 {
		lang = "en"
	}
	doc := document(i)
	doc.Metadata = metadata.Raw(fmt.Appendf(nil, `{"rank":%d,"percent":%d,"lang":%q}`, rank, rank*100/n, lang))
	return doc
}
