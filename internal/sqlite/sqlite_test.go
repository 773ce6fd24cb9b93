package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open opens a database for the length of a test.
func open(t *testing.T, path string, mode Mode) *Conn {
	t.Helper()
	c, err := Open(path, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// memory is a database in memory with some statements run.
func memory(t *testing.T, statements ...string) *Conn {
	t.Helper()
	c := open(t, ":memory:", Create)
	exec(t, c, statements...)
	return c
}

func exec(t *testing.T, c *Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := c.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// number is the answer of a query for one number.
func number(t *testing.T, c *Conn, sql string, args ...any) int64 {
	t.Helper()
	n, err := c.Int64(sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// endless is a query that never ends and yields no row.
const endless = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0`

func TestValues(t *testing.T) {
	t.Parallel()
	c := memory(t, `CREATE TABLE t (v ANY) STRICT`)
	huge := strings.Repeat("huge text ", 1<<20)
	tests := []struct {
		arg  any
		typ  Type
		text string // what Text returns
		num  float64
	}{
		{nil, Null, "", 0},
		{true, Integer, "", 1},
		{false, Integer, "", 0},
		{42, Integer, "", 42},
		{uint32(1<<32 - 1), Integer, "", 1<<32 - 1},
		{int64(-1 << 53), Integer, "", -1 << 53},
		{2.5, Float, "", 2.5},
		{"", Text, "", 0},
		{"a\x00b\x00", Text, "a\x00b\x00", 0},
		{"日本 \xff", Text, "日本 \xff", 0},
		{huge, Text, huge, 0},
		{[]byte(nil), Blob, "", 0},
		{[]byte{}, Blob, "", 0},
		{[]byte{0, 255}, Blob, "\x00\xff", 0},
	}
	for _, tt := range tests {
		exec(t, c, `DELETE FROM t`)
		if err := c.Exec(`INSERT INTO t VALUES (?)`, tt.arg); err != nil {
			t.Fatal(err)
		}
		// Once as a column, once as a value bound to a query that yields rows.
		for row, err := range c.Query(`SELECT v FROM t UNION ALL SELECT ?`, tt.arg) {
			if err != nil {
				t.Fatal(err)
			}
			if row.Type(0) != tt.typ || row.Text(0) != tt.text || row.Float64(0) != tt.num {
				t.Errorf("%T: type %d, text of %d bytes, number %v", tt.arg, row.Type(0), len(row.Text(0)), row.Float64(0))
			}
			if row.Int64(0) != int64(tt.num) || row.Int(0) != int(tt.num) || row.Bool(0) != (int64(tt.num) != 0) {
				t.Errorf("%T: %d, %v", tt.arg, row.Int64(0), row.Bool(0))
			}
			if b := row.Bytes(0); string(b) != tt.text || (b == nil) != (tt.typ != Text && tt.typ != Blob) {
				t.Errorf("%T: bytes %v", tt.arg, b == nil)
			}
		}
	}
}

func TestRowAfterItsTime(t *testing.T) {
	t.Parallel()
	c := memory(t)
	var kept *Row
	for row, err := range c.Query(`SELECT 'text'`) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Type(1) != Null || row.Type(-1) != Null || row.Text(1) != "" {
			t.Error("a column that is not there has a value")
		}
		kept = row
	}
	if kept.Text(0) != "" || kept.Type(0) != Null {
		t.Errorf("a row after its query: %q", kept.Text(0))
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	c := memory(t, `CREATE TABLE t (n INTEGER PRIMARY KEY)`)
	for i := range 3 {
		if err := c.Exec(`INSERT INTO t VALUES (?)`, 10+i); err != nil {
			t.Fatal(err)
		}
	}
	if id := c.LastInsertID(); id != 12 {
		t.Errorf("last id %d", id)
	}
	exec(t, c, `DELETE FROM t WHERE n > 10`)
	if n := c.Changes(); n != 2 {
		t.Errorf("%d changes", n)
	}
	if n := number(t, c, `SELECT n FROM t WHERE n > ?`, 100); n != 0 {
		t.Errorf("no row: %d", n)
	}
	exec(t, c, `BEGIN`, `DELETE FROM t`)
	if !c.InTransaction() {
		t.Error("no transaction after BEGIN")
	}
	exec(t, c, `ROLLBACK`)
	if c.InTransaction() || number(t, c, `SELECT count(*) FROM t`) != 1 {
		t.Error("ROLLBACK did nothing")
	}
}

func TestNestedQueries(t *testing.T) {
	t.Parallel()
	c := memory(t, `CREATE TABLE t (n INTEGER PRIMARY KEY)`, `INSERT INTO t VALUES (1), (2), (3)`)
	var got []string
	const query = `SELECT n FROM t ORDER BY n`
	for outer, err := range c.Query(query) {
		if err != nil {
			t.Fatal(err)
		}
		for inner, err := range c.Query(query) { // the same statement
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, fmt.Sprint(outer.Int(0), inner.Int(0))); inner.Int(0) == 2 {
				break
			}
		}
		if err := c.Exec(`UPDATE t SET n = n WHERE n = ?`, outer.Int(0)); err != nil {
			t.Fatal(err)
		}
	}
	if want := "1 1,1 2,2 1,2 2,3 1,3 2"; strings.Join(got, ",") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ","), want)
	}
	exec(t, c, `DROP TABLE t`) // which a statement that was not reset would refuse
}

func TestMoreStatementsThanAreKept(t *testing.T) {
	t.Parallel()
	c := memory(t)
	for i := range 2 * cacheSize {
		if n := number(t, c, fmt.Sprint("SELECT ", i)); n != int64(i) {
			t.Errorf("%d: %d", i, n)
		}
	}
	if len(c.cache) > cacheSize {
		t.Errorf("%d statements are kept", len(c.cache))
	}
}

// Some pragmas act when they are compiled, so that a kept one would do nothing.
func TestPragmasActEachTime(t *testing.T) {
	t.Parallel()
	c := memory(t)
	for range 2 {
		exec(t, c, `PRAGMA cache_size = 10`, `PRAGMA cache_size = 20`)
		if n := number(t, c, `PRAGMA cache_size`); n != 20 {
			t.Errorf("cache_size is %d", n)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	c := memory(t, `CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT) STRICT`, `INSERT INTO t VALUES (1, 'x')`)
	tests := []struct {
		sql  string
		args []any
		code Code
		text string
	}{
		{`SELECT`, nil, 1, "incomplete input"},
		{``, nil, Misuse, "not one statement"},
		{`-- nothing`, nil, Misuse, "not one statement"},
		{`SELECT 1; SELECT 2`, nil, Misuse, "not one statement"},
		{`SELECT ?`, nil, Misuse, ""},
		{`SELECT ?`, []any{1, 2}, Misuse, ""},
		{`SELECT ?`, []any{uint8(1)}, Misuse, "argument 1"},
		{`INSERT INTO t VALUES (1, 'y')`, nil, 19, "UNIQUE constraint failed"},
		{`INSERT INTO t VALUES (2, x'00')`, nil, 19, "cannot store BLOB"},
		{`SELECT "no column"`, nil, 1, "no such column"},
		{`ATTACH ':memory:' AS other`, nil, 1, "too many attached"},
		{`SELECT load_extension('x')`, nil, 1, ""},
	}
	for _, tt := range tests {
		for how, err := range map[string]error{"Exec": c.Exec(tt.sql, tt.args...), "Query": last(c, tt.sql, tt.args...)} {
			if CodeOf(err).Primary() != tt.code || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("%s: %s: code %d, %v", how, tt.sql, CodeOf(err), err)
			}
		}
	}
	if got := last(c, `SELECT n FROM t`); got != nil {
		t.Errorf("after the errors: %v", got)
	}
	if CodeOf(nil) != 0 || CodeOf(errors.New("other")) != 0 {
		t.Error("a code of what is no *Error")
	}
}

// last is the error that a query ends with.
func last(c *Conn, sql string, args ...any) (last error) {
	for _, err := range c.Query(sql, args...) {
		last = err
	}
	return last
}

// A row that cannot be computed ends the query with an error after those before it.
func TestErrorAfterRows(t *testing.T) {
	t.Parallel()
	c := memory(t)
	rows := 0
	var last error
	for _, err := range c.Query(`SELECT json(column1) FROM (VALUES ('1'), ('2'), ('{'))`) {
		if last = err; err == nil {
			rows++
		}
	}
	if rows != 2 || !strings.Contains(fmt.Sprint(last), "malformed JSON") {
		t.Errorf("%d rows, then %v", rows, last)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	c := memory(t, `CREATE TABLE t (n)`, `INSERT INTO t VALUES (1), (2)`)
	var inner, outer error
	rows := 0
	for row, err := range c.Query(`SELECT n FROM t`) {
		if outer = err; err != nil {
			break
		}
		rows += row.Int(0)
		if err := errors.Join(c.Close(), c.Close()); err != nil {
			t.Error(err)
		}
		if row.Int(0) != 1 {
			t.Error("the row went with the connection")
		}
		inner = c.Exec(`SELECT 1`)
	}
	_, scalar := c.Int64(`SELECT 1`)
	for _, err := range []error{inner, outer, scalar, last(c, `SELECT 1`)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("a closed connection: %v", err)
		}
	}
	c.SetContext(t.Context())
	c.SetBusyTimeout(time.Second)
	if c.InTransaction() || c.Changes() != 0 || c.LastInsertID() != 0 || rows != 1 {
		t.Error("a closed connection has a state")
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, path := range map[string]string{
		"missing": filepath.Join(dir, "none"), "a folder": dir, "NUL": dir + "/a\x00b",
	} {
		if c, err := Open(path, ReadWrite); CodeOf(err).Primary() != CantOpen || c != nil {
			t.Errorf("%s: code %d, %v", name, CodeOf(err), err)
		}
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	exec(t, open(t, path, Create), `CREATE TABLE t (n)`)
	if err := open(t, path, ReadOnly).Exec(`INSERT INTO t VALUES (1)`); CodeOf(err).Primary() != ReadOnlyDB {
		t.Errorf("a write: code %d, %v", CodeOf(err), err)
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	c := open(t, path, Create)
	exec(t, c, `BEGIN`, `CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)`)
	for i := range 1000 {
		if err := c.Exec(`INSERT INTO t VALUES (?, ?)`, i, "some text"); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, c, `COMMIT`)
	c.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := last(open(t, path, ReadOnly), `SELECT * FROM t`); CodeOf(err).Primary() != Corrupt {
		t.Errorf("damaged pages: code %d, %v", CodeOf(err), err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := last(open(t, path, ReadOnly), `SELECT * FROM t`); CodeOf(err) != NotADB {
		t.Errorf("another file: code %d, %v", CodeOf(err), err)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	holder, other := open(t, path, Create), open(t, path, Create)
	exec(t, holder, `CREATE TABLE t (n)`, `BEGIN EXCLUSIVE`)
	if _, err := other.Int64(`SELECT count(*) FROM t`); CodeOf(err).Primary() != Busy {
		t.Errorf("without waiting: code %d, %v", CodeOf(err), err)
	}
	other.SetBusyTimeout(30 * time.Millisecond)
	start := time.Now()
	if _, err := other.Int64(`SELECT count(*) FROM t`); CodeOf(err).Primary() != Busy || time.Since(start) < 30*time.Millisecond {
		t.Errorf("after %v: code %d, %v", time.Since(start), CodeOf(err), err)
	}

	other.SetBusyTimeout(time.Hour)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	other.SetContext(ctx)
	answer := make(chan error)
	go func() { _, err := other.Int64(`SELECT count(*) FROM t`); answer <- err }()
	cancel(gone)
	if err := <-answer; !errors.Is(err, gone) {
		t.Errorf("waiting when the context ended: %v", err)
	}

	other.SetContext(t.Context())
	go func() { _, err := other.Int64(`SELECT count(*) FROM t`); answer <- err }()
	exec(t, holder, `COMMIT`)
	if err := <-answer; err != nil {
		t.Errorf("waiting when the lock was released: %v", err)
	}
}

func TestContextEndsAStatement(t *testing.T) {
	t.Parallel()
	c := memory(t)
	gone := errors.New("gone")
	for name, run := range map[string]func() error{
		"Exec":  func() error { return c.Exec(endless) },
		"Query": func() error { return last(c, endless) },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		c.SetContext(ctx)
		answer := make(chan error)
		go func() { answer <- run() }()
		cancel(gone)
		if err := <-answer; !errors.Is(err, gone) {
			t.Errorf("%s: %v", name, err)
		}
		if err := run(); !errors.Is(err, gone) {
			t.Errorf("%s, once more: %v", name, err)
		}
	}
	c.SetContext(context.Background())
	if n := number(t, c, `SELECT 1`); n != 1 {
		t.Errorf("without the context: %d", n)
	}
}

// A context that is replaced ends nothing any more.
func TestContextThatWasReplaced(t *testing.T) {
	t.Parallel()
	c := memory(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.SetContext(ctx)
	c.SetContext(t.Context())
	cancel()
	c.interrupt(ctx) // as if its end had been noticed late
	if n := number(t, c, `SELECT 1`); n != 1 {
		t.Errorf("got %d", n)
	}
}

func TestContextBetweenRows(t *testing.T) {
	t.Parallel()
	c := memory(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.SetContext(ctx)
	rows := 0
	var last error
	for _, err := range c.Query(`SELECT 1 UNION ALL SELECT 2`) {
		if last = err; err == nil {
			rows++
		}
		cancel()
	}
	if rows != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d rows, then %v", rows, last)
	}
}

func TestSchemaIsNotTrusted(t *testing.T) {
	t.Parallel()
	c := memory(t, `CREATE TABLE t (n)`)
	if n := number(t, c, `PRAGMA trusted_schema`); n != 0 {
		t.Error("the schema is trusted")
	}
	if n := number(t, c, `PRAGMA cell_size_check`); n != 1 {
		t.Error("cells are not checked")
	}
	exec(t, c, `PRAGMA writable_schema = ON`)
	if err := c.Exec(`UPDATE sqlite_schema SET sql = 'x'`); err == nil {
		t.Error("the schema can be written to")
	}
}

// Arguments of Exec go to C without an allocation of their own.
func TestExecAllocatesNothing(t *testing.T) {
	c := memory(t, `CREATE TABLE t (a, b, c, d)`)
	text, blob, n := "some text", []byte("some bytes"), int64(1<<40)
	allocs := testing.AllocsPerRun(100, func() {
		if err := c.Exec(`INSERT INTO t VALUES (?, ?, ?, ?)`, text, blob, n, 0.5); err != nil {
			t.Error(err)
		}
		n++
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
