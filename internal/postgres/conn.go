package postgres

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
)

// pool has the connections of a store. Whoever needs one takes it, so that answers can be
// asked for while others are read; it keeps those that were given back.
type pool struct {
	place *place
	names *strings.Replacer // of the tables in statements

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(p *place) *pool {
	return &pool{place: p, names: strings.NewReplacer(
		"{documents}", p.name(""),
		"{sources}", p.name(sourcesSuffix),
		"{facts}", p.name(factsSuffix),
		"{nearest}", literal(p.name(nearestSuffix)),
	)}
}

// take returns a connection that nobody else uses.
func (p *pool) take(ctx context.Context) (*conn, error) {
	if c, err := p.kept(); c != nil || err != nil {
		return c, err
	}
	c := &conn{pool: p}
	err := engine.Again(ctx, func() (err error) {
		if c.PgConn, err = pgconn.ConnectConfig(ctx, p.place.config); err != nil {
			return p.place.failed(ctx, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// kept returns a connection that was given back, or nil.
func (p *pool) kept() (c *conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, engine.ErrClosed
	}
	if last := len(p.idle) - 1; last >= 0 {
		c, p.idle = p.idle[last], p.idle[:last]
	}
	return c, nil
}

// give takes a connection back, or closes it where it cannot be used again.
func (p *pool) give(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.IsClosed() || c.IsBusy() || c.TxStatus() != idle {
		c.drop()
		return
	}
	p.idle = append(p.idle, c)
}

// close closes the connections that nobody uses, and the others when they are given back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.drop()
	}
	p.idle = nil
}

// idle is the status of a connection in no transaction.
const idle = 'I'

// conn is a connection. One goroutine uses it at a time.
type conn struct {
	*pgconn.PgConn
	pool *pool
}

// drop ends the session, whatever it is doing.
func (c *conn) drop() {
	if c.IsBusy() { // a goodbye would wait for the end of the answer
		_ = c.Conn().Close()
	}
	ctx, stop := context.WithTimeout(context.Background(), goodbye)
	defer stop()
	_ = c.Close(ctx) // the server ends the session when the connection is gone
}

// binaryFormat asks for all columns of an answer in PostgreSQL's binary formats.
var binaryFormat = []int16{1}

// query runs a statement with the store's tables in the place of their names in braces, and
// yields its rows. They are read as they come: to stop early costs the connection.
func (c *conn) query(ctx context.Context, sql string, args ...any) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		values, formats := encode(args)
		answer := c.ExecParams(ctx, c.pool.names.Replace(sql), values, nil, formats, binaryFormat)
		for answer.NextRow() {
			if !yield(answer.Values(), nil) {
				c.drop()
				_, _ = answer.Close()
				return
			}
		}
		if _, err := answer.Close(); err != nil {
			yield(nil, c.pool.place.failed(ctx, err))
		}
	}
}

// exec runs a statement that has no answer.
func (c *conn) exec(ctx context.Context, sql string, args ...any) error {
	values, formats := encode(args)
	if _, err := c.ExecParams(ctx, c.pool.names.Replace(sql), values, nil, formats, binaryFormat).Close(); err != nil {
		return c.pool.place.failed(ctx, err)
	}
	return nil
}

// script runs statements without arguments, in one round trip, and returns the last
// answer, whose values are text.
func (c *conn) script(ctx context.Context, sql string) ([][][]byte, error) {
	answers, err := c.Exec(ctx, c.pool.names.Replace(sql)).ReadAll()
	if err != nil {
		return nil, c.pool.place.failed(ctx, err)
	}
	return answers[len(answers)-1].Rows, nil
}

// value returns the first column of the only row of an answer.
func (c *conn) value(ctx context.Context, sql string, args ...any) (v []byte, err error) {
	for r, err := range c.query(ctx, sql, args...) {
		if err != nil {
			return nil, err
		}
		v = bytes.Clone(r[0])
	}
	return v, nil
}

// encode returns values as PostgreSQL reads them: text, or the binary format of what is
// not plain text.
func encode(args []any) (values [][]byte, formats []int16) {
	for _, arg := range args {
		var b []byte
		format := int16(0)
		switch v := arg.(type) {
		case nil:
		case string:
			b = []byte(v)
		case []byte:
			b, format = v, 1
			if b == nil {
				b = []byte{}
			}
		case []float32:
			b, format = appendVector(nil, v), 1
		case []string:
			b, format = appendArray(nil, textType, len(v), func(b []byte, i int) []byte { return append(b, v[i]...) }), 1
		case []int64:
			b, format = appendArray(nil, int8Type, len(v), func(b []byte, i int) []byte { return binary.BigEndian.AppendUint64(b, uint64(v[i])) }), 1
		default: // numbers and booleans
			b = fmt.Append(nil, v)
		}
		values, formats = append(values, b), append(formats, format)
	}
	return values, formats
}

// The object ids of types, which are the same in every server.
const (
	int8Type = 20
	textType = 25
)

// appendArray appends an array of one dimension, as array_recv of PostgreSQL reads it.
func appendArray(b []byte, element uint32, n int, item func(b []byte, i int) []byte) []byte {
	for _, v := range []uint32{1, 0, element, uint32(n), 1} { // dimensions, no NULL, type, length, first index
		b = binary.BigEndian.AppendUint32(b, v)
	}
	for i := range n {
		at := len(b)
		b = item(append(b, 0, 0, 0, 0), i)
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return b
}

// appendVector appends a vector as vector_recv of pgvector reads it: its dim, two bytes
// that are 0, and the numbers.
func appendVector(b []byte, x []float32) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(x)))
	b = append(b, 0, 0)
	for _, v := range x {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// row is a row of an answer in binary formats. It is valid until the next one is read.
type row [][]byte

func (r row) text(i int) string { return string(r[i]) }

// int reads an integer of any width, and 0 for NULL.
func (r row) int(i int) int64 {
	switch len(r[i]) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(r[i])))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(r[i])))
	case 8:
		return int64(binary.BigEndian.Uint64(r[i]))
	}
	return 0
}

