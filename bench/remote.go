package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/postgres/pgtest"
	"sheaf/internal/vector"
)

// Bounds beside psql: at least for the speed of an ingest, at most for the time of a search
// beside psql's and the start of sheaf.
const (
	remoteIngest = 0.8
	remoteSearch = 1.3
)

// remoteTable is the table that is asked.
const remoteTable = "documents"

// remote measures stores in PostgreSQL and in Weaviate.
func (b *bench) remote(ctx context.Context) error {
	return errors.Join(b.tables(ctx), b.collections(ctx))
}

// tables measures stores in PostgreSQL beside psql with the same rows and statements.
func (b *bench) tables(ctx context.Context) error {
	installation := os.Getenv(pgtest.Installation)
	if installation == "" {
		return fmt.Errorf("%s names no installation of PostgreSQL: make test-remote gets one into bench/data/postgres", pgtest.Installation)
	}
	folder, err := b.store(ctx, middle)
	if err != nil {
		return err
	}
	server, err := pgtest.Start(installation)
	if err != nil {
		return err
	}
	defer server.Stop()
	r := &remoteBench{b, server, folder, server.URL(remoteTable)}
	return errors.Join(r.ingest(ctx), r.records(ctx), r.search(ctx), r.batch(ctx), r.indexes(ctx), r.export(ctx))
}

// remoteBench is a bench with a server.
type remoteBench struct {
	*bench
	*pgtest.Server
	folder, url string
}

// psql runs statements.
func (r *remoteBench) psql(ctx context.Context, statements ...string) (string, error) {
	command := r.Psql(statements...)
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}

// after measures once the tables that are written to are gone and a statement was run.
func (r *remoteBench) after(sql string, measure contender) contender {
	const drop = `SET client_min_messages = error; DROP TABLE IF EXISTS other, other_sources, other_facts, bare;`
	return func(ctx context.Context) (sample, error) {
		if _, err := r.psql(ctx, drop+sql); err != nil {
			return sample{}, err
		}
		return measure(ctx)
	}
}

// ingest measures how fast a table is filled, beside a COPY of the same rows from a file into
// a table with the same indexes.
func (r *remoteBench) ingest(ctx context.Context) error {
	if _, err := process(r.sheaf, "merge", "--quiet", "--store", r.url, r.folder)(ctx); err != nil {
		return err
	}
	rows := filepath.Join(r.data, "rows.copy")
	if _, err := r.psql(ctx, `\copy (SELECT * FROM `+remoteTable+` ORDER BY n) TO '`+rows+`' (FORMAT binary)`); err != nil {
		return err
	}
	defer func() { _ = os.Remove(rows) }()
	took, err := interleave(ctx, r.rounds,
		r.after(``, r.command("merge", "--quiet", "--store", r.URL("other"), r.folder)),
		r.after(`CREATE TABLE other (LIKE `+remoteTable+` INCLUDING ALL)`, process(r.Psql(`\copy other FROM '`+rows+`' (FORMAT binary)`)...)))
	if err != nil {
		return err
	}
	if n, err := r.psql(ctx, `SELECT count(*) FROM other`); err != nil || n != strconv.Itoa(middle) {
		return errors.Join(err, fmt.Errorf("psql copied %s documents, not %d", n, middle))
	}
	ours, theirs := took[0], took[1]
	speed := float64(theirs.median()) / float64(ours.median())
	r.table(fmt.Sprintf("%d documents × %d into a table of PostgreSQL:", middle, dim), [][]string{
		{"program", "time", "speed ÷ COPY", "peak memory"},
		{"`sheaf merge` of a folder", ours.String(), fmt.Sprintf("%.2f (%.1f at least: %s)", speed, remoteIngest, reached(speed, remoteIngest)), megabytes(ours.peak())},
		{"`psql \\copy` of the same rows, indexes included", theirs.String(), "1", megabytes(theirs.peak())},
	})
	return nil
}

