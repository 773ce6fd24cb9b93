// Package postgres keeps stores in tables of a PostgreSQL database, with their vectors as
// the extension pgvector keeps them. It answers as the folder of package store does, bit by
// bit: the server finds candidates, and their scores are computed here by the kernels of
// package faiss. The order among them is proved, see search.go.
//
// A store is three tables: documents, sources, and one row of facts (schema.go). PostgreSQL's
// transactions are the commits of a writer, and keep each answer to one moment. One writer
// at a time holds an advisory lock of the server (lock.go).
//
// It speaks the protocol by pgx's package pgconn alone; values are in PostgreSQL's binary
// formats.
package postgres

import (
	"context"
	"errors"
	"iter"

	"sheaf/internal/engine"
)

// Store answers from a store. It may be used by many goroutines.
type Store struct {
	*pool
	state state // when it was opened, and what the writer changed since
	past  *conn // a transaction of before a deletion; nil where there was none
	kept  []*conn
}

// Open opens the store that a URL names.
func Open(ctx context.Context, url string, _ engine.Options) (*Store, error) {
	p, err := parse(url)
	if err != nil {
		return nil, err
	}
	s := &Store{pool: newPool(p)}
	if err := s.view(ctx, func(v *view) error { s.state = v.state; return nil }); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Close ends the sessions of the store.
func (s *Store) Close() error {
	s.close()
	for _, c := range s.kept {
		c.drop()
	}
	s.kept, s.past = nil, nil
	return nil
}

// view is a transaction that reads: all its answers are of one moment.
type view struct {
	*conn
	state state
}

const beginView = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; `

// begin begins a view on a connection.
func (c *conn) begin(ctx context.Context) (*view, error) {
	rows, err := c.script(ctx, beginView+selectFacts)
	if err != nil {
		_, _ = c.script(ctx, `ROLLBACK`) // where it fails, so does what follows
		return nil, c.missing(ctx, err)
	}
	state, err := c.pool.place.readState(rows)
	return &view{c, state}, err
}

// view runs f in a transaction.
func (s *Store) view(ctx context.Context, f func(*view) error) error {
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer s.give(c)
	v, err := c.begin(ctx)
	if err != nil {
		return err
	}
	if err := f(v); err != nil {
		c.drop()
		return err
	}
	_, err = c.script(ctx, `COMMIT`)
	return err
}

// errStop ends a transaction of which a caller needs no more.
var errStop = errors.New("stopped")

// stream yields what f does in a transaction of its own. f returns errStop after yield
// returned false.
func stream[T any](ctx context.Context, s *Store, f func(v *view, yield func(T, error) bool) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.view(ctx, func(v *view) error { return f(v, yield) })
		if err != nil && !errors.Is(err, errStop) {
			yield(*new(T), err)
		}
	}
}

// Facts are those of the store.
func (s *Store) Facts() engine.Facts { return s.state.Facts }

// Settings are those that SetSettings kept.
func (s *Store) Settings() string { return s.state.settings }

// Info tells what the store holds.
func (s *Store) Info(ctx context.Context) (info engine.Info, err error) {
	const sizes = `SELECT (SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree($1::regclass)) + pg_total_relation_size($2::regclass) + pg_total_relation_size($3::regclass),
  (SELECT count(*) FROM {sources}), (SELECT count(*) FROM pg_inherits WHERE inhparent = $1::regclass)`
	err = s.view(ctx, func(v *view) error {
		for r, err := range v.query(ctx, sizes, s.place.name(""), s.place.name(sourcesSuffix), s.place.name(factsSuffix)) {
			if err != nil {
				return err
			}
			info = engine.Info{
				Facts: v.state.Facts, ID: v.state.id, Generation: v.state.generation, FormatVersion: formatVersion, Normalized: v.state.unit,
				Documents: v.state.documents, Sources: r.int(1), Bytes: r.int(0), IndexType: "pgvector", IndexFile: s.place.name(""), Partitions: r.int(2),
				Approximate: v.state.index.kind, Pending: v.state.index.kind != "" && !v.state.index.made,
				CreatedAt: v.state.created, UpdatedAt: v.state.updated,
			}
		}
		return nil
	})
	return info, err
}
