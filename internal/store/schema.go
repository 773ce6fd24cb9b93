package store

import (
	"fmt"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// applicationID marks sheaf.db as ours ("shef"). formatVersion is the user_version of
// what this version writes; it reads formats from 1 on. docs/format.md describes
// every table.
const (
	applicationID = 0x73686566
	formatVersion = 3
)

// formats are the statements that each format adds to those of the one before it.
// The first writer of a store of an older format executes what is missing.
var formats = [formatVersion + 1]string{1: `
CREATE TABLE store (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  id          BLOB    NOT NULL,
  created     INTEGER NOT NULL,
  updated     INTEGER NOT NULL,
  embedder    TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL,
  dim         INTEGER NOT NULL,
  metric      TEXT    NOT NULL,
  normalize   INTEGER NOT NULL,
  unit        INTEGER NOT NULL,
  settings    TEXT    NOT NULL,
  index_file  INTEGER NOT NULL,
  count       INTEGER NOT NULL,
  rows        INTEGER NOT NULL,
  documents   INTEGER NOT NULL,
  generation  INTEGER NOT NULL,
  crc         INTEGER NOT NULL
) STRICT;
CREATE TABLE bitmap (
  kind INTEGER NOT NULL,
  page INTEGER NOT NULL,
  bits BLOB    NOT NULL,
  crc  INTEGER NOT NULL,
  PRIMARY KEY (kind, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE extent (
  first INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  crc   INTEGER NOT NULL
) STRICT;
CREATE TABLE source (
  source    INTEGER PRIMARY KEY,
  key       TEXT    NOT NULL UNIQUE,
  name      TEXT    NOT NULL UNIQUE,
  size      INTEGER NOT NULL,
  mtime     INTEGER NOT NULL,
  hash      BLOB    NOT NULL,
  settings  TEXT    NOT NULL,
  documents INTEGER NOT NULL
) STRICT;
CREATE TABLE meta (
  meta INTEGER PRIMARY KEY,
  hash BLOB    NOT NULL,
  json TEXT    NOT NULL
) STRICT;
CREATE TABLE field (
  key   TEXT    NOT NULL,
  value ANY     NOT NULL,
  kind  INTEGER NOT NULL,
  meta  INTEGER NOT NULL,
  PRIMARY KEY (key, value, kind, meta)
) STRICT, WITHOUT ROWID;
CREATE TABLE document (
  n           INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL,
  source      INTEGER NOT NULL,
  meta        INTEGER NOT NULL,
  origin      INTEGER NOT NULL,
  start_index INTEGER NOT NULL,
  start_line  INTEGER NOT NULL,
  end_line    INTEGER NOT NULL,
  text_hash   INTEGER NOT NULL,
  hash        BLOB    NOT NULL,
  text        TEXT    NOT NULL
) STRICT;
CREATE INDEX meta_hash       ON meta (hash);
CREATE INDEX document_id     ON document (id);
CREATE INDEX document_source ON document (source);
CREATE INDEX document_meta   ON document (meta);
CREATE INDEX document_text   ON document (text_hash);
`, 2: `
CREATE TABLE sidecar (
  kind TEXT    PRIMARY KEY,
  file INTEGER NOT NULL,
  rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`, 3: `
CREATE TABLE words (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  tokenizer INTEGER NOT NULL,
  count     INTEGER NOT NULL
) STRICT;
CREATE TABLE segment (
  page      INTEGER PRIMARY KEY,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  documents INTEGER NOT NULL,
  tokens    INTEGER NOT NULL,
  directory BLOB    NOT NULL,
  crc       INTEGER NOT NULL
) STRICT;
CREATE TABLE page (
  page INTEGER PRIMARY KEY,
  bits BLOB    NOT NULL,
  crc  INTEGER NOT NULL
) STRICT;
`}

// definition is a statement of the schema: it makes a TABLE or an INDEX.
type definition struct{ kind, name, create string }

// definitions are the statements that lead from one format to another; from 0 they
// are the whole schema.
func definitions(from, to int64) (all []definition) {
	for statement := range strings.SplitSeq(strings.Join(formats[from+1:to+1], ""), ";") {
		if words := strings.Fields(statement); len(words) > 2 {
			all = append(all, definition{words[1], words[2], statement})
		}
	}
	return all
}

// ofKind returns the definitions of a kind.
func ofKind(kind string) []definition {
	return slices.DeleteFunc(definitions(0, formatVersion), func(d definition) bool { return d.kind != kind })
}

// creates are the statements of definitions.
func creates(all []definition) (statements []string) {
	for _, d := range all {
		statements = append(statements, d.create)
	}
	return statements
}

// checkSchema returns the format of the database behind conn. Errors: ErrNotExist
// for one without tables, *FormatError for one that is not ours.
func checkSchema(conn *sqlite.Conn, path string) (version int64, err error) {
	app, err := pragma(conn, "application_id")
	if err != nil {
		return 0, err
	}
	if version, err = pragma(conn, "user_version"); err != nil {
		return 0, err
	}
	switch {
	case app == applicationID && version >= 1 && version <= formatVersion:
		return version, checkTables(conn, path, version)
	case app == applicationID && version > formatVersion:
		return 0, &engine.FormatError{Path: path, Problem: fmt.Sprintf("format version %d is newer than this sheaf knows (%d)", version, formatVersion), Remedy: "use a newer sheaf"}
	}
	switch tables, err := conn.Int64(`SELECT count(*) FROM sqlite_schema`); {
	case err != nil:
		return 0, err
	case tables == 0:
		return 0, engine.ErrNotExist
	}
	return 0, &engine.FormatError{Path: path, Problem: "a database of another program, not a store", Remedy: "name another folder with --store DIR"}
}

// checkTables compares the schema with the one of its format, text for text: a stranger's view or trigger would act within the store's own statements.
func checkTables(conn *sqlite.Conn, path string, version int64) error {
	wanted := definitions(0, version)
	want := make(map[string]bool, len(wanted))
	for i := range wanted {
		wanted[i].create = oneLine(wanted[i].create)
		want[wanted[i].create] = true
	}
	for row, err := range conn.Query(`SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL`) {
		if err != nil {
			return err
		}
		text := oneLine(row.Text(2))
		if text == oldMeta { // its constraint does what the index does
			text = strings.Replace(oldMeta, " UNIQUE", "", 1)
			delete(want, metaIndexText)
		}
		if !want[text] && text != metaIndexText {
			return damaged(path, "%s %q is not a store's", row.Text(0), row.Text(1))
		}
		delete(want, text)
	}
	for _, d := range wanted {
		if want[d.create] {
			return damaged(path, "%s %q is missing", strings.ToLower(d.kind), d.name)
		}
	}
	return nil
}

// Stores of earlier builds keep metadata objects apart by a constraint, and may
// have the index besides.
const (
	oldMeta       = `CREATE TABLE meta ( meta INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, json TEXT NOT NULL ) STRICT`
	metaIndexText = `CREATE INDEX meta_hash ON meta (hash)`
)

// migrate brings the database to the format of this version.
func (t *tx) migrate() error {
	if t.version == formatVersion {
		return nil
	}
	for _, d := range definitions(t.version, formatVersion) {
		if err := t.Exec(d.create); err != nil {
			return err
		}
	}
	_, err := pragma(t.Conn, fmt.Sprint("user_version = ", formatVersion))
	return err
}

// oneLine is a statement with a space in place of each run of white space.
func oneLine(statement string) string { return strings.Join(strings.Fields(statement), " ") }

// pragma runs a pragma, or sets one by "name = value", and returns its number.
func pragma(conn *sqlite.Conn, name string) (int64, error) {
	return conn.Int64("PRAGMA " + name)
}