// records measures the ingest of JSONL with vectors, beside bare loops over the same file, which
// keep neither words nor metadata nor sources.
func (r *remoteBench) records(ctx context.Context) error {
	file := filepath.Join(r.data, "records.jsonl")
	if _, err := r.command("export", "--quiet", "--store", r.folder, file)(ctx); err != nil {
		return err
	}
	defer func() { _ = os.Remove(file) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	python, err := r.venv(ctx, "postgres-peer", "psycopg", "psycopg[binary]==3.3.9")
	if err != nil {
		return err
	}
	took, err := interleave(ctx, min(r.rounds, 3),
		r.after(``, r.command("ingest", "--quiet", "--embedder", "none", "--store", r.URL("other"), file)),
		r.after(bareTable, process(self, copyVerb, r.Dir(), file)),
		r.after(bareTable, process(python, filepath.Join("bench", "copy_peer.py"), r.Dir(), file)))
	if err != nil {
		return err
	}
	speed := float64(took[1].median()) / float64(took[0].median())
	row := func(name string, s series, beside string) []string {
		return []string{name, s.String(), beside, millis(s.cpu()), megabytes(s.peak())}
	}
	r.table(fmt.Sprintf("JSONL with %d vectors × %d into a table of PostgreSQL:", middle, dim), [][]string{
		{"program", "time", "speed ÷ the loop in Go", "its own CPU time", "peak memory"},
		row("`sheaf ingest`", took[0], fmt.Sprintf("%.2f (%.1f at least: %s)", speed, remoteIngest, reached(speed, remoteIngest))),
		row("a loop in Go: encoding/json and pgx", took[1], "1"),
		row("a loop in Python: json and psycopg", took[2], fmt.Sprintf("%.2f", float64(took[1].median())/float64(took[2].median()))),
	})
	return nil
}

// indexes measures one search by an approximate index, beside psql with the same index and beside
// an exact search.
func (r *remoteBench) indexes(ctx context.Context) error {
	query, err := json.Marshal(queries(1))
	if err != nil {
		return err
	}
	rows := [][]string{{"index", "`sheaf search-vector`", "`--recall 1`", "`psql` by the index"}}
	for _, kind := range []string{engine.HNSW, engine.IVFFlat} {
		table := "indexed_" + kind
		url := r.URL(table) + "&options=-c%20maintenance_work_mem%3D512MB" // in which the graph fits
		for _, command := range [][]string{{"init", "--embedder", "none", "--dimensions", strconv.Itoa(dim), "--index", kind}, {"merge", "--quiet", r.folder}} {
			if _, err := r.command(append(command, "--store", url)...)(ctx); err != nil {
				return err
			}
		}
		search := []string{"search-vector", "--json", "--store", url, string(query)}
		took, err := interleave(ctx, r.rounds, r.command(search...), r.command(append(search, "--recall", "1")...),
			process(r.Psql(`SELECT id, text FROM `+table+` ORDER BY vector <-> '`+string(query)+`' LIMIT 4`)...))
		if err != nil {
			return err
		}
		rows = append(rows, []string{kind, took[0].String(), took[1].String(), took[2].String()})
	}
	r.table(fmt.Sprintf("One search by an approximate index of %d documents:", middle), rows)
	return nil
}

// search measures one search from start to end, beside psql with the same statement.
func (r *remoteBench) search(ctx context.Context) error {
	query, err := json.Marshal(queries(1))
	if err != nil {
		return err
	}
	sql := `SELECT d.n, d.id, d.text, d.verbatim, s.name, d.start_line, d.end_line, d.vector, d.far
  FROM (SELECT d.*, d.vector <-> '` + string(query) + `' AS far FROM ` + remoteTable + ` d ORDER BY far LIMIT 20) d JOIN ` + remoteTable + `_sources s USING (source) ORDER BY d.far`
	vectors := filepath.Join(r.data, "query.json")
	if err := os.WriteFile(vectors, query, 0o666); err != nil {
		return err
	}
	took, err := interleave(ctx, r.rounds,
		r.command("search-vector", "--json", "--store", r.url, "@"+vectors), process(r.Psql(sql)...), r.command("version"),
		r.command("search-vector", "--json", "--store", r.folder, "@"+vectors))
	if err != nil {
		return err
	}
	ours, limit := took[0], took[1].median()+took[2].median()
	times := float64(ours.median()) / float64(limit)
	r.table(fmt.Sprintf("One search for the 4 nearest of %d documents, from start to end:", middle), [][]string{
		{"program", "time", "÷ psql and the start of sheaf"},
		{"`sheaf search-vector`, table", ours.String(), fmt.Sprintf("%.2f (%s)", times, verdict(times/remoteSearch))},
		{"`psql` with the same statement", took[1].String(), ""},
		{"`sheaf version`", took[2].String(), ""},
		{"`sheaf search-vector`, folder", took[3].String(), ""},
	})
	return nil
}

// batch measures many queries at once, beside psql with a statement for each.
func (r *remoteBench) batch(ctx context.Context) error {
	asked := queries(batchQueries)
	file := filepath.Join(r.data, "queries.f32")
	if err := os.WriteFile(file, vector.Bytes(asked), 0o666); err != nil {
		return err
	}
	const some = 50 // psql is asked
	var script strings.Builder
	for i := range some {
		query, err := json.Marshal(asked[i*dim:][:dim])
		if err != nil {
			return err
		}
		fmt.Fprintf(&script, "SELECT id, text FROM %s ORDER BY vector <-> '%s' LIMIT 4;\n", remoteTable, query)
	}
	statements := filepath.Join(r.data, "queries.sql")
	if err := os.WriteFile(statements, []byte(script.String()), 0o666); err != nil {
		return err
	}
	took, err := interleave(ctx, min(r.rounds, 3),
		r.command("search-vector", "--store", r.url, "--binary", "f32", "@"+file),
		process(append(r.Psql(), "-f", statements)...))
	if err != nil {
		return err
	}
	ours, theirs := batchQueries/took[0].median().Seconds(), some/took[1].median().Seconds()
	r.table(fmt.Sprintf("%d queries at once, %d documents, k = 4:", batchQueries, middle), [][]string{
		{"program", "queries/s", "÷ psql"},
		{"`sheaf search-vector`, table", fmt.Sprintf("%.0f", ours), fmt.Sprintf("%.1f", ours/theirs)},
		{fmt.Sprintf("`psql`, %d statements", some), fmt.Sprintf("%.0f", theirs), "1"},
	})
	return nil
}

// export measures the memory of an export.
func (r *remoteBench) export(ctx context.Context) error {
	rows := [][]string{{"documents", "time", "peak memory"}}
	for _, n := range []int{small, middle} {
		folder, err := r.store(ctx, n)
		if err != nil {
			return err
		}
		url := r.URL("exported" + strconv.Itoa(n))
		if _, err := process(r.sheaf, "merge", "--quiet", "--store", url, folder)(ctx); err != nil {
			return err
		}
		took, err := interleave(ctx, 1, r.exported(url))
		if err != nil {
			return err
		}
		rows = append(rows, []string{strconv.Itoa(n), took[0].String(), megabytes(took[0].peak())})
	}
	r.table("Export of a table as JSONL with vectors:", rows)
	return nil
}

// exported measures an export of a store as JSONL with vectors.
func (b *bench) exported(url string) contender {
	to := filepath.Join(b.data, "exported.jsonl")
	return func(ctx context.Context) (sample, error) {
		defer func() { _ = os.Remove(to) }()
		return b.command("export", "--quiet", "--store", url, to)(ctx)
	}
}
