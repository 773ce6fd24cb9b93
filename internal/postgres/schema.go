package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/words"
)

// firstNumber is that of a store's first document.
const firstNumber = 1

// formatVersion is that of the tables below.
const formatVersion = 1

// What the names of the other tables of a store end with.
const (
	sourcesSuffix = "_sources"
	factsSuffix   = "_facts"
	nearestSuffix = "_nearest" // of an approximate index

	partitionSuffix = "_p" // before the remainder
)

// maxPartitions is how many partitions a store has at most.
const maxPartitions = 1000

// maxDim is how many numbers a vector of pgvector has at most.
const maxDim = 16000

// inlineDim is up to how many numbers a vector is kept in the page of its row, where a scan
// finds it at once. A longer one does not fit beside the rest of a row.
const inlineDim = 1800

// The tables of a store. The deferred constraints hold at the end of each transaction:
// within it a document takes the id of one that goes. The hash is the first 8 bytes of the
// text's SHA-256; metadata is NULL where the type jsonb cannot hold what verbatim has. The
// length, in terms, and the words of a text are 0 and NULL where the store keeps no words.
const createTables = `
CREATE TABLE {documents} (
  n bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  source bigint NOT NULL,
  text text COLLATE "C" NOT NULL,
  metadata jsonb,
  verbatim text COLLATE "C" NOT NULL,
  origin smallint NOT NULL,
  start_index bigint NOT NULL,
  start_line bigint NOT NULL,
  end_line bigint NOT NULL,
  text_hash bigint NOT NULL,
  vector vector(%[1]d) NOT NULL,
  length integer NOT NULL,
  words tsvector
) %[3]s;
ALTER TABLE {documents} ALTER COLUMN vector SET STORAGE %[2]s;
CREATE TABLE {sources} (
  source bigint PRIMARY KEY,
  key text COLLATE "C" NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
  name text COLLATE "C" NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
  size bigint NOT NULL,
  mtime bigint NOT NULL,
  hash bytea NOT NULL,
  settings text NOT NULL,
  documents bigint NOT NULL
);
CREATE TABLE {facts} (
  sheaf integer NOT NULL,
  id text NOT NULL,
  created bigint NOT NULL,
  updated bigint NOT NULL,
  embedder text NOT NULL,
  fingerprint text NOT NULL,
  dim integer NOT NULL,
  metric text NOT NULL,
  normalize boolean NOT NULL,
  unit boolean NOT NULL,
  longest float8 NOT NULL,
  settings text NOT NULL,
  documents bigint NOT NULL,
  generation bigint NOT NULL,
  next bigint NOT NULL,
  words integer NOT NULL,
  tokens bigint NOT NULL,
  index text NOT NULL
)`

// indexTable makes the indexes of a table of documents, or of a partition: the table as a
// whole has none, so that partitions may be on other servers.
const indexTable = `;
ALTER TABLE %[1]s ADD PRIMARY KEY (n), ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX ON %[1]s (source, n);
CREATE INDEX ON %[1]s (text_hash) WHERE origin = 1`

const indexWords = `;
CREATE INDEX ON %[1]s USING gin (words)`

// tables is the script that makes the tables of a store.
func (p *place) tables(f engine.Facts, partitions int) string {
	storage, partitioned := "PLAIN", ""
	if f.Dim > inlineDim {
		storage = "EXTERNAL"
	}
	if partitions > 0 {
		partitioned = "PARTITION BY HASH (id)"
	}
	index := indexTable
	if !f.NoWords {
		index += indexWords
	}
	script := fmt.Sprintf(createTables, f.Dim, storage, partitioned)
	for i := range partitions {
		part := p.name(partitionSuffix + strconv.Itoa(i))
		script += fmt.Sprintf(`;
CREATE TABLE %s PARTITION OF {documents} FOR VALUES WITH (MODULUS %d, REMAINDER %d)`, part, partitions, i) + fmt.Sprintf(index, part)
	}
	if partitions == 0 {
		script += fmt.Sprintf(index, "{documents}")
	}
	return script
}

// noWords marks a store that keeps no words.
const noWords = 0

// state is the row of facts.
type state struct {
	engine.Facts
	id               string
	created, updated time.Time
	unit             bool    // every vector has length 1 or 0
	longest          float64 // no vector is longer
	settings         string
	documents        int64
	generation       int64 // grows with every commit that takes documents away or changes one
	next             int64 // the number of the next document
	words            int64 // the version of the rules by which texts have terms, or noWords
	tokens           int64 // the sum of the lengths of documents
	index            approximate
}

const selectFacts = `SELECT sheaf, id, created, updated, embedder, fingerprint, dim, metric, normalize, unit, longest, settings, documents, generation, next, words, tokens, index,
  (SELECT COALESCE(split_part(reloptions[1], '=', 2), '0') FROM pg_class WHERE oid = to_regclass({nearest})) FROM {facts}`