func (r row) float(i int) float64 { return math.Float64frombits(uint64(r.int(i))) }
func (r row) bool(i int) bool     { return len(r[i]) == 1 && r[i][0] != 0 }

// vector reads a vector into x, which it may make longer.
func (r row) vector(i int, x []float32) []float32 {
	x = x[:0]
	for b := r[i][min(4, len(r[i])):]; len(b) >= 4; b = b[4:] {
		x = append(x, math.Float32frombits(binary.BigEndian.Uint32(b)))
	}
	return x
}

// failed puts an error of a connection in the terms of engines.
func (p *place) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var refused *pgconn.PgError
	if mistrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &mistrusted) {
		return hint.With(fmt.Errorf("store %q: %w", p.url, mistrusted), "name the certificate of its authority with sslrootcert=FILE, and the host by the name that the certificate has")
	}
	if !errors.As(err, &refused) { // no answer came
		if strings.Contains(err.Error(), withoutTLS) {
			return hint.With(fmt.Errorf("store %q: %s", p.url, withoutTLS), "have the server use TLS (ssl = on), or leave sslmode out where its network can be trusted")
		}
		return &engine.UnavailableError{Store: p.url, Err: errors.New(reason(err))}
	}
	told := fmt.Errorf("PostgreSQL says: %s (SQLSTATE %s)", refused.Message, refused.Code)
	switch class := refused.Code[:min(2, len(refused.Code))]; {
	case class == "28", refused.Code == "42501": // no such user, a wrong password; not permitted
		return &engine.RefusedError{Store: p.url, Err: told}
	case class == "57" && refused.Code != "57014", class == "53", class == "08": // it ends, starts or is full
		return &engine.UnavailableError{Store: p.url, Err: told}
	}
	return p.remedied(&serverError{told.Error(), refused})
}

// withoutTLS is what pgconn says of a server that has none; it has no value for it.
const withoutTLS = "server refused TLS connection"

// serverError is an error that the server tells of.
type serverError struct {
	message string
	err     *pgconn.PgError
}

func (e *serverError) Error() string { return e.message }
func (e *serverError) Unwrap() error { return e.err }

// stateOf is the SQLSTATE of an error, "" where the server told none.
func stateOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// reason is what made a connection fail, without the settings of the connection, which
// pgconn puts before it.
func reason(err error) string {
	var connecting *pgconn.ConnectError
	if cause := errors.Unwrap(err); errors.As(err, &connecting) && cause != nil {
		err = cause
	}
	// Each address is tried with TLS and without, most often to the same end.
	return strings.Join(slices.Compact(strings.Split(err.Error(), "\n")), "; ")
}

func parseInt(b []byte) int64 {
	n, _ := strconv.ParseInt(string(b), 10, 64) // PostgreSQL's own bigint
	return n
}
