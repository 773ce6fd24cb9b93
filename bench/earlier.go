package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"sheaf/internal/vector"
)

// verb is something that any build of sheaf does with a store of its own making.
type verb struct {
	name string
	run  func(sheaf, dir string) contender
}

// earlier compares what verbs take with earlier builds. Each build has a store that it
// imported from the same folder of LangChain's.
func (b *bench) earlier(ctx context.Context) (err error) {
	if len(b.before) == 0 {
		return errors.New("it compares with the binaries of -before, and none is given")
	}
	python, err := b.langchainPython(ctx)
	if err != nil {
		return err
	}
	folder := filepath.Join(b.data, "langchain-"+strconv.Itoa(middle))
	if err := makeFolder(ctx, python, folder, middle); err != nil {
		return err
	}
	if _, err := makeTree(filepath.Join(b.data, "tree"), filepath.Join("examples", "articles")); err != nil {
		return err
	}
	for name, n := range map[string]int{"one": 1, "many": batchQueries} {
		if err := os.WriteFile(b.queryFile(name), vector.Bytes(queries(n)), 0o666); err != nil {
			return err
		}
	}
	root, err := os.MkdirTemp(b.data, "earlier")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	builds := append([]string{b.sheaf}, b.before...)
	rows := [][]string{{"verb"}}
	for _, sheaf := range builds {
		rows[0] = append(rows[0], filepath.Base(sheaf))
	}
	for _, v := range b.verbs(folder) {
		var contenders []contender
		for i, sheaf := range builds {
			contenders = append(contenders, v.run(sheaf, filepath.Join(root, strconv.Itoa(i))))
		}
		took, err := interleave(ctx, b.rounds, contenders...)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		row := []string{v.name, took[0].String()}
		for _, s := range took[1:] {
			row = append(row, fmt.Sprintf("%s, ÷ %s", s, ratio(took[0].median(), s.median())))
		}
		rows = append(rows, row)
	}
	b.table(fmt.Sprintf("Beside earlier builds, each with a store of its own making of %d documents, dim %d:", middle, dim), rows)
	return nil
}

func (b *bench) queryFile(name string) string { return filepath.Join(b.data, "earlier-"+name+".f32") }

// verbs are what is compared, in an order in which the first makes the store of the others.
func (b *bench) verbs(folder string) []verb {
	tree := filepath.Join(b.data, "tree")
	in := func(args ...string) func(sheaf, dir string) contender {
		return func(sheaf, dir string) contender {
			return process(append([]string{sheaf, args[0], "--store", filepath.Join(dir, "store")}, args[1:]...)...)
		}
	}
	one, many := "@"+b.queryFile("one"), "@"+b.queryFile("many")
	another := func(sheaf, dir string, args ...string) contender {
		made := filepath.Join(dir, "made")
		return afresh(made, process(append([]string{sheaf, args[0], "--quiet", "--store", made}, args[1:]...)...))
	}
	return []verb{
		{"`import`", func(sheaf, dir string) contender {
			return onQuietDisk(afresh(filepath.Join(dir, "store"), in("import", "--quiet", folder)(sheaf, dir)))
		}},
		{"`version`", func(sheaf, _ string) contender { return process(sheaf, "version") }},
		{"`search-vector`", in("search-vector", "-k", "10", "--json", "--binary", "f32", one)},
		{"the same, with a filter for 3 %", in("search-vector", "-k", "10", "--json", "--filter", "page<30", "--binary", "f32", one)},
		{"for 60 %", in("search-vector", "-k", "10", "--json", "--filter", "page<600", "--binary", "f32", one)},
		{fmt.Sprintf("%d vectors at once", batchQueries), in("search-vector", "-k", "10", "--json", "--binary", "f32", many)},
		{"`mmr`, 100 candidates", in("mmr", "-k", "10", "--fetch-k", "100", "--json", "--binary", "f32", "--vector", one)},
		{"`ingest` of one more document", addAnother},
		{"`delete` of one", deleteAnother},
		{"`merge` into a new store", func(sheaf, dir string) contender {
			return onQuietDisk(another(sheaf, dir, "merge", filepath.Join(dir, "store")))
		}},
		{"`ingest` of 1,000 files", func(sheaf, dir string) contender {
			return onQuietDisk(another(sheaf, dir, "ingest", "--embedder", "builtin", tree))
		}},
		{"the same again, unchanged", func(sheaf, dir string) contender {
			return process(sheaf, "ingest", "--quiet", "--store", filepath.Join(dir, "made"), tree)
		}},
	}
}

// addAnother ingests one record with its vector.
func addAnother(sheaf, dir string) contender {
	return func(ctx context.Context) (sample, error) {
		file := filepath.Join(dir, unused()+".jsonl")
		if err := writeRecord(file); err != nil {
			return sample{}, err
		}
		return process(sheaf, "ingest", "--quiet", "--store", filepath.Join(dir, "store"), file)(ctx)
	}
}

// deleteAnother deletes what addAnother has ingested once.
func deleteAnother(sheaf, dir string) contender {
	return func(ctx context.Context) (sample, error) {
		files, err := filepath.Glob(filepath.Join(dir, "added-*.jsonl"))
		if err == nil && len(files) == 0 {
			err = errors.New("there is no document left to delete")
		}
		if err != nil {
			return sample{}, err
		}
		var record struct{ ID string }
		line, err := os.ReadFile(files[0])
		if err := errors.Join(err, json.Unmarshal(line, &record), os.Remove(files[0])); err != nil {
			return sample{}, err
		}
		return process(sheaf, "delete", "--quiet", "--store", filepath.Join(dir, "store"), record.ID)(ctx)
	}
}