// readState reads the row of facts, in PostgreSQL's text format.
func (p *place) readState(rows [][][]byte) (s state, err error) {
	if len(rows) != 1 {
		return s, p.foreign("has %d rows of facts", len(rows))
	}
	r := rows[0]
	switch version := parseInt(r[0]); {
	case version > formatVersion:
		return s, &engine.FormatError{Path: p.url, Problem: fmt.Sprintf("the store has format version %d; this sheaf reads up to %d", version, formatVersion), Remedy: "update sheaf"}
	case version < 1:
		return s, p.foreign("has format version %d", version)
	}
	s = state{
		Facts: engine.Facts{
			Embedder: string(r[4]), Fingerprint: string(r[5]), Dim: int(parseInt(r[6])), Metric: engine.Metric(r[7]), Normalize: string(r[8]) == "t",
			NoWords: parseInt(r[15]) == noWords,
		},
		id: string(r[1]), created: time.Unix(0, parseInt(r[2])), updated: time.Unix(0, parseInt(r[3])),
		unit: string(r[9]) == "t", settings: string(r[11]), documents: parseInt(r[12]), generation: parseInt(r[13]), next: parseInt(r[14]),
		words: parseInt(r[15]), tokens: parseInt(r[16]), index: approximate{string(r[17]), r[18] != nil, parseInt(r[18])},
	}
	if _, err := fmt.Sscan(string(r[10]), &s.longest); err != nil {
		return s, p.foreign("has no length of its longest vector")
	}
	return s, s.Validate()
}

// foreign is the error of a table that no sheaf made.
func (p *place) foreign(format string, args ...any) error {
	return &engine.FormatError{
		Path: p.url, Problem: fmt.Sprintf("the table is not one of sheaf's: it "+format, args...),
		Remedy: "name another table with ?table=NAME; sheaf makes it",
	}
}

// The states of errors that say that a table or a column is not there.
const (
	undefinedTable  = "42P01"
	undefinedColumn = "42703"
	duplicateTable  = "42P07"
	uniqueViolation = "23505"
	notAvailable    = "55P03" // a lock, within the time given
)

// missing tells what it means that the facts cannot be read: no store, or another program's
// table.
func (c *conn) missing(ctx context.Context, err error) error {
	p := c.pool.place
	switch stateOf(err) {
	case undefinedColumn:
		return p.foreign("has other columns")
	case undefinedTable:
		there, err := c.value(ctx, `SELECT 1 WHERE to_regclass($1) IS NOT NULL`, p.name(""))
		if err != nil {
			return err
		}
		if there != nil {
			return p.foreign("has no facts beside it")
		}
		return fmt.Errorf("opening store %q: %w", p.url, engine.ErrNotExist)
	}
	return err
}

// create makes the tables of a store.
func (c *conn) create(ctx context.Context, f engine.Facts, o engine.Options) error {
	if f.Dim > maxDim {
		return hint.With(fmt.Errorf("a table of PostgreSQL keeps vectors of up to %d numbers, not %d", maxDim, f.Dim), "keep them in a folder")
	}
	if o.Partitions > maxPartitions {
		return fmt.Errorf("a table has up to %d partitions, not %d", maxPartitions, o.Partitions)
	}
	if err := c.extend(ctx); err != nil {
		return err
	}
	if err := c.canIndex(ctx, f, o.Index); err != nil {
		return err
	}
	version := noWords
	if !f.NoWords {
		version = words.Version
	}
	if _, err := c.script(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED;"+c.pool.place.tables(f, o.Partitions)); err != nil {
		if stateOf(err) == duplicateTable {
			return c.pool.place.foreign("is there already, without those that belong to a store, or beside one of theirs")
		}
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	now := time.Now().UnixNano()
	const insert = `INSERT INTO {facts} VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, true, 0, '', 0, 0, $9, $10, 0, $11)`
	err := c.exec(ctx, insert, formatVersion, hex.EncodeToString(id[:]), now, f.Embedder, f.Fingerprint, f.Dim, string(f.Metric), f.Normalize, firstNumber, version, o.Index)
	if err == nil {
		err = c.exec(ctx, `COMMIT`)
	}
	return err
}

// extend makes the database know vectors.
func (c *conn) extend(ctx context.Context) error {
	there, err := c.value(ctx, `SELECT 1 FROM pg_extension WHERE extname = 'vector'`)
	if err != nil || there != nil {
		return err
	}
	err = c.exec(ctx, `CREATE EXTENSION IF NOT EXISTS vector`)
	if err == nil || stateOf(err) == uniqueViolation { // another session was faster
		return nil
	}
	var refused *engine.RefusedError
	if errors.As(err, &refused) {
		return hint.With(err, "have an administrator of the database run CREATE EXTENSION vector")
	}
	return hint.With(err, "install pgvector on the server: https://github.com/pgvector/pgvector")
}
